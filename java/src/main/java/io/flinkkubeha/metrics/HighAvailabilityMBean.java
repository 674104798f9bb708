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

import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.TreeMap;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Asks the source at each call, and does not keep it alive: the MBean server outlives every
 * service, also one that nobody closes.
 */
final class HighAvailabilityMBean implements HighAvailabilityMXBean {

    static final String PREFIX = "flink_kube_ha_";

    private final WeakReference<MetricsSource> source;

    HighAvailabilityMBean(MetricsSource source) {
        this.source = new WeakReference<>(checkNotNull(source));
    }

    @Override
    public boolean isLeader() {
        return value("is_leader") > 0;
    }

    @Override
    public double getLeaseRemainingSeconds() {
        return value("lease_remaining_seconds");
    }

    @Override
    public long getGrants() {
        return (long) value("leadership_grants_total");
    }

    @Override
    public long getLosses() {
        final String losses = PREFIX + "leadership_losses_total{";
        return (long)
                getMetrics().entrySet().stream()
                        .filter(sample -> sample.getKey().startsWith(losses))
                        .mapToDouble(Map.Entry::getValue)
                        .sum();
    }

    @Override
    public String getBlackBox() {
        try {
            return living().blackBox();
        } catch (Exception e) {
            throw unavailable(e);
        }
    }

    @Override
    public Map<String, Double> getMetrics() {
        return samples(getMetricsText());
    }

    @Override
    public String getMetricsText() {
        try {
            return living().metrics();
        } catch (Exception e) {
            throw unavailable(e);
        }
    }

    private double value(String name) {
        return getMetrics().getOrDefault(PREFIX + name, 0.0);
    }

    private MetricsSource living() {
        final MetricsSource living = source.get();
        if (living == null) {
            throw new IllegalStateException("The HA services are gone.");
        }
        return living;
    }

    /** Only classes of the JDK, which every JMX client has. */
    private static IllegalStateException unavailable(Exception e) {
        return new IllegalStateException("The HA services cannot be asked: " + e.getMessage());
    }

    /** Name and labels, then the value behind the last space of the line. */
    static Map<String, Double> samples(String text) {
        final Map<String, Double> samples = new TreeMap<>();
        for (String line : text.split("\n")) {
            final int space = line.lastIndexOf(' ');
            if (space > 0 && !line.startsWith("#")) {
                samples.put(line.substring(0, space), Double.valueOf(line.substring(space + 1)));
            }
        }
        return samples;
    }
}
