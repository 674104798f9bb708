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

package io.flinkkubeha.config;

import org.apache.flink.configuration.IllegalConfigurationException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link JarVersion}. */
class JarVersionTest {

    @TempDir private Path lib;

    @Test
    void twoVersionsAreRefusedWithBothFiles() throws Exception {
        final URL first = jar("flink-kube-ha-1.0.jar", "1.0");
        final URL second = jar("flink-kube-ha-1.1.jar", "1.1");

        try (URLClassLoader loader = new URLClassLoader(new URL[] {first, second}, null)) {
            assertThatThrownBy(() -> JarVersion.requireSingleJar(loader))
                    .isInstanceOf(IllegalConfigurationException.class)
                    .hasMessage(
                            "flink-kube-ha is on the class path more than once, as "
                                    + first
                                    + " (1.0) and "
                                    + second
                                    + " (1.1): leave one of them in lib/.");
        }
    }

    @Test
    void oneJarNamedTwiceIsFine() throws Exception {
        final URL jar = jar("flink-kube-ha-1.0.jar", "1.0");

        try (URLClassLoader loader = new URLClassLoader(new URL[] {jar, jar}, null)) {
            assertThatCode(() -> JarVersion.requireSingleJar(loader)).doesNotThrowAnyException();
        }
    }

    private URL jar(String name, String version) throws IOException {
        final Path file = lib.resolve(name);
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(file))) {
            jar.putNextEntry(new JarEntry(JarVersion.MARKER));
            jar.write(("version=" + version + "\n").getBytes(StandardCharsets.UTF_8));
            jar.closeEntry();
        }
        return file.toUri().toURL();
    }
}
