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

import org.apache.flink.runtime.leaderelection.LeaderElectionDriver;
import org.apache.flink.runtime.leaderelection.LeaderElectionDriverFactory;

import io.flinkkubeha.bridge.Election;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** Factory for {@link NativeLeaderElectionDriver}. */
public final class NativeLeaderElectionDriverFactory implements LeaderElectionDriverFactory {

    private final String configMapName;
    private final Election election;

    public NativeLeaderElectionDriverFactory(String configMapName, Election election) {
        this.configMapName = checkNotNull(configMapName);
        this.election = checkNotNull(election);
    }

    @Override
    public LeaderElectionDriver create(LeaderElectionDriver.Listener listener) throws Exception {
        return new NativeLeaderElectionDriver(configMapName, election, listener);
    }
}
