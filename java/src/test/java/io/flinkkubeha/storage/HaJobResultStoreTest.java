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

package io.flinkkubeha.storage;

import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.executiongraph.ErrorInfo;
import org.apache.flink.runtime.highavailability.FileSystemJobResultStore;
import org.apache.flink.runtime.highavailability.JobResultEntry;
import org.apache.flink.runtime.highavailability.JobResultStore;
import org.apache.flink.runtime.highavailability.JobResultStoreContractTest;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.rest.handler.legacy.utils.ArchivedExecutionGraphBuilder;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link HaJobResultStore}: Flink's own contract, and Flink's own store beside it. */
class HaJobResultStoreTest implements JobResultStoreContractTest {

    private static final JobResultEntry SUCCEEDED =
            entry(new ArchivedExecutionGraphBuilder().setState(JobStatus.FINISHED));

    private static final JobResultEntry FAILED =
            entry(
                    new ArchivedExecutionGraphBuilder()
                            .setState(JobStatus.FAILED)
                            .setFailureCause(
                                    new ErrorInfo(new IOException("wörtlich \uD83D\uDCA5"), 1)));

    @TempDir Path directory;

    @Override
    public JobResultStore createJobResultStore() {
        return ours("contract", false);
    }

    @Test
    void fileIsThatOfFlinkByteForByte() throws Exception {
        for (JobResultEntry entry : new JobResultEntry[] {SUCCEEDED, FAILED}) {
            ours("ours", true).createDirtyResultAsync(entry).get();
            stock("stock", true).createDirtyResultAsync(entry).get();

            final String name = entry.getJobId() + "_DIRTY.json";
            assertThat(directory.resolve("ours").resolve(name))
                    .hasSameBinaryContentAs(directory.resolve("stock").resolve(name));
        }
    }

    @Test
    void eitherReadsAndCleansWhatTheOtherWrote() throws Exception {
        final JobResultStore ours = ours("shared", false);
        final JobResultStore stock = stock("shared", false);

        ours.createDirtyResultAsync(SUCCEEDED).get();
        stock.createDirtyResultAsync(FAILED).get();

        assertThat(stock.getDirtyResults()).hasSize(2);
        assertThat(ours.getDirtyResults()).hasSize(2);
        ours.markResultAsCleanAsync(FAILED.getJobId()).get();
        stock.markResultAsCleanAsync(SUCCEEDED.getJobId()).get();
        assertThat(ours.getDirtyResults()).isEmpty();
        assertThat(ours.hasCleanJobResultEntryAsync(SUCCEEDED.getJobId()).get()).isTrue();
        assertThat(stock.hasCleanJobResultEntryAsync(FAILED.getJobId()).get()).isTrue();
    }

    @Test
    void cleanResultIsDeletedUnlessItIsToBeKept() throws Exception {
        final JobResultStore store = ours("deleting", true);
        store.createDirtyResultAsync(SUCCEEDED).get();

        store.markResultAsCleanAsync(SUCCEEDED.getJobId()).get();

        try (var files = Files.list(directory.resolve("deleting"))) {
            assertThat(files).isEmpty();
        }
    }

    /** By way of a graph, because the builder of results differs between lines. */
    private static JobResultEntry entry(ArchivedExecutionGraphBuilder graph) {
        return new JobResultEntry(JobResult.createFrom(graph.build()));
    }

    private JobResultStore ours(String name, boolean deleteOnCommit) {
        return new HaJobResultStore(
                new ResultFiles(
                        storages(),
                        new org.apache.flink.core.fs.Path("file://" + directory + "/" + name),
                        deleteOnCommit),
                Runnable::run);
    }

    private JobResultStore stock(String name, boolean deleteOnCommit) throws IOException {
        final Configuration configuration = new Configuration();
        configuration.setString("job-result-store.storage-path", "file://" + directory + "/" + name);
        configuration.setString(
                "job-result-store.delete-on-commit", String.valueOf(deleteOnCommit));
        return FileSystemJobResultStore.fromConfiguration(configuration, Runnable::run);
    }

    HaStorages storages() {
        return TestingStorages.flink(directory);
    }
}
