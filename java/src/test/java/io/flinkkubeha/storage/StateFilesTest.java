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

import org.apache.flink.runtime.persistence.filesystem.FileSystemStateStorageHelper;
import org.apache.flink.runtime.state.RetrievableStateHandle;
import org.apache.flink.runtime.state.RetrievableStreamStateHandle;
import org.apache.flink.util.InstantiationUtil;

import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.Serializable;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.stream.Stream;

import static org.assertj.core.api.Assertions.as;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link StateFiles} and {@link StoredStateHandle}. */
class StateFilesTest {

    @TempDir Path directory;

    private StateFiles<String> files() {
        return new StateFiles<>(storages(), root(), "completedCheckpoint");
    }

    @Test
    void fileIsThatOfFlinkByteForByte() throws Exception {
        final StoredStateHandle<String> ours = files().store("state");
        final RetrievableStateHandle<String> stock =
                new FileSystemStateStorageHelper<String>(
                                new org.apache.flink.core.fs.Path(root(), "stock"), "x")
                        .store("state");

        assertThat(file(ours.location()).getFileName().toString())
                .matches("completedCheckpoint[0-9a-f]{12}");
        assertThat(ours.getStateSize()).isEqualTo(stock.getStateSize());
        try (Stream<Path> files = Files.list(directory.resolve("c/stock"))) {
            assertThat(files)
                    .singleElement(as(InstanceOfAssertFactories.PATH))
                    .hasSameBinaryContentAs(file(ours.location()));
        }
        assertThat(ours.retrieveState()).isEqualTo("state");
    }

    @Test
    void locationIsThatOfFlinksPath() throws Exception {
        final StateFiles<String> escaped =
                new StateFiles<>(
                        storages(),
                        new org.apache.flink.core.fs.Path(root(), "with space"),
                        "x");

        final StoredStateHandle<String> handle = escaped.store("state");

        assertThat(handle.location()).startsWith("file:/").contains("/with%20space/x");
        assertThat(directory.resolve("c/with space")).isDirectoryContaining("glob:**/x*");
        assertThat(handle.retrieveState()).isEqualTo("state");
    }

    @Test
    void serializedHandleIsOneOfFlink() throws Exception {
        final StoredStateHandle<String> handle = files().store("state");

        final RetrievableStateHandle<String> read =
                InstantiationUtil.deserializeObject(
                        InstantiationUtil.serializeObject(handle), getClass().getClassLoader());

        assertThat(read).isInstanceOf(RetrievableStreamStateHandle.class);
        assertThat(read.retrieveState()).isEqualTo("state");
        assertThat(read.getStateSize()).isEqualTo(handle.getStateSize());
    }

    @Test
    void discardingIsIdempotent() throws Exception {
        final StoredStateHandle<String> handle = files().store("state");

        handle.discardState();
        handle.discardState();

        assertThat(file(handle.location())).doesNotExist();
        assertThatThrownBy(handle::retrieveState).isInstanceOf(IOException.class);
    }

    @Test
    void classesAreThoseOfTheCallersContext() throws Exception {
        final StateFiles<StateOfUser> userFiles =
                new StateFiles<>(storages(), root(), "x");
        final StoredStateHandle<StateOfUser> handle = userFiles.store(new StateOfUser());
        final ClassLoader before = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader empty = new URLClassLoader(new URL[0], null)) {
            Thread.currentThread().setContextClassLoader(empty);
            assertThatThrownBy(handle::retrieveState).isInstanceOf(ClassNotFoundException.class);
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
        assertThat(handle.retrieveState()).isNotNull();
    }

    private org.apache.flink.core.fs.Path root() {
        return new org.apache.flink.core.fs.Path("file://" + directory + "/c");
    }

    private static Path file(String location) {
        final Path file = Paths.get(URI.create(location).getPath());
        assertThat(Files.isDirectory(file)).isFalse();
        return file;
    }

    private static final class StateOfUser implements Serializable {
        private static final long serialVersionUID = 1L;
    }

    HaStorages storages() {
        return TestingStorages.flink(directory);
    }
}
