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

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link HadoopSurroundings}. */
class HadoopSurroundingsTest {

    @Test
    void filesOnTheClassPathAndPropertiesAreFound(@TempDir Path directory) throws IOException {
        final Path conf = Files.createDirectory(directory.resolve("with space"));
        final Path file = Files.createFile(conf.resolve("core-site.xml"));
        final Properties properties = new Properties();
        properties.setProperty("HADOOP_USER_NAME", "flink");
        properties.setProperty("user.name", "root");

        try (URLClassLoader classPath = new URLClassLoader(new URL[] {conf.toUri().toURL()}, null)) {
            assertThat(HadoopSurroundings.of(classPath, properties))
                    .hasSize(2)
                    .containsEntry("core-site.xml", "file:" + file)
                    .containsEntry("HADOOP_USER_NAME", "flink");
        }
    }
}
