/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.config;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.configuration.JobManagerOptions;

import io.flinkkubeha.bridge.SessionSettings;

import javax.annotation.Nullable;

/** Where a JobManager can be seen to be alive. */
final class FastFailover {

    private static final int LAST_PORT = 65535;

    private final boolean enabled;
    private final int port;
    @Nullable private final String host;
    @Nullable private final String bindHost;

    private FastFailover(Configuration configuration) {
        this.enabled = HaConfiguration.read(configuration, HaOptions.FAST_FAILOVER);
        this.port = HaConfiguration.read(configuration, HaOptions.FAST_FAILOVER_PORT);
        final String own = HaConfiguration.read(configuration, HaOptions.FAST_FAILOVER_HOST);
        // Flink's start scripts put the pod's address there wherever high availability is documented.
        this.host =
                own == null ? HaConfiguration.read(configuration, JobManagerOptions.ADDRESS) : own;
        this.bindHost = HaConfiguration.read(configuration, JobManagerOptions.BIND_HOST);
        if (port < 0 || port > LAST_PORT) {
            throw new IllegalConfigurationException(
                    String.format(
                            "%s: the value '%d' is no port, set it to a number from 1 to %d, or to 0 for any free one.",
                            HaOptions.FAST_FAILOVER_PORT.key(), port, LAST_PORT));
        }
        if (enabled && (host == null || host.trim().isEmpty())) {
            throw new IllegalConfigurationException(
                    String.format(
                            "%s: no host is known under which other JobManagers reach this one, set %s to it.",
                            HaOptions.FAST_FAILOVER.key(), HaOptions.FAST_FAILOVER_HOST.key()));
        }
    }

    static FastFailover of(Configuration configuration) {
        return new FastFailover(configuration);
    }

    /** Only a candidate can be followed, or follow. */
    SessionSettings addTo(SessionSettings settings, ProcessRole role) {
        if (!enabled || !role.isCandidate()) {
            return settings;
        }
        return settings.with("fast-failover-host", host)
                .with("fast-failover-bind-host", bindHost)
                .with("fast-failover-port", String.valueOf(port));
    }
}
