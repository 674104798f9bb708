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
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalException;

import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.LeaderWatches;
import io.flinkkubeha.bridge.NativeException;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link NativeLeaderRetrievalDriver}. */
class NativeLeaderRetrievalDriverTest {

    private static final UUID ID = UUID.randomUUID();

    private final TestingLeaderWatches watches = new TestingLeaderWatches();
    private final List<LeaderInformation> heard = new ArrayList<>();
    private final List<Throwable> errors = new ArrayList<>();

    @Test
    void leaderAtFirstSightIsReported() throws Exception {
        create();

        watches.listener.onLeader(ID + ",address");

        assertThat(heard).containsExactly(LeaderInformation.known(ID, "address"));
    }

    @Test
    void noLeaderAtFirstSightIsNotReportedButLaterIs() throws Exception {
        create();

        watches.listener.onLeader(null);
        assertThat(heard).isEmpty();
        watches.listener.onLeader(ID + ",address");
        watches.listener.onLeader(null);

        assertThat(heard)
                .containsExactly(LeaderInformation.known(ID, "address"), LeaderInformation.empty());
    }

    @Test
    void nextLeaderIsReported() throws Exception {
        final UUID next = UUID.randomUUID();
        create();

        watches.listener.onLeader(ID + ",address");
        watches.listener.onLeader(next + ",elsewhere");

        assertThat(heard)
                .containsExactly(
                        LeaderInformation.known(ID, "address"),
                        LeaderInformation.known(next, "elsewhere"));
    }

    @Test
    void failureIsFatal() throws Exception {
        create();

        watches.listener.onFailure(new NativeException(ErrorCode.FORBIDDEN, "No watch verb."));

        assertThat(errors).hasSize(1);
        assertThat(errors.get(0))
                .isInstanceOf(LeaderRetrievalException.class)
                .hasMessage(
                        "The watch on ConfigMap c-cluster-config-map for dispatcher cannot go on: No watch verb.");
    }

    @Test
    void nothingIsHeardAfterClose() throws Exception {
        final NativeLeaderRetrievalDriver driver = create();
        driver.close();
        driver.close();

        watches.listener.onLeader(ID + ",address");
        watches.listener.onFailure(new Exception("late"));

        assertThat(heard).isEmpty();
        assertThat(errors).isEmpty();
        assertThat(watches.closed).isEqualTo(1);
    }

    private NativeLeaderRetrievalDriver create() throws NativeException {
        return new NativeLeaderRetrievalDriver(
                "c-cluster-config-map", "dispatcher", watches, heard::add, errors::add);
    }

    private static final class TestingLeaderWatches implements LeaderWatches {
        private Listener listener;
        private int closed;

        @Override
        public Watch watch(String component, Listener newListener) {
            listener = newListener;
            return () -> closed++;
        }
    }
}
