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

package io.flinkkubeha.line;

import org.apache.flink.configuration.IllegalConfigurationException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link LineAdapters}. */
class LineAdaptersTest {

    @ParameterizedTest
    @ValueSource(strings = {"2.0.0", "2.1.3", "2.2.1", "2.2-SNAPSHOT", "2.2.1-vendor-7"})
    void supportedLinesHaveAnAdapter(String version) throws Exception {
        final LineAdapter adapter = LineAdapters.of(version);

        assertThat(adapter.leaseFormat()).isEqualTo("iso");
        assertThat(adapter.labels()).containsOnlyKeys("type");
    }

    @ParameterizedTest
    @ValueSource(strings = {"2.20.0", "3.0.0", "<unknown>", "12.2.0", "1.18.1"})
    void otherLinesAreRefusedWithTheSupportedOnes(String version) {
        assertThatThrownBy(() -> LineAdapters.of(version))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageStartingWith("flink-kube-ha does not support Flink " + version + ": ")
                .hasMessageContaining("2.0, 2.1, 2.2");
    }

    @Test
    void runningFlinkIsKnown() throws Exception {
        assertThat(LineAdapters.of(LineAdapters.flinkVersion())).isNotNull();
    }
}
