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

package io.flinkkubeha.store;

import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.runtime.checkpoint.CheckpointProperties;
import org.apache.flink.runtime.checkpoint.CheckpointRetentionPolicy;
import org.apache.flink.runtime.checkpoint.CheckpointsCleaner;
import org.apache.flink.runtime.checkpoint.CompletedCheckpoint;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStore;
import org.apache.flink.runtime.state.SharedStateRegistryImpl;
import org.apache.flink.runtime.state.testutils.TestCompletedCheckpointStorageLocation;

import io.flinkkubeha.bridge.ConfigMapAccess;
import io.flinkkubeha.bridge.ConfigMaps;
import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.storage.StateFiles;
import io.flinkkubeha.storage.TestingStorages;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link CheckpointRecovery} below Flink's own checkpoint store. */
class CheckpointRecoveryTest {

    private static final JobID JOB_ID = new JobID(1, 2);

    @TempDir private Path directory;

    private final TestingConfigMap configMap = new TestingConfigMap();
    private final List<String> opened = new ArrayList<>();

    @Test
    void retainedCheckpointsComeBackAfterASuspension() throws Exception {
        final CompletedCheckpointStore store = createStore();
        for (long id = 1; id <= 3; id++) {
            store.addCheckpointAndSubsumeOldestOne(
                    checkpoint(id), new CheckpointsCleaner(), () -> {});
        }
        store.shutdown(JobStatus.SUSPENDED, new CheckpointsCleaner());

        final CompletedCheckpointStore recovered = createStore();

        assertThat(recovered.getAllCheckpoints())
                .extracting(CompletedCheckpoint::getCheckpointID)
                .containsExactly(2L, 3L);
        assertThat(opened).containsOnly("c-" + JOB_ID + "-config-map create");
        assertThat(fileCount()).isEqualTo(2);

        recovered.shutdown(JobStatus.FINISHED, new CheckpointsCleaner());
        assertThat(configMap.pointers()).isEmpty();
        assertThat(fileCount()).isZero();
    }

    @Test
    void removalThatAPredecessorHasBegunIsFinished() throws Exception {
        createStore()
                .addCheckpointAndSubsumeOldestOne(
                        checkpoint(1), new CheckpointsCleaner(), () -> {});
        final String key = CheckpointKeys.INSTANCE.checkpointIDToName(1);
        configMap.markPointer(key);

        assertThat(createStore().getAllCheckpoints()).isEmpty();

        assertThat(configMap.pointers()).isEmpty();
        assertThat(fileCount()).isZero();
    }

    @Test
    void configMapThatCannotBeOpenedIsNamed() {
        final CheckpointRecovery recovery =
                recovery(
                        (name, create) -> {
                            throw new NativeException(ErrorCode.NOT_LEADER, "Not the leader.");
                        });

        assertThatThrownBy(() -> recovery.createCounter(JOB_ID))
                .hasMessage(
                        "Could not open the checkpoints of job %s in ConfigMap c-%s-config-map: Not the leader.",
                        JOB_ID, JOB_ID);
    }

    private CompletedCheckpointStore createStore() throws Exception {
        return recovery(
                        (name, create) -> {
                            opened.add(name + (create ? " create" : ""));
                            return configMap;
                        })
                .createStore(JOB_ID, 2, checkpoints -> new SharedStateRegistryImpl());
    }

    private CheckpointRecovery recovery(Opener opener) {
        return new CheckpointRecovery(
                new ConfigMaps() {
                    @Override
                    public ConfigMapAccess open(String name, boolean create)
                            throws NativeException {
                        return opener.open(name, create);
                    }

                    @Override
                    public void delete(String name) {
                        throw new UnsupportedOperationException();
                    }
                },
                jobId -> "c-" + jobId + "-config-map",
                new StateFiles<>(
                        TestingStorages.flink(directory),
                        new org.apache.flink.core.fs.Path("file://" + directory + "/c"),
                        "completedCheckpoint"),
                Runnable::run);
    }

    private static CompletedCheckpoint checkpoint(long id) {
        return new CompletedCheckpoint(
                JOB_ID,
                id,
                0,
                1,
                Collections.emptyMap(),
                Collections.emptyList(),
                CheckpointProperties.forCheckpoint(
                        CheckpointRetentionPolicy.RETAIN_ON_FAILURE),
                new TestCompletedCheckpointStorageLocation(),
                null);
    }

    private long fileCount() throws Exception {
        try (Stream<Path> found = Files.list(directory.resolve("c"))) {
            return found.count();
        }
    }

    private interface Opener {
        ConfigMapAccess open(String name, boolean create) throws NativeException;
    }
}
