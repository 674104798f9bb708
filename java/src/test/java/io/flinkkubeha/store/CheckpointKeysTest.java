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

package io.flinkkubeha.store;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link CheckpointKeys}. */
class CheckpointKeysTest {

    @ParameterizedTest
    @CsvSource({
        "1, checkpointID-0000000000000000001",
        "9223372036854775807, checkpointID-9223372036854775807"
    })
    void keysAreThoseOfFlink(long id, String key) {
        assertThat(CheckpointKeys.INSTANCE.checkpointIDToName(id)).isEqualTo(key);
        assertThat(CheckpointKeys.INSTANCE.nameToCheckpointID(key)).isEqualTo(id);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "counter", "checkpointID-x"})
    void otherKeysHaveNoId(String key) {
        assertThat(CheckpointKeys.INSTANCE.nameToCheckpointID(key)).isEqualTo(-1);
    }

    @Test
    void keysSortLikeIds() {
        assertThat(CheckpointKeys.INSTANCE.checkpointIDToName(9))
                .isLessThan(CheckpointKeys.INSTANCE.checkpointIDToName(10));
    }
}
