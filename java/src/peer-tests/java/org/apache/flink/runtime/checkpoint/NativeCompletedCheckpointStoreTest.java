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
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.runtime.state.SharedStateRegistry;
import org.apache.flink.runtime.state.SharedStateRegistryImpl;

import io.flinkkubeha.peers.CheckpointStores;
import io.flinkkubeha.peers.PeerCluster;
import io.flinkkubeha.peers.PeerServices;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.concurrent.Executor;

import static org.assertj.core.api.Assertions.assertThat;

/** Flink's tests of a store of completed checkpoints, on that of a leader; and what the next leader finds. */
class NativeCompletedCheckpointStoreTest extends CompletedCheckpointStoreTest {

    private final PeerCluster cluster = PeerCluster.of("checkpoints");
    private final JobID jobId = new JobID();
    private final SharedStateRegistry registry = new SharedStateRegistryImpl();

    private PeerServices leader;

    @BeforeEach
    void becomeLeader() throws Exception {
        leader = PeerServices.ofLeader(cluster);
    }

    @AfterEach
    void closeLeader() throws Exception {
        leader.close();
    }

    @Override
    protected CompletedCheckpointStore createRecoveredCompletedCheckpointStore(
            int maxRetained, Executor executor) throws Exception {
        return CheckpointStores.recover(leader.get(), jobId, maxRetained, executor);
    }

    @Test
    void nextLeaderRecoversWhatASuspendedJobKept() throws Exception {
        final CompletedCheckpointStore store = createRecoveredCompletedCheckpointStore(2);
        for (long id = 9; id <= 11; id++) {
            add(store, createCheckpoint(id, registry));
        }
        store.shutdown(JobStatus.SUSPENDED, new CheckpointsCleaner());

        handOver();

        final CompletedCheckpointStore recovered = createRecoveredCompletedCheckpointStore(2);
        assertThat(recovered.getAllCheckpoints())
                .extracting(CompletedCheckpoint::getCheckpointID)
                .containsExactly(10L, 11L);
    }

    @Test
    void nextLeaderFindsNothingOfAJobThatEnded() throws Exception {
        final CompletedCheckpointStore store = createRecoveredCompletedCheckpointStore(2);
        final TestCompletedCheckpoint checkpoint = createCheckpoint(1, registry);
        add(store, checkpoint);
        store.shutdown(JobStatus.FINISHED, new CheckpointsCleaner());
        checkpoint.awaitDiscard();

        handOver();

        assertThat(createRecoveredCompletedCheckpointStore(2).getAllCheckpoints()).isEmpty();
    }

    private static void add(CompletedCheckpointStore store, CompletedCheckpoint checkpoint)
            throws Exception {
        store.addCheckpointAndSubsumeOldestOne(checkpoint, new CheckpointsCleaner(), () -> {});
    }

    private void handOver() throws Exception {
        leader.close();
        leader = PeerServices.ofLeader(cluster);
    }
}
