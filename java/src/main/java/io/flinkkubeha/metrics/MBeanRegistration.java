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
import javax.annotation.concurrent.GuardedBy;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

import java.lang.management.ManagementFactory;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** The MBean of one HA services instance, registered while others go on. */
final class MBeanRegistration implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(MBeanRegistration.class);

    private final String clusterId;
    private final String identity;

    /** Held here alone, so that it lives as long as this does. */
    private final MetricsSource source;

    @GuardedBy("this")
    private boolean closed;

    @GuardedBy("this")
    @Nullable
    private ObjectName name;

    private MBeanRegistration(String clusterId, String identity, MetricsSource source) {
        this.clusterId = checkNotNull(clusterId);
        this.identity = checkNotNull(identity);
        this.source = checkNotNull(source);
    }

    static MBeanRegistration start(
            String clusterId, String identity, MetricsSource source, Executor executor) {
        final MBeanRegistration registration =
                new MBeanRegistration(clusterId, identity, source);
        try {
            executor.execute(registration::register);
        } catch (RejectedExecutionException e) {
            registration.register();
        }
        return registration;
    }

    private synchronized void register() {
        if (closed) {
            return;
        }
        try {
            final ObjectName wanted =
                    new ObjectName(
                            String.format(
                                    "io.flinkkubeha:type=HighAvailability,cluster=%s,identity=%s",
                                    ObjectName.quote(clusterId), ObjectName.quote(identity)));
            server().registerMBean(new HighAvailabilityMBean(source), wanted);
            name = wanted;
        } catch (JMException | RuntimeException e) {
            LOG.warn("There is no MBean of high availability, which goes on without.", e);
        }
    }

    private static MBeanServer server() {
        return ManagementFactory.getPlatformMBeanServer();
    }

    /** {@code null} before it is registered. */
    @Nullable
    synchronized ObjectName name() {
        return name;
    }

    @Override
    public synchronized void close() {
        closed = true;
        try {
            if (name != null && server().isRegistered(name)) {
                server().unregisterMBean(name);
            }
        } catch (JMException | RuntimeException e) {
            LOG.warn("{} of {} stays registered.", name, source, e);
        }
    }
}
