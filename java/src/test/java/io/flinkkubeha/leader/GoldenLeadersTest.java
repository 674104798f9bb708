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

import org.apache.flink.api.common.JobID;

import io.flinkkubeha.ConfigMapNames;
import io.flinkkubeha.golden.GoldenSamples;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.Map;
import java.util.TreeMap;

import static org.assertj.core.api.Assertions.assertThat;

/** Leaders of the components, as real stock has published them. */
class GoldenLeadersTest {

    private static final String PREFIX = "org.apache.flink.k8s.leader.";

    @ParameterizedTest
    @MethodSource("io.flinkkubeha.golden.GoldenSamples#all")
    void areReadAndWrittenAgain(GoldenSamples samples) {
        final JobID job = JobID.fromHexString("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        final Map<String, String> leaders = new TreeMap<>(samples.data(GoldenSamples.HELD));
        leaders.keySet().removeIf(key -> !key.startsWith(PREFIX));

        assertThat(leaders)
                .containsOnlyKeys(
                        PREFIX + ConfigMapNames.dispatcher(),
                        PREFIX + ConfigMapNames.jobManager(job),
                        PREFIX + ConfigMapNames.resourceManager(),
                        PREFIX + ConfigMapNames.restServer())
                .allSatisfy(
                        (key, value) ->
                                assertThat(LeaderValues.format(LeaderValues.parse(value)))
                                        .isEqualTo(value));
    }
}
