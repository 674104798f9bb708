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

package org.apache.flink.runtime.checkpoint;

import org.apache.flink.api.common.JobID;

import io.flinkkubeha.peers.PeerCluster;
import io.flinkkubeha.peers.PeerServices;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Flink's tests of a counter, on that of a leader. */
class NativeCheckpointIDCounterTest extends CheckpointIDCounterTestBase {

    private PeerServices leader;

    @BeforeEach
    void becomeLeader() throws Exception {
        leader = PeerServices.ofLeader(PeerCluster.of("counter"));
    }

    @AfterEach
    void closeLeader() throws Exception {
        leader.close();
    }

    @Override
    protected CheckpointIDCounter createCheckpointIdCounter() throws Exception {
        return leader.get().getCheckpointRecoveryFactory().createCheckpointIDCounter(new JobID());
    }
}
