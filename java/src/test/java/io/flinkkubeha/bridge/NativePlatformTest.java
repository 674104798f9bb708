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

import java.nio.file.Paths;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link NativePlatform} and {@link LinkFailure}. */
class NativePlatformTest {

    private static final SortedSet<String> AVAILABLE = new TreeSet<>(List.of("linux-x86_64"));

    @Test
    void bothSpellingsOfAnArchitectureAreOne() throws Exception {
        new NativePlatform("Linux", "amd64", false).requireOneOf(AVAILABLE);
        new NativePlatform("Linux", "x86_64", false).requireOneOf(AVAILABLE);
    }

    @Test
    void otherArchitectureGetsASentence() {
        assertUnfit(
                new NativePlatform("Linux", "aarch64", false),
                "There is no native library for linux-aarch64, only for linux-x86_64: ");
        assertUnfit(
                new NativePlatform("Mac OS X", "arm64", false),
                "There is no native library for mac os x-aarch64, only for linux-x86_64: ");
    }

    @Test
    void muslGetsASentence() {
        assertUnfit(
                new NativePlatform("Linux", "amd64", true),
                "The native library needs glibc, but this process runs on musl");
        assertThat(NativePlatform.mapsMusl("7f00 r-xp /lib/ld-musl-x86_64.so.1\n")).isTrue();
        assertThat(NativePlatform.mapsMusl("7f00 r-xp /usr/lib/libc.so\n7f01 r-xp /x\n")).isTrue();
        assertThat(NativePlatform.mapsMusl("7f00 r-xp /lib/x86_64-linux-gnu/libc.so.6\n"))
                .isFalse();
    }

    @Test
    void oldGlibcGetsASentence() {
        final NativeLibraryException failure =
                explain(
                        "/tmp/x.so: /lib64/libc.so.6: version `GLIBC_2.34' not found (required by /tmp/x.so)");

        assertThat(failure.isPlatformUnfit()).isTrue();
        assertThat(failure).hasMessageStartingWith("The native library needs glibc 2.34 or newer");
    }

    @Test
    void noexecGetsASentence() {
        final NativeLibraryException failure =
                explain("/tmp/d/x.so: failed to map segment from shared object");

        assertThat(failure.isPlatformUnfit()).isFalse();
        assertThat(failure)
                .hasMessage(
                        "The native library cannot be run from /tmp/d because that file system is mounted noexec: "
                                + "set -Dflinkkubeha.tmpdir to a private directory on a file system that is not.");
    }

    @Test
    void anythingElseIsQuoted() {
        assertThat(explain("no such symbol").getMessage())
                .isEqualTo("The native library /tmp/d/x.so cannot be loaded: no such symbol");
    }

    private static NativeLibraryException explain(String said) {
        return LinkFailure.explain(Paths.get("/tmp/d/x.so"), new UnsatisfiedLinkError(said));
    }

    private static void assertUnfit(NativePlatform platform, String message) {
        assertThatThrownBy(() -> platform.requireOneOf(AVAILABLE))
                .isInstanceOfSatisfying(
                        NativeLibraryException.class,
                        e -> assertThat(e.isPlatformUnfit()).isTrue())
                .hasMessageStartingWith(message);
    }
}
