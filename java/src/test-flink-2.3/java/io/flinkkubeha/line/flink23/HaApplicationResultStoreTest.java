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

package io.flinkkubeha.line.flink23;

import org.apache.flink.api.common.ApplicationID;
import org.apache.flink.api.common.ApplicationState;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.highavailability.ApplicationResult;
import org.apache.flink.runtime.highavailability.ApplicationResultEntry;
import org.apache.flink.runtime.highavailability.ApplicationResultStore;
import org.apache.flink.runtime.highavailability.FileSystemApplicationResultStore;

import io.flinkkubeha.storage.ResultFiles;
import io.flinkkubeha.storage.TestingStorages;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link HaApplicationResultStore}, with Flink's own store beside it. */
class HaApplicationResultStoreTest {

    private static final ApplicationResultEntry FINISHED =
            entry(ApplicationState.FINISHED, "wörtlich \uD83D\uDCA5");

    private static final ApplicationResultEntry FAILED =
            entry(ApplicationState.FAILED, "\"quoted\"");

    @TempDir java.nio.file.Path directory;

    @Test
    void fileIsThatOfFlinkByteForByte() throws Exception {
        for (ApplicationResultEntry entry : new ApplicationResultEntry[] {FINISHED, FAILED}) {
            ours("ours", true).createDirtyResultAsync(entry).get();
            stock("stock", true).createDirtyResultAsync(entry).get();

            final String name = entry.getApplicationId() + "_DIRTY.json";
            assertThat(directory.resolve("ours").resolve(name))
                    .hasSameBinaryContentAs(directory.resolve("stock").resolve(name));
        }
    }

    @Test
    void eitherReadsAndCleansWhatTheOtherWrote() throws Exception {
        final ApplicationResultStore ours = ours("shared", false);
        final ApplicationResultStore stock = stock("shared", false);

        ours.createDirtyResultAsync(FINISHED).get();
        stock.createDirtyResultAsync(FAILED).get();

        assertThat(stock.getDirtyResults()).hasSize(2);
        assertThat(ours.getDirtyResults())
                .extracting(ApplicationResult::getApplicationName)
                .containsExactlyInAnyOrder(name(FINISHED), name(FAILED));

        ours.markResultAsCleanAsync(FAILED.getApplicationId()).get();
        stock.markResultAsCleanAsync(FINISHED.getApplicationId()).get();

        assertThat(ours.getDirtyResults()).isEmpty();
        assertThat(cleanName(ours, FINISHED)).isEqualTo(name(FINISHED));
        assertThat(cleanName(stock, FAILED)).isEqualTo(name(FAILED));
    }

    @Test
    void cleanResultIsDeletedUnlessItIsToBeKept() throws Exception {
        final ApplicationResultStore store = ours("deleting", true);
        store.createDirtyResultAsync(FINISHED).get();

        store.markResultAsCleanAsync(FINISHED.getApplicationId()).get();

        assertThat(store.getCleanApplicationResultAsync(FINISHED.getApplicationId()).get()).isNull();
        try (var files = Files.list(directory.resolve("deleting"))) {
            assertThat(files).isEmpty();
        }
    }

    private static ApplicationResultEntry entry(ApplicationState state, String name) {
        return new ApplicationResultEntry(
                new ApplicationResult.Builder()
                        .applicationId(new ApplicationID())
                        .applicationState(state)
                        .applicationName(name)
                        .startTime(12)
                        .endTime(345)
                        .build());
    }

    private static String name(ApplicationResultEntry entry) {
        return entry.getApplicationResult().getApplicationName();
    }

    private static String cleanName(ApplicationResultStore store, ApplicationResultEntry entry)
            throws Exception {
        return store.getCleanApplicationResultAsync(entry.getApplicationId())
                .get()
                .getApplicationName();
    }

    private ApplicationResultStore ours(String name, boolean deleteOnCommit) {
        return new HaApplicationResultStore(
                new ResultFiles(
                        TestingStorages.flink(directory),
                        new Path("file://" + directory + "/" + name),
                        deleteOnCommit),
                Runnable::run);
    }

    private ApplicationResultStore stock(String name, boolean deleteOnCommit) throws IOException {
        final Configuration configuration = new Configuration();
        configuration.setString(
                "application-result-store.storage-path", "file://" + directory + "/" + name);
        configuration.setString(
                "application-result-store.delete-on-commit", String.valueOf(deleteOnCommit));
        return FileSystemApplicationResultStore.fromConfiguration(configuration, Runnable::run);
    }
}
