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

package io.flinkkubeha.peers;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.checkpoint.CheckpointIDCounter;
import org.apache.flink.runtime.leaderelection.LeadershipLostException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Several JobManagers of one cluster: one leads, it alone writes, and another follows it. */
class ContendersITCase {

    private static final JobID JOB_ID = new JobID();

    private final PeerCluster cluster = PeerCluster.of("contenders");
    private final List<PeerServices> contenders = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (PeerServices contender : contenders) {
            contender.close();
        }
    }

    @Test
    void oneOfThreeLeadsAndAnotherFollowsIt() throws Exception {
        contend(3);
        final PeerServices first = leader();
        assertThat(contenders).filteredOn(one -> one.granted().isDone()).containsExactly(first);

        first.close();
        contenders.remove(first);

        assertThat(first.revoked()).isDone();
        final PeerServices second = leader();
        assertThat(contenders).filteredOn(one -> one.granted().isDone()).containsExactly(second);
        assertThat(second.granted().get()).isNotEqualTo(first.granted().get());
    }

    @Test
    void onlyTheLeaderWrites() throws Exception {
        contend(3);
        final PeerServices leader = leader();
        assertThat(counter(leader).getAndIncrement()).isEqualTo(1);

        for (PeerServices contender : contenders) {
            if (contender != leader) {
                final CheckpointIDCounter counter = counter(contender);
                assertThatThrownBy(counter::getAndIncrement)
                        .isInstanceOf(LeadershipLostException.class);
                assertThatThrownBy(() -> counter.setCount(1000))
                        .isInstanceOf(LeadershipLostException.class);
                assertThat(counter.get()).isEqualTo(2);
            }
        }

        assertThat(counter(leader).getAndIncrement()).isEqualTo(2);
    }

    private void contend(int count) throws Exception {
        for (int i = 0; i < count; i++) {
            contenders.add(PeerServices.ofContender(cluster));
        }
    }

    private PeerServices leader() throws Exception {
        CompletableFuture.anyOf(
                        contenders.stream()
                                .map(PeerServices::granted)
                                .toArray(CompletableFuture<?>[]::new))
                .get(60, TimeUnit.SECONDS);
        return contenders.stream().filter(one -> one.granted().isDone()).findFirst().orElseThrow();
    }

    private static CheckpointIDCounter counter(PeerServices services) throws Exception {
        return services.get().getCheckpointRecoveryFactory().createCheckpointIDCounter(JOB_ID);
    }
}
