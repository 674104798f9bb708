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

import java.util.Map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link LineAdapters}. */
class LineAdaptersTest {

    private static final Map<String, String> TYPE = Map.of("type", "flink-native-kubernetes");

    @ParameterizedTest
    @ValueSource(strings = {"2.0.0", "2.1.3", "2.2.1", "2.2-SNAPSHOT", "2.2.1-vendor-7", "2.3.0"})
    void since20TheLeaseIsTextAndTheLabelsAreTwo(String version) throws Exception {
        final LineAdapter adapter = LineAdapters.of(version);

        assertThat(adapter.leaseFormat()).isEqualTo("iso");
        assertThat(adapter.labels()).containsExactlyEntriesOf(TYPE);
    }

    @Test
    void until120TheLeaseIsANumberAndTheLabelsAreThree() throws Exception {
        final LineAdapter adapter = LineAdapters.of("1.20.5");

        assertThat(adapter.leaseFormat()).isEqualTo("number");
        assertThat(adapter.labels())
                .containsAllEntriesOf(TYPE)
                .containsEntry("configmap-type", "high-availability")
                .hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1.18.1", "1.19.0", "1.21.0", "0.9", "", "2", "v2.2.0", "two", "9999999.0"})
    void otherLinesAreRefusedWithTheSupportedOnes(String version) {
        assertThatThrownBy(() -> LineAdapters.of(version))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageStartingWith("flink-kube-ha does not support Flink " + version + ": ")
                .hasMessageContaining("1.20, 2.0, 2.1, 2.2, 2.3, ");
    }

    @Test
    void runningFlinkIsKnown() throws Exception {
        assertThat(LineAdapters.of(LineAdapters.flinkVersion())).isNotNull();
    }
}
