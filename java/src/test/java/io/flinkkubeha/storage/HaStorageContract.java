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

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.FileNotFoundException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** What every {@link HaStorage} does on a local directory. */
abstract class HaStorageContract {

    private static final byte[] CONTENT = "content".getBytes(StandardCharsets.UTF_8);

    @TempDir Path directory;

    abstract HaStorage storage();

    @Test
    void createsReadsAndDeletes() throws Exception {
        final String location = location("a/b c/ö%");

        assertThat(storage().exists(location)).isFalse();
        storage().create(location, CONTENT);

        assertThat(storage().exists(location)).isTrue();
        assertThat(storage().read(location)).isEqualTo(CONTENT);
        assertThat(directory.resolve("a/b c/ö%")).hasBinaryContent(CONTENT);
        storage().delete(location);
        storage().delete(location);
        assertThat(storage().exists(location)).isFalse();
    }

    @Test
    void neverCreatesOverAnObject() throws Exception {
        final String location = location("a");
        storage().create(location, CONTENT);

        assertThatThrownBy(() -> storage().create(location, new byte[] {1}))
                .isInstanceOf(FileAlreadyExistsException.class);
        assertThat(storage().read(location)).isEqualTo(CONTENT);
    }

    @Test
    void absentObjectIsNotFound() {
        assertThatThrownBy(() -> storage().read(location("absent")))
                .isInstanceOf(FileNotFoundException.class);
        assertThatThrownBy(
                        () -> storage().download(location("absent"), directory.resolve("x").toFile()))
                .isInstanceOf(FileNotFoundException.class);
    }

    @Test
    void listsFilesDirectlyBelow() throws Exception {
        assertThat(storage().list(location("absent"))).isEmpty();
        storage().create(location("list/one"), CONTENT);
        storage().create(location("list/two"), CONTENT);
        storage().create(location("list/below/three"), CONTENT);

        assertThat(storage().list(location("list"))).containsExactlyInAnyOrder("one", "two");
    }

    @Test
    void deletesEverythingBelowADirectory() throws Exception {
        storage().create(location("tree/one"), CONTENT);
        storage().create(location("tree/below/two"), CONTENT);

        storage().deleteAll(location("tree"));
        storage().deleteAll(location("tree"));

        assertThat(directory.resolve("tree")).doesNotExist();
    }

    @Test
    void directoryWithSomethingInItIsNotDeletedAsEmpty() throws Exception {
        storage().create(location("tree/one"), CONTENT);

        storage().deleteEmptyDirectory(location("tree"));

        assertThat(storage().exists(location("tree/one"))).isTrue();
    }

    @Test
    void renames() throws Exception {
        storage().create(location("from"), CONTENT);

        storage().rename(location("from"), location("to"));

        assertThat(storage().exists(location("from"))).isFalse();
        assertThat(storage().read(location("to"))).isEqualTo(CONTENT);
    }

    @Test
    void copiesFilesOverWhatIsThere() throws Exception {
        final Path source = Files.write(directory.resolve("source"), CONTENT);
        final Path target = Files.write(directory.resolve("target"), new byte[100]);
        storage().create(location("up/object"), new byte[100]);

        storage().upload(source.toFile(), location("up/object"));
        storage().download(location("up/object"), target.toFile());

        assertThat(target).hasBinaryContent(CONTENT);
    }

    @Test
    void probeLeavesNothing() throws Exception {
        storage().probe(location("probed"));

        assertThat(storage().list(location("probed"))).isEmpty();
    }

    String location(String relative) {
        return new org.apache.flink.core.fs.Path("file://" + directory + "/" + relative)
                .toUri()
                .toString();
    }
}
