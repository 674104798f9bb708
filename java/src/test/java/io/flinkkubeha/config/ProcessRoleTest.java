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

package io.flinkkubeha.config;

import org.junit.jupiter.api.Test;

import java.util.stream.Stream;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link ProcessRole}. */
class ProcessRoleTest {

    @Test
    void taskManagerIsKnownByItsRunner() {
        assertThat(
                        ProcessRole.ofCallers(
                                Stream.of(
                                        "io.flinkkubeha.HaStarter",
                                        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                                        "org.apache.flink.kubernetes.taskmanager.KubernetesTaskExecutorRunner")))
                .isEqualTo(ProcessRole.TASKMANAGER);
    }

    @Test
    void jobManagerIsKnownByItsEntryPoint() {
        assertThat(
                        ProcessRole.ofCallers(
                                Stream.of(
                                        "org.apache.flink.runtime.entrypoint.ClusterEntrypoint",
                                        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint")))
                .isEqualTo(ProcessRole.JOBMANAGER);
    }

    @Test
    void everyoneElseMayBecomeTheLeader() {
        assertThat(ProcessRole.ofCaller()).isEqualTo(ProcessRole.UNKNOWN);
        assertThat(ProcessRole.UNKNOWN.isCandidate()).isTrue();
        assertThat(ProcessRole.TASKMANAGER.isCandidate()).isFalse();
        assertThat(ProcessRole.CLIENT.isCandidate()).isFalse();
    }
}
