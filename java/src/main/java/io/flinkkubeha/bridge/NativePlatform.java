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

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Locale;
import java.util.SortedSet;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** Operating system, architecture and C library of this process. */
final class NativePlatform {

    private static final Path MEMORY_MAPS = Paths.get("/proc/self/maps");

    private final String operatingSystem;
    private final String architecture;
    private final boolean musl;

    NativePlatform(String osName, String osArch, boolean musl) {
        this.operatingSystem = checkNotNull(osName).toLowerCase(Locale.ROOT);
        this.architecture = canonicalArchitecture(checkNotNull(osArch));
        this.musl = musl;
    }

    static NativePlatform current() {
        return new NativePlatform(
                System.getProperty("os.name"), System.getProperty("os.arch"), runsOnMusl());
    }

    /** Name under which the jar holds the library, {@code linux-x86_64} for example. */
    String name() {
        return operatingSystem + "-" + architecture;
    }

    /** Refuses a platform that no library in the jar fits. */
    void requireOneOf(SortedSet<String> available) throws NativeLibraryException {
        if (!available.contains(name())) {
            throw NativeLibraryException.unfit(
                    String.format(
                            "There is no native library for %s, only for %s: run Flink on one of these platforms, "
                                    + "or take flink-kube-ha out of lib/ to go back to Flink's own services.",
                            name(), String.join(", ", available)),
                    null);
        }
        if (musl) {
            throw NativeLibraryException.unfit(
                    "The native library needs glibc, but this process runs on musl (Alpine and the like): "
                            + "use an image with glibc, such as Debian, Ubuntu or UBI.",
                    null);
        }
    }

    private static String canonicalArchitecture(String osArch) {
        switch (osArch) {
            case "amd64":
            case "x86_64":
                return "x86_64";
            case "arm64":
            case "aarch64":
                return "aarch64";
            default:
                return osArch;
        }
    }

    /** The JVM itself is linked against the C library, so that is mapped by now. */
    private static boolean runsOnMusl() {
        try {
            return mapsMusl(Files.readString(MEMORY_MAPS));
        } catch (IOException | RuntimeException e) {
            return false;
        }
    }

    /** Alpine gives the library the name of the loader. musl itself calls it libc.so, as glibc never does. */
    static boolean mapsMusl(String memoryMaps) {
        return memoryMaps.contains("/ld-musl-")
                || memoryMaps.contains("/libc.musl-")
                || memoryMaps.contains("/libc.so\n");
    }
}
