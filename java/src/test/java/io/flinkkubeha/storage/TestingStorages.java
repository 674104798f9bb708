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

import io.flinkkubeha.bridge.TestingNativeLibrary;
import io.flinkkubeha.config.StorageConfiguration;

import java.nio.file.Path;

/** Storages on a local directory. */
public final class TestingStorages {

    private TestingStorages() {}

    /** Served by Flink's FileSystem, so that no native library is needed. */
    public static HaStorages flink(Path directory) {
        return open(directory, "flink");
    }

    /** Served as the mode says. */
    static HaStorages open(Path directory, String mode) {
        if (!mode.equals("flink")) {
            TestingNativeLibrary.load();
        }
        return StorageSelector.select(configuration(directory, mode));
    }

    public static StorageConfiguration configuration(Path directory, String mode) {
        return configuration(directory, mode, new Configuration());
    }

    static StorageConfiguration configuration(
            Path directory, String mode, Configuration configuration) {
        // Not toUri(), which escapes what Flink does not want escaped.
        configuration.setString("high-availability.storageDir", "file://" + directory);
        configuration.setString("high-availability.native.storage", mode);
        return StorageConfiguration.of(configuration);
    }
}
