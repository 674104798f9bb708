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

import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Turns what the dynamic linker says into a sentence with a remedy. */
final class LinkFailure {

    private static final Pattern GLIBC = Pattern.compile("GLIBC_([0-9][0-9.]*)");

    private LinkFailure() {}

    static NativeLibraryException explain(Path file, UnsatisfiedLinkError error) {
        final String said = String.valueOf(error.getMessage());
        final Matcher glibc = GLIBC.matcher(said);
        if (glibc.find()) {
            return NativeLibraryException.unfit(
                    String.format(
                            "The native library needs glibc %s or newer, which this machine does not have: "
                                    + "use an image with a newer glibc.",
                            glibc.group(1)),
                    error);
        }
        if (said.contains("failed to map segment") || said.contains("Operation not permitted")) {
            return NativeLibraryException.fault(
                    String.format(
                            "The native library cannot be run from %s because that file system is mounted noexec: "
                                    + "set -D%s to a private directory on a file system that is not.",
                            file.getParent(), NativeLibrary.TMPDIR_PROPERTY),
                    error);
        }
        if (said.contains("ELFCLASS")
                || said.contains("wrong architecture")
                || said.contains("cannot open shared object file: Exec format")) {
            return NativeLibraryException.unfit(
                    String.format(
                            "The native library %s was built for another architecture than %s.",
                            file, System.getProperty("os.arch")),
                    error);
        }
        if (said.contains("libc.musl") || said.contains("Error relocating")) {
            return NativeLibraryException.unfit(
                    "The native library needs glibc, but this process runs on musl: use an image with glibc.",
                    error);
        }
        return NativeLibraryException.fault(
                String.format("The native library %s cannot be loaded: %s", file, said), error);
    }
}
