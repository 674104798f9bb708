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

import java.io.IOException;

/** {@link MetricsSource} of fixed figures. */
final class TestingMetricsSource implements MetricsSource {

    static final String TEXT =
            "# HELP flink_kube_ha_is_leader Whether this process leads.\n"
                    + "# TYPE flink_kube_ha_is_leader gauge\n"
                    + "flink_kube_ha_is_leader 1\n"
                    + "flink_kube_ha_lease_remaining_seconds 7.25\n"
                    + "flink_kube_ha_leadership_grants_total 3\n"
                    + "flink_kube_ha_leadership_losses_total{cause=\"shutdown\"} 1\n"
                    + "flink_kube_ha_leadership_losses_total{cause=\"freeze\"} 1\n"
                    + "flink_kube_ha_info{version=\"a b\"} 1\n";

    private volatile boolean closed;

    @Override
    public String metrics() throws IOException {
        if (closed) {
            throw new IOException("The session is closed.");
        }
        return TEXT;
    }

    @Override
    public String blackBox() {
        return "an event\n";
    }

    void close() {
        closed = true;
    }
}
