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

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Tests for {@link NativeLibrary}. */
@Tag("native")
class NativeLibraryTest {

    @TempDir private Path directory;

    @Test
    void secondClassLoaderIsRefused() throws Exception {
        TestingNativeLibrary.load();
        final List<URL> classPath = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            classPath.add(Paths.get(entry).toUri().toURL());
        }
        try (URLClassLoader childFirst =
                new URLClassLoader(
                        classPath.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
            final Class<?> library = childFirst.loadClass(NativeLibrary.class.getName());
            assertThat(library).isNotSameAs(NativeLibrary.class);

            assertThatThrownBy(() -> invokeLoad(library))
                    .hasMessageStartingWith("The native library is in use by ")
                    .hasMessageContaining(URLClassLoader.class.getName() + "@")
                    .hasMessageEndingWith(
                            "flink-kube-ha belongs into Flink's lib/ alone, take it out of user jars and plugins.");
        }
    }

    @Test
    void overrideNeverFallsBack() throws Exception {
        final Path absent = directory.resolve("absent.so");

        assertThat(run("-D" + NativeLibrary.PATH_PROPERTY + "=" + absent))
                .startsWith("The native library " + absent + " cannot be loaded: ");
    }

    @Test
    void packedLibraryIsLoadedAndGoneFromTheDisk() throws Exception {
        assumePacked();
        final Path tmpdir = Files.createDirectory(directory.resolve("tmp"));

        assertThat(run("-D" + NativeLibrary.TMPDIR_PROPERTY + "=" + tmpdir)).startsWith("loaded ");

        assertThat(tmpdir).isEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource({
        "os.arch, riscv64, There is no native library for linux-riscv64",
        "os.name, SunOS, There is no native library for sunos-",
        "flinkkubeha.tmpdir, /absent, The native library cannot be unpacked below /absent"
    })
    void packedLibraryThatCannotBeUsedGetsASentence(String property, String value, String sentence)
            throws Exception {
        assumePacked();

        assertThat(run("-D" + property + "=" + value)).startsWith(sentence);
    }

    private String run(String... options) throws Exception {
        return TestingJvm.run(directory, List.of(options), LoadsTheLibrary.class);
    }

    private static void assumePacked() {
        assumeTrue(
                NativeLibrary.class.getResource("/io/flinkkubeha/native/native.properties") != null,
                "The class path holds no packed library.");
    }

    private static void invokeLoad(Class<?> library) throws Throwable {
        try {
            library.getMethod("load").invoke(null);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    /** Prints what becomes of loading. */
    static final class LoadsTheLibrary {
        public static void main(String[] args) {
            try {
                NativeLibrary.load();
                System.out.println("loaded " + NativeLibrary.version());
            } catch (NativeLibraryException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}
