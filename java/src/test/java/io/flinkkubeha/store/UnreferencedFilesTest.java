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

import io.flinkkubeha.bridge.Pointer;
import io.flinkkubeha.storage.HaStorages;
import io.flinkkubeha.storage.StateFiles;
import io.flinkkubeha.storage.StoredStateHandle;
import io.flinkkubeha.storage.TestingStorages;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link UnreferencedFiles}. */
class UnreferencedFilesTest {

    @TempDir Path directory;

    @Test
    void onlyTheFileOfThePointerIsDeletedAndOnlyOnce() throws Exception {
        final StateFiles<String> files = files();
        final StoredStateHandle<String> lost = files.store("lost");
        final StoredStateHandle<String> kept = files.store("kept");
        final UnreferencedFiles unreferenced = new UnreferencedFiles(files);

        unreferenced.onUnreferenced("c-0-config-map", "checkpointID-1", pointer(lost));
        unreferenced.onUnreferenced("c-0-config-map", "checkpointID-1", pointer(lost));

        try (Stream<Path> left = Files.list(directory)) {
            assertThat(left).hasSize(1);
        }
        assertThat(kept.retrieveState()).isEqualTo("kept");
    }

    @Test
    void aFileThatCannotBeDeletedIsNobodysFailure() {
        final UnreferencedFiles unreferenced = new UnreferencedFiles(files());

        unreferenced.onUnreferenced(
                "c-0-config-map",
                "checkpointID-1",
                new Pointer(Pointer.State.LIVE, "unknown://host/file", 7, "raw"));

        assertThat(directory).isEmptyDirectory();
    }

    private StateFiles<String> files() {
        final HaStorages storages = TestingStorages.flink(directory);
        return new StateFiles<>(
                storages,
                new org.apache.flink.core.fs.Path(directory.toUri()),
                "completedCheckpoint");
    }

    private static Pointer pointer(StoredStateHandle<?> handle) {
        return new Pointer(
                Pointer.State.LIVE, handle.location(), handle.getStateSize(), "of no interest");
    }
}
