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

import java.util.ArrayList;
import java.util.List;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link NativeHandle}. */
class NativeHandleTest {

    private final List<Long> freed = new ArrayList<>();
    private final NativeHandle handle = new NativeHandle(7, "Thing", freed::add);

    @Test
    void isFreedOnce() {
        assertThat(handle.close()).isTrue();
        assertThat(handle.close()).isFalse();

        assertThat(freed).containsExactly(7L);
    }

    @Test
    void isFreedByTheLastCallInFlight() throws Exception {
        try (NativeHandle.Call outer = handle.enter()) {
            try (NativeHandle.Call inner = handle.enter()) {
                assertThat(inner.handle()).isEqualTo(outer.handle()).isEqualTo(7);
                assertThat(handle.close()).isTrue();
            }
            assertThat(freed).isEmpty();
        }
        assertThat(freed).containsExactly(7L);
    }

    @Test
    void refusesCallsAfterwards() {
        handle.close();

        assertThatThrownBy(handle::enter)
                .isInstanceOfSatisfying(
                        NativeException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.CLOSED))
                .hasMessage("Thing is closed.");
    }

    @Test
    void callSucceedsThoughItsHandleHadEndedWithTheSession() throws Exception {
        final NativeHandle ended =
                new NativeHandle(
                        7,
                        "Thing",
                        ignored -> {
                            throw new NativeException(ErrorCode.BAD_HANDLE, "gone");
                        });

        final NativeHandle.Call call = ended.enter();
        ended.close();
        call.close();

        assertThat(ended.isClosed()).isTrue();
    }
}
