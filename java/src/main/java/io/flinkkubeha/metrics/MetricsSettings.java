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

package io.flinkkubeha.metrics;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.util.NetUtils;

import io.flinkkubeha.config.HaConfiguration;
import io.flinkkubeha.config.HaOptions;

import javax.annotation.Nullable;

import java.util.Iterator;

/** Where metrics are served over HTTP, if they are. */
public final class MetricsSettings {

    @Nullable private final String portRange;
    private final String bindHost;

    private MetricsSettings(Configuration configuration) {
        this.portRange = HaConfiguration.read(configuration, HaOptions.METRICS_PORT);
        this.bindHost = HaConfiguration.read(configuration, HaOptions.METRICS_BIND_HOST);
        if (portRange != null) {
            checkPorts();
        }
        if (bindHost.trim().isEmpty()) {
            throw new IllegalConfigurationException(
                    HaOptions.METRICS_BIND_HOST.key()
                            + ": the value is empty, set it to an address of this host or leave it out to listen on all.");
        }
    }

    private void checkPorts() {
        try {
            ports();
        } catch (IllegalArgumentException | IllegalConfigurationException e) {
            throw new IllegalConfigurationException(
                    String.format(
                            "%s: the value '%s' is no port (%s), set it to one like '9250', to a range like '9250-9260', or to '0' for any free one.",
                            portKey(), portRange, e.getMessage()),
                    e);
        }
    }

    public static MetricsSettings of(Configuration configuration) {
        return new MetricsSettings(configuration);
    }

    /** Whether anything is served. */
    boolean isServed() {
        return portRange != null;
    }

    /** The ports to try, one after the other. */
    Iterator<Integer> ports() {
        return NetUtils.getPortRangeFromString(String.valueOf(portRange));
    }

    @Nullable
    String portRange() {
        return portRange;
    }

    String bindHost() {
        return bindHost;
    }

    String portKey() {
        return HaOptions.METRICS_PORT.key();
    }
}
