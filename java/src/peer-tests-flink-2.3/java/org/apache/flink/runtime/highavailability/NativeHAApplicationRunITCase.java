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

package org.apache.flink.runtime.highavailability;

import io.flinkkubeha.peers.HaMiniCluster;
import io.flinkkubeha.peers.PeerCluster;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Flink's test of an application in a MiniCluster with high availability. */
class NativeHAApplicationRunITCase extends AbstractHAApplicationRunITCase {

    private static final PeerCluster CLUSTER = PeerCluster.of("application-run");

    @RegisterExtension static final HaMiniCluster FLINK = new HaMiniCluster(CLUSTER);

    /** Whether it left anything in Kubernetes is looked at when all tests are done. */
    @Override
    protected void runAfterApplicationTermination() throws Exception {
        CLUSTER.awaitCleanUp("application-result-store", 1);
        CLUSTER.awaitCleanUp("job-result-store", 1);
    }
}
