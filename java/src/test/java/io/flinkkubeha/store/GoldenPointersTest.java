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

import org.apache.flink.api.common.JobID;
import org.apache.flink.kubernetes.highavailability.KubernetesStateHandleStore;

import io.flinkkubeha.ConfigMapNames;
import io.flinkkubeha.golden.GoldenSamples;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

import static org.assertj.core.api.Assertions.assertThat;

/** Pointers and their keys, as real stock has written them. */
class GoldenPointersTest {

    private static final String ANY_LINE = "io.flinkkubeha.golden.GoldenSamples#all";

    /** Java deserialization is the way that is left for pointers which native code does not know. */
    @ParameterizedTest
    @MethodSource(ANY_LINE)
    void areReadAndWrittenAgain(GoldenSamples samples) throws IOException {
        int marked = 0;
        final Map<String, String> pointers = pointers(samples);
        for (Map.Entry<String, String> entry : pointers.entrySet()) {
            final ForeignPointer pointer = ForeignPointer.decode(entry.getValue());

            assertThat(pointer.handle().getStateSize()).isPositive();
            assertThat(KubernetesStateHandleStore.pointer(pointer.handle(), pointer.isMarked()))
                    .as(entry.getKey())
                    .isEqualTo(entry.getValue());
            marked += pointer.isMarked() ? 1 : 0;
        }

        final boolean applications = samples.release().startsWith("2.3.");
        assertThat(pointers).hasSize(applications ? 10 : 7);
        assertThat(marked).isEqualTo(applications ? 5 : 3);
    }

    private static Map<String, String> pointers(GoldenSamples samples) {
        final Map<String, String> pointers = new TreeMap<>(samples.data(GoldenSamples.HELD));
        pointers.putAll(samples.data(GoldenSamples.JOB));
        pointers.keySet()
                .removeIf(key -> key.equals("counter") || key.startsWith("org.apache.flink."));
        return pointers;
    }

    @ParameterizedTest
    @MethodSource(ANY_LINE)
    void keysOfCheckpointsAreOurs(GoldenSamples samples) {
        assertThat(samples.data(GoldenSamples.JOB).keySet())
                .containsExactly(
                        CheckpointKeys.INSTANCE.checkpointIDToName(14),
                        CheckpointKeys.INSTANCE.checkpointIDToName(15),
                        CheckpointKeys.INSTANCE.checkpointIDToName(16),
                        "counter");
    }

    @ParameterizedTest
    @MethodSource(ANY_LINE)
    void namesOfConfigMapsAreOurs(GoldenSamples samples) {
        final ConfigMapNames names = new ConfigMapNames("exchange");
        final JobID job = JobID.fromHexString("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

        assertThat(samples.name(GoldenSamples.HELD)).isEqualTo(names.cluster());
        assertThat(samples.name(GoldenSamples.JOB)).isEqualTo(names.job(job));
    }
}
