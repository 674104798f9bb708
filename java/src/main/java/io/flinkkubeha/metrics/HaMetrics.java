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

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

import java.lang.management.ManagementFactory;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Shows what one HA services instance counts: over JMX always, over HTTP if a port was set. Nothing
 * that goes wrong here stops anything else.
 */
public final class HaMetrics implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(HaMetrics.class);

    /** Held here alone, so that it lives as long as this does. */
    private final MetricsSource source;

    @Nullable private final ObjectName name;
    @Nullable private final MetricsEndpoint endpoint;

    private HaMetrics(
            MetricsSource source, @Nullable ObjectName name, @Nullable MetricsEndpoint endpoint) {
        this.source = source;
        this.name = name;
        this.endpoint = endpoint;
    }

    /**
     * @param identity that of the process in the lock: no two instances have the same, so that they
     *     do not collide, whatever class loaders they come from
     */
    public static HaMetrics open(
            MetricsSettings settings, String clusterId, String identity, MetricsSource source) {
        checkNotNull(source);
        return new HaMetrics(
                source,
                register(clusterId, identity, source),
                settings.isServed() ? MetricsEndpoint.open(settings, source) : null);
    }

    @Nullable
    private static ObjectName register(
            String clusterId, String identity, MetricsSource source) {
        try {
            final ObjectName name =
                    new ObjectName(
                            String.format(
                                    "io.flinkkubeha:type=HighAvailability,cluster=%s,identity=%s",
                                    ObjectName.quote(clusterId), ObjectName.quote(identity)));
            server().registerMBean(new HighAvailabilityMBean(source), name);
            return name;
        } catch (JMException | RuntimeException e) {
            LOG.warn("There is no MBean of high availability, which goes on without.", e);
            return null;
        }
    }

    private static MBeanServer server() {
        return ManagementFactory.getPlatformMBeanServer();
    }

    @Nullable
    ObjectName name() {
        return name;
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
        try {
            if (name != null && server().isRegistered(name)) {
                server().unregisterMBean(name);
            }
        } catch (JMException | RuntimeException e) {
            LOG.warn("{} of {} stays registered.", name, source, e);
        }
    }
}
