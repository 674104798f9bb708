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

import java.util.Map;

/**
 * What one HA services instance shows of itself over JMX, under {@code
 * io.flinkkubeha:type=HighAvailability,cluster=…,identity=…}. Reading it sends nothing to anybody.
 */
public interface HighAvailabilityMXBean {

    boolean isLeader();

    /** How long it leads on if no further renewal is acknowledged; 0 where it does not lead. */
    double getLeaseRemainingSeconds();

    /** Times that it became the leader. */
    long getGrants();

    /** Times that it ceased to be. */
    long getLosses();

    /** The newest events of the lease and of writes, a line for each, oldest first. */
    String getBlackBox();

    /** Every sample by its name and labels, as in Prometheus' text format. */
    Map<String, Double> getMetrics();

    /** The same in Prometheus' text format 0.0.4. */
    String getMetricsText();
}
