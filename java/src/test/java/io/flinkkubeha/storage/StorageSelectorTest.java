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

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;

import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.config.StorageConfiguration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Files;
import java.nio.file.Path;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link StorageSelector} and {@link HaStorages}. */
class StorageSelectorTest {

    private static final StorageSelector.NativeOpener UNSUPPORTED =
            (root, options) -> {
                throw new NativeException(ErrorCode.UNSUPPORTED, "Only file is served natively.");
            };

    @TempDir private Path directory;

    @Test
    void nativeStorageServesItsOwnSchemeAndFlinkEverythingElse() {
        final HaStorage nativeStorage = new FlinkFileSystemHaStorage();

        final HaStorages storages =
                StorageSelector.select(
                        TestingStorages.configuration(directory, "auto"),
                        (root, options) -> nativeStorage);

        assertThat(storages.description()).isEqualTo("native code");
        assertThat(storages.of("file:/elsewhere/x")).isSameAs(nativeStorage);
        assertThat(storages.of("s3://bucket/x")).isNotSameAs(nativeStorage);
        assertThat(storages.of("file://host/x")).isNotSameAs(nativeStorage);
    }

    @Test
    void whatNativeCodeCannotServeGoesThroughFlink() {
        final HaStorages storages =
                StorageSelector.select(
                        TestingStorages.configuration(directory, "auto"), UNSUPPORTED);

        assertThat(storages.description())
                .isEqualTo("Flink's FileSystem (Only file is served natively.)");
    }

    @Test
    void nativeStorageThatCannotBeHadIsRefusedIfAskedFor() {
        assertThatThrownBy(
                        () ->
                                StorageSelector.select(
                                        TestingStorages.configuration(directory, "native"),
                                        UNSUPPORTED))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessage(
                        "high-availability.native.storage: 'native' cannot be had, set it to 'auto' (Only file is served natively.)");
    }

    @Test
    void flinksFileSystemIsTakenIfAskedFor() {
        assertThat(TestingStorages.flink(directory).description())
                .isEqualTo("Flink's FileSystem (high-availability.native.storage asks for it)");
    }

    @Test
    void writableStorageIsLeftAsItWas() throws Exception {
        StorageSelector.requireWritable(
                TestingStorages.configuration(directory, "flink"), TestingStorages.flink(directory));

        try (var files = Files.list(directory.resolve("default"))) {
            assertThat(files).isEmpty();
        }
    }

    @Test
    void storageThatCannotBeWrittenIsRefused() throws Exception {
        final Path file = Files.createFile(directory.resolve("file"));

        assertThatThrownBy(
                        () ->
                                StorageSelector.requireWritable(
                                        TestingStorages.configuration(file, "flink"),
                                        TestingStorages.flink(file)))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageStartingWith(
                        "high-availability.storageDir: 'file:" + file + "/default' is not writable (")
                .hasMessageEndingWith(
                        "), give the user that runs Flink access to it or name another directory.");
    }

    @Test
    void mirrorThatCannotBeHadIsRefusedIfAskedFor() throws Exception {
        final HaStorages storages = TestingStorages.flink(directory);
        final Configuration configuration = new Configuration();
        StorageSelector.startMirror(mirrored(configuration), storages, null);
        configuration.setString("high-availability.native.mirror", "false");
        StorageSelector.startMirror(mirrored(configuration), storages, null);
        configuration.setString("high-availability.native.mirror", "true");

        assertThatThrownBy(
                        () ->
                                StorageSelector.startMirror(
                                        mirrored(configuration), storages, null))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessage(
                        "high-availability.native.mirror: 'true' cannot be had, because the storage directory is served by "
                                + "Flink's FileSystem (high-availability.native.storage asks for it): leave it out or set it to 'false'.");
    }

    private StorageConfiguration mirrored(Configuration configuration) {
        return TestingStorages.configuration(directory, "flink", configuration);
    }
}
