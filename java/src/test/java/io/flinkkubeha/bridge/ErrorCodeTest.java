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

/** Tests for {@link ErrorCode}. */
class ErrorCodeTest {

    @Test
    void numbersAreConsecutiveAndReadBack() {
        final List<Integer> numbers = new ArrayList<>();
        for (ErrorCode code : ErrorCode.values()) {
            numbers.add(code.number());
            assertThat(ErrorCode.of(code.number())).isEqualTo(code);
        }
        for (int i = 0; i < numbers.size(); i++) {
            assertThat(numbers.get(i)).isEqualTo(i + 1);
        }
    }

    @Test
    void numberFromANewerLibraryCountsAsUnknownOutcome() {
        final NativeException exception = new NativeException(4711, "from the future");

        assertThat(exception.code()).isEqualTo(ErrorCode.INTERNAL);
        assertThat(exception.code().isCertainlyNotApplied()).isFalse();
        assertThat(ErrorCode.UNKNOWN_OUTCOME.isCertainlyNotApplied()).isFalse();
        // The session may be closed while a write is on its way.
        assertThat(ErrorCode.CLOSED.isCertainlyNotApplied()).isFalse();
        assertThat(ErrorCode.NOT_LEADER.isCertainlyNotApplied()).isTrue();
    }
}
