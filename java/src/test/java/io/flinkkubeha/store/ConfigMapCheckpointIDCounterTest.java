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

import org.apache.flink.api.common.JobStatus;
import org.apache.flink.runtime.leaderelection.LeadershipLostException;
import org.apache.flink.util.ExceptionUtils;
import org.apache.flink.util.FlinkException;
import org.apache.flink.util.FlinkRuntimeException;

import io.flinkkubeha.bridge.ErrorCode;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link ConfigMapCheckpointIDCounter}. */
class ConfigMapCheckpointIDCounterTest {

    private final TestingConfigMap configMap = new TestingConfigMap();
    private final ConfigMapCheckpointIDCounter counter =
            new ConfigMapCheckpointIDCounter(configMap, Runnable::run);

    @BeforeEach
    void start() {
        counter.start();
    }

    @Test
    void beginsAtOneAndIncrements() throws Exception {
        assertThat(counter.get()).isEqualTo(1);
        assertThat(counter.getAndIncrement()).isEqualTo(1);
        assertThat(counter.getAndIncrement()).isEqualTo(2);
        counter.setCount(1337);
        assertThat(counter.getAndIncrement()).isEqualTo(1337);
        assertThat(counter.get()).isEqualTo(1338);
    }

    @Test
    void jobThatEndedForGoodLosesItsCounter() throws Exception {
        counter.setCount(5);

        counter.shutdown(JobStatus.FINISHED).get();
        counter.shutdown(JobStatus.FINISHED).get();

        assertThat(configMap.readCounter()).isEqualTo(1);
        assertThat(configMap.writes()).containsExactly("set", "removeCounter");
        assertThat(configMap.isClosed()).isTrue();
    }

    @Test
    void jobThatMayComeBackKeepsItsCounter() throws Exception {
        counter.setCount(5);

        counter.shutdown(JobStatus.SUSPENDED).get();

        assertThat(configMap.readCounter()).isEqualTo(5);
        assertThat(configMap.isClosed()).isTrue();
    }

    @Test
    void shutdownWithoutLeadershipLeavesTheCounterToTheNextLeader() throws Exception {
        configMap.failBefore("removeCounter", ErrorCode.NOT_LEADER);

        counter.shutdown(JobStatus.FAILED).get();

        assertThat(configMap.isClosed()).isTrue();
    }

    @Test
    void shutdownThatFailsIsTold() {
        configMap.failBefore("removeCounter", ErrorCode.API_UNREACHABLE);

        assertThatThrownBy(() -> counter.shutdown(JobStatus.FAILED).get())
                .hasRootCauseMessage("Made up: API_UNREACHABLE.");
    }

    @Test
    void shutdownTellsThatTheConfigMapIsGone() {
        configMap.delete();

        assertThatThrownBy(() -> counter.shutdown(JobStatus.FINISHED).get())
                .hasRootCauseMessage("It does not exist.");

        assertThat(counter.shutdown(JobStatus.FINISHED)).as("a second time").isCompleted();
    }

    @Test
    void withoutLeadershipNothingIsCounted() {
        configMap.failBefore("next", ErrorCode.NOT_LEADER);
        assertThatThrownBy(counter::getAndIncrement)
                .isInstanceOf(LeadershipLostException.class)
                .hasMessage(
                        "Could not increment the checkpoint counter in ConfigMap c-config-map: Made up: NOT_LEADER.");
        configMap.failBefore("set", ErrorCode.NOT_LEADER);
        assertThatThrownBy(() -> counter.setCount(5)).isInstanceOf(LeadershipLostException.class);
    }

    @ParameterizedTest
    @EnumSource(ErrorCode.class)
    void noErrorLooksLikeAFailedCheckpoint(ErrorCode code) {
        configMap.failBefore("next", code);

        assertThatThrownBy(counter::getAndIncrement)
                .isInstanceOf(FlinkException.class)
                .satisfies(
                        e ->
                                assertThat(ExceptionUtils.findThrowable(e, IOException.class))
                                        .isEmpty());
    }

    @Test
    void missingConfigMapIsNoCounter() {
        configMap.delete();

        assertThatThrownBy(counter::get)
                .isInstanceOf(FlinkRuntimeException.class)
                .hasRootCauseMessage("It does not exist.");
    }
}
