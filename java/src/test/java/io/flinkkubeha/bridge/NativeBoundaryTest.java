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

import org.apache.flink.kubernetes.highavailability.KubernetesStateHandleStore;
import org.apache.flink.runtime.state.RetrievableStreamStateHandle;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests of the boundary itself: errors, panics, handles and strings. */
@Tag("native")
class NativeBoundaryTest {

    @TempDir private Path directory;

    @BeforeAll
    static void load() {
        TestingNativeLibrary.load();
    }

    @Test
    void bothLanguagesHaveTheSameErrors() {
        assertThat(NativeBindings.errorTable())
                .containsExactlyElementsOf(
                        Arrays.stream(ErrorCode.values())
                                .map(code -> code.number() + "=" + code)
                                .collect(Collectors.toList()));
    }

    @Test
    void loadingAgainDoesNothing() throws Exception {
        NativeLibrary.load();

        assertThat(NativeLibrary.version()).matches("\\d+\\.\\d+\\.\\d+.*");
    }

    @Test
    void panicIsAnExceptionWithMessageAndPlace() {
        assertThatThrownBy(() -> NativeBindings.panicForTest("boom \uD83D\uDCA5"))
                .isInstanceOfSatisfying(
                        NativeException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL))
                .hasMessageContaining("boom \uD83D\uDCA5")
                .hasMessageContaining(".rs:");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, 0x0123456789abcdefL})
    void handleThatNeverExistedIsRefused(long handle) {
        for (Call call :
                List.<Call>of(
                        () -> NativeBindings.hasLeadership(handle, 1),
                        () -> NativeBindings.takeEvent(handle, 1),
                        () -> NativeBindings.nextCounter(handle),
                        () -> NativeBindings.readObject(handle, "file:/x"),
                        () -> NativeBindings.closeSession(handle, 1),
                        () -> NativeBindings.closeConfigMap(handle),
                        () -> NativeBindings.closeStorage(handle))) {
            assertThatThrownBy(call::run)
                    .isInstanceOfSatisfying(
                            NativeException.class,
                            e ->
                                    assertThat(e.code())
                                            .isIn(ErrorCode.BAD_HANDLE, ErrorCode.CLOSED));
        }
    }

    @Test
    void closedHandleIsRefused() throws Exception {
        final long storage = openStorage();
        NativeBindings.closeStorage(storage);

        assertThatThrownBy(() -> NativeBindings.objectExists(storage, uri("x")))
                .isInstanceOfSatisfying(
                        NativeException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.CLOSED));
    }

    @Test
    void handleOfAnotherKindIsRefused() throws Exception {
        final long storage = openStorage();
        try {
            for (Call call :
                    List.<Call>of(
                            () -> NativeBindings.hasLeadership(storage, 1),
                            () -> NativeBindings.readCounter(storage))) {
                assertThatThrownBy(call::run)
                        .isInstanceOfSatisfying(
                                NativeException.class,
                                e -> assertThat(e.code()).isEqualTo(ErrorCode.BAD_HANDLE));
            }
        } finally {
            NativeBindings.closeStorage(storage);
        }
    }

    @Test
    void nullIsRefusedByName() throws Exception {
        final long storage = openStorage();
        try {
            assertRefusedNull("root", () -> NativeBindings.openStorage(null, new String[0]));
            assertRefusedNull("options", () -> NativeBindings.openStorage("file:/x", null));
            assertRefusedNull("settings", () -> NativeBindings.openSession(null));
            assertRefusedNull(
                    "settings[1]",
                    () -> NativeBindings.openSession(new String[] {"cluster-id", null}));
            assertRefusedNull("uri", () -> NativeBindings.readObject(storage, null));
            assertRefusedNull(
                    "content", () -> NativeBindings.createObject(storage, uri("x"), null));
            assertRefusedNull("raw", () -> NativeBindings.decodePointer(null));
            assertRefusedNull("message", () -> NativeBindings.panicForTest(null));
            assertRefusedNull("level", () -> NativeBindings.setLogLevel(null));
        } finally {
            NativeBindings.closeStorage(storage);
        }
    }

    @Test
    void settingWithoutValueIsRefused() {
        assertThatThrownBy(() -> NativeBindings.openSession(new String[] {"cluster-id"}))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("cluster-id");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\u0000", "\uD83D\uDCA5", "a\u0000b\uD83D\uDCA5c"})
    void strangeTextsCross(String text) throws Exception {
        assertThat(NativeBindings.decodePointer(text)[0]).isEqualTo("FOREIGN");
        assertThatThrownBy(() -> NativeBindings.panicForTest("<" + text + ">"))
                .hasMessageContaining("<" + text + ">");
    }

    @Test
    void halfACharacterIsReplaced() {
        assertThatThrownBy(() -> NativeBindings.panicForTest("\uD83D"))
                .hasMessageContaining("\uFFFD");
    }

    @Test
    void manyStringsCrossInOneArray() throws Exception {
        final long storage = openStorage();
        try {
            final List<String> names = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                names.add(String.format("object-%04d", i));
                NativeBindings.createObject(
                        storage,
                        uri("many/" + names.get(i)),
                        names.get(i).getBytes(StandardCharsets.UTF_8));
            }

            assertThat(NativeBindings.listObjects(storage, uri("many")))
                    .containsExactlyElementsOf(names);
        } finally {
            NativeBindings.closeStorage(storage);
        }
    }

    @Test
    void goldenPointerIsDecoded() throws Exception {
        final String raw =
                KubernetesStateHandleStore.pointer(
                        new RetrievableStreamStateHandle<String>(
                                new org.apache.flink.core.fs.Path("s3://b/a b"), 42),
                        true);

        assertThat(NativeBindings.decodePointer(raw)).containsExactly("MARKED", "s3://b/a%20b", "42");
    }

    @Test
    void thousandStoragesLeaveNothing() throws Exception {
        openAndCloseStorages(100);
        final long before = openFiles();
        openAndCloseStorages(1_000);

        assertThat(openFiles()).isLessThanOrEqualTo(before + 5);
    }

    private void openAndCloseStorages(int times) throws NativeException {
        for (int i = 0; i < times; i++) {
            final long storage = openStorage();
            NativeBindings.objectExists(storage, uri("x"));
            NativeBindings.closeStorage(storage);
        }
    }

    static long openFiles() {
        return new File("/proc/self/fd").list().length;
    }

    private long openStorage() throws NativeException {
        return NativeBindings.openStorage("file:" + directory, new String[0]);
    }

    private String uri(String relative) {
        return "file:" + directory + "/" + relative;
    }

    private static void assertRefusedNull(String name, Call call) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        NativeException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_SETTING))
                .hasMessage(name + " is null.");
    }

    private interface Call {
        void run() throws NativeException;
    }
}
