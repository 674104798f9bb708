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
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.CompletedCheckpoint;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.CommonTestUtils;
import org.apache.flink.util.FlinkException;
import org.apache.flink.util.concurrent.Executors;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A job that starts from a savepoint has it as its first completed checkpoint: a JobManager that
 * takes over before the next one finds it there.
 */
class RecoverFromSavepointITCase {

    private static final PeerCluster CLUSTER = PeerCluster.of("savepoint-run");

    @RegisterExtension static final HaMiniCluster FLINK = new HaMiniCluster(CLUSTER);

    private final MiniCluster flink = FLINK.getMiniCluster();

    @Test
    @SuppressWarnings("try") // a follower gives nothing back that could be interrupted
    void savepointThatAJobStartsFromIsItsFirstCheckpoint() throws Exception {
        final CountingJob first = new CountingJob("first");
        final JobID firstId = submit(first.graph());
        assertThat(first.firstElement().get()).isEqualTo(1);
        final String savepoint =
                flink.stopWithSavepoint(
                                firstId,
                                CLUSTER.directory("savepoints"),
                                false,
                                SavepointFormatType.CANONICAL)
                        .get();
        assertThat(flink.requestJobResult(firstId).get().isSuccess()).isTrue();

        final CountingJob second = new CountingJob("second");
        final JobGraph graph = second.graph();
        graph.setSavepointRestoreSettings(SavepointRestoreSettings.forPath(savepoint));
        final JobID secondId = submit(graph);
        assertThat(second.firstElement().get()).isGreaterThan(1);

        try (PeerServices follower = PeerServices.ofFollower(CLUSTER)) {
            final List<CompletedCheckpoint> recoverable = checkpoints(follower, secondId);
            assertThat(recoverable)
                    .extracting(CompletedCheckpoint::getExternalPointer)
                    .containsExactly(savepoint);
            assertThat(
                            follower.get()
                                    .getCheckpointRecoveryFactory()
                                    .createCheckpointIDCounter(secondId)
                                    .get())
                    .isEqualTo(recoverable.get(0).getCheckpointID() + 1);

            // It takes the place of the savepoint, a moment after Flink has called it complete.
            final String checkpoint = flink.triggerCheckpoint(secondId).get();
            CommonTestUtils.waitUntilCondition(
                    () -> pointers(follower, secondId).equals(List.of(checkpoint)), 50, 600);
        }

        flink.cancelJob(secondId).get();
        CLUSTER.awaitCleanUp("job-result-store", 2);
        assertThat(flink.getJobStatus(secondId).get()).isEqualTo(JobStatus.CANCELED);
        assertThat(Path.of(URI.create(savepoint)).resolve("_metadata"))
                .as("a savepoint is the user's")
                .exists();
    }

    private JobID submit(JobGraph graph) throws Exception {
        return flink.submitJob(graph).get().getJobID();
    }

    /** Nothing, while the last checkpoint is being taken away. */
    private static List<String> pointers(PeerServices services, JobID jobId) throws Exception {
        try {
            return checkpoints(services, jobId).stream()
                    .map(CompletedCheckpoint::getExternalPointer)
                    .collect(Collectors.toList());
        } catch (FlinkException e) {
            return List.of();
        }
    }

    private static List<CompletedCheckpoint> checkpoints(PeerServices services, JobID jobId)
            throws Exception {
        return CheckpointStores.recover(services.get(), jobId, 1, Executors.directExecutor())
                .getAllCheckpoints();
    }
}
