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

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

import static org.assertj.core.api.Assertions.assertThat;

/** Runs a main class in a JVM of its own, with the class path of this one. */
final class TestingJvm {

    /** A JVM of this machine ends far sooner; one that hangs does not end at all. */
    private static final long LIMIT_SECONDS = 60;

    private TestingJvm() {}

    /** What the JVM printed, once it has ended by itself and without complaint. */
    static String run(Path directory, List<String> options, Class<?> mainClass, String... arguments)
            throws IOException, InterruptedException {
        final List<String> command = new ArrayList<>();
        command.add(System.getProperty("java.home") + "/bin/java");
        command.add("-Xcheck:jni");
        // Java 11 would print that somebody ignores SIGINT, as shells do for what runs in the background.
        command.add("-Xrs");
        if (Runtime.version().feature() >= 24) {
            // It warns of every library otherwise, which nobody wants among the output.
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.addAll(options);
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(mainClass.getName());
        command.addAll(Arrays.asList(arguments));
        final File output = directory.resolve("output").toFile();
        final Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(output)
                        .start();
        try {
            assertThat(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        final String printed = Files.readString(output.toPath());
        assertThat(process.exitValue()).as(printed).isZero();
        assertThat(printed).doesNotContain("native method");
        return printed;
    }
}
