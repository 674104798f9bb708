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

package io.flinkkubeha.leader;

import org.apache.flink.runtime.leaderelection.LeaderInformation;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.UUID;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link LeaderValues}. */
class LeaderValuesTest {

    private static final UUID ID = UUID.fromString("01234567-89ab-cdef-0123-456789abcdef");

    @Test
    void addressMayHoldCommas() {
        final LeaderInformation information = LeaderInformation.known(ID, "pekko://a,b");

        final String value = LeaderValues.format(information);

        assertThat(value).isEqualTo("01234567-89ab-cdef-0123-456789abcdef,pekko://a,b");
        assertThat(LeaderValues.parse(value)).isEqualTo(information);
    }

    @Test
    void noLeaderIsNoValue() {
        assertThat(LeaderValues.format(LeaderInformation.empty())).isNull();
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", "nonsense", "not-a-uuid,address"})
    void whatCannotBeReadIsNoLeader(String value) {
        assertThat(LeaderValues.parse(value).isEmpty()).isTrue();
    }
}
