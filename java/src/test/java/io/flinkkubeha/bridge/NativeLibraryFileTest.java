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

package io.flinkkubeha.bridge;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.InputStream;
import java.nio.file.Path;
import java.security.MessageDigest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link NativeLibraryFile}, with a resource that is no library. */
class NativeLibraryFileTest {

    private static final String RESOURCE = "/io/flinkkubeha/bridge/NativeLibraryFile.class";

    @TempDir private Path tmpdir;

    @Test
    void damagedJarIsRefused() {
        assertFailure(
                new NativeLibraryFile(RESOURCE, "x.so", "00"),
                tmpdir,
                "The jar of flink-kube-ha is damaged at " + RESOURCE + ", its SHA-256 is ");
        assertFailure(
                new NativeLibraryFile("/absent", "x.so", "00"),
                tmpdir,
                "The jar of flink-kube-ha is damaged at /absent, it is missing: copy it into lib/ again.");
    }

    @Test
    void fileThatIsNoLibraryIsRefused() throws Exception {
        assertFailure(
                new NativeLibraryFile(RESOURCE, "x.so", sha256()),
                tmpdir,
                "The native library " + tmpdir);
    }

    @Test
    void directoryThatCannotBeWrittenIsRefused() throws Exception {
        final Path absent = tmpdir.resolve("absent");

        assertFailure(
                new NativeLibraryFile(RESOURCE, "x.so", sha256()),
                absent,
                "The native library cannot be unpacked below " + absent + " (");
    }

    private void assertFailure(NativeLibraryFile file, Path directory, String message) {
        assertThatThrownBy(() -> file.load(directory))
                .isInstanceOf(NativeLibraryException.class)
                .hasMessageStartingWith(message);
        assertThat(tmpdir).isEmptyDirectory();
    }

    private static String sha256() throws Exception {
        try (InputStream in = NativeLibraryFileTest.class.getResourceAsStream(RESOURCE)) {
            final StringBuilder hex = new StringBuilder();
            for (byte b : MessageDigest.getInstance("SHA-256").digest(in.readAllBytes())) {
                hex.append(String.format("%02x", b));
            }
            return hex.toString();
        }
    }
}
