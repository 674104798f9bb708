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

package org.apache.flink.runtime.highavailability;

import io.flinkkubeha.peers.PeerCluster;
import io.flinkkubeha.peers.PeerServices;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

import java.io.IOException;

/** Flink's tests of a store of application results, on that of a leader. */
class NativeApplicationResultStoreTest implements ApplicationResultStoreContractTest {

    private PeerServices leader;

    @BeforeEach
    void becomeLeader() throws Exception {
        leader = PeerServices.ofLeader(PeerCluster.of("application-results"));
    }

    @AfterEach
    void closeLeader() throws Exception {
        leader.close();
    }

    @Override
    public ApplicationResultStore createApplicationResultStore() throws IOException {
        try {
            return leader.get().getApplicationResultStore();
        } catch (Exception e) {
            throw new IOException(e);
        }
    }
}
