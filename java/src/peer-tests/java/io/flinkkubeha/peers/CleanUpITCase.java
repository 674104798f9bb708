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

package io.flinkkubeha.peers;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.checkpoint.CheckpointIDCounter;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** The clean-up of a job, which Flink repeats until it has succeeded. */
class CleanUpITCase {

    private PeerServices leader;

    @BeforeEach
    void becomeLeader() throws Exception {
        leader = PeerServices.ofLeader(PeerCluster.of("clean-up"));
    }

    @AfterEach
    void closeLeader() throws Exception {
        leader.close();
    }

    @Test
    void cleanUpOfAJobCanBeRepeated() throws Exception {
        final JobID jobId = new JobID();
        final CheckpointIDCounter counter = counter(jobId);
        counter.setCount(5);

        cleanUp(jobId);
        cleanUp(jobId);

        assertThat(counter(jobId).get()).isEqualTo(CheckpointIDCounter.INITIAL_CHECKPOINT_ID);
    }

    @Test
    void jobsAreCleanedUpOneByOne() throws Exception {
        final JobID ended = new JobID();
        final JobID running = new JobID();
        counter(ended).setCount(5);
        final CheckpointIDCounter counter = counter(running);
        counter.setCount(7);

        cleanUp(ended);

        assertThat(counter.getAndIncrement()).isEqualTo(7);
    }

    @Test
    void jobThatHasNothingIsCleanedUp() throws Exception {
        cleanUp(new JobID());
    }

    private void cleanUp(JobID jobId) throws Exception {
        leader.get().globalCleanupAsync(jobId, Runnable::run).get();
    }

    private CheckpointIDCounter counter(JobID jobId) throws Exception {
        return leader.get().getCheckpointRecoveryFactory().createCheckpointIDCounter(jobId);
    }
}
