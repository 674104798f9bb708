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

import io.flinkkubeha.golden.GoldenSamples;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.HashMap;
import java.util.Map;

import static org.assertj.core.api.Assertions.assertThat;

/** Labels, as real stock of each line has written them. */
class GoldenLabelsTest {

    @ParameterizedTest
    @MethodSource("io.flinkkubeha.golden.GoldenSamples#all")
    void areThoseOfTheAdapter(GoldenSamples samples) throws Exception {
        final Map<String, String> labels =
                new HashMap<>(LineAdapters.of(samples.release()).labels());
        labels.put("app", "exchange");

        assertThat(samples.labels(GoldenSamples.HELD)).isEqualTo(labels);
        assertThat(samples.labels(GoldenSamples.RELEASED)).isEqualTo(labels);
        assertThat(samples.labels(GoldenSamples.JOB)).isEqualTo(labels);
    }
}
