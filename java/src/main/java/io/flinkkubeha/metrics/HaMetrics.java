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

import javax.annotation.Nullable;
import javax.management.ObjectName;

import java.util.concurrent.Executor;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Shows what one HA services instance counts: over JMX always, over HTTP if a port was set. Nothing
 * that goes wrong here stops anything else.
 */
public final class HaMetrics implements AutoCloseable {

    private final MBeanRegistration registration;
    @Nullable private final MetricsEndpoint endpoint;

    private HaMetrics(MBeanRegistration registration, @Nullable MetricsEndpoint endpoint) {
        this.registration = registration;
        this.endpoint = endpoint;
    }

    /**
     * @param identity that of the process in the lock: no two instances have the same, so that they
     *     do not collide, whatever class loaders they come from
     * @param executor registers the MBean, for which a process that has no other has to make its
     *     MBean server first; nobody has to wait for that
     */
    public static HaMetrics open(
            MetricsSettings settings,
            String clusterId,
            String identity,
            MetricsSource source,
            Executor executor) {
        checkNotNull(source);
        return new HaMetrics(
                MBeanRegistration.start(clusterId, identity, source, executor),
                settings.isServed() ? MetricsEndpoint.open(settings, source) : null);
    }

    @Nullable
    ObjectName name() {
        return registration.name();
    }

    @Nullable
    MetricsEndpoint endpoint() {
        return endpoint;
    }

    @Override
    public void close() {
        if (endpoint != null) {
            endpoint.close();
        }
        registration.close();
    }
}
