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

import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalDriver;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalDriverFactory;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalEventHandler;
import org.apache.flink.runtime.rpc.FatalErrorHandler;

import io.flinkkubeha.bridge.LeaderWatches;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** Factory for {@link NativeLeaderRetrievalDriver}. */
public final class NativeLeaderRetrievalDriverFactory implements LeaderRetrievalDriverFactory {

    private final String configMapName;
    private final String componentId;
    private final LeaderWatches watches;

    public NativeLeaderRetrievalDriverFactory(
            String configMapName, String componentId, LeaderWatches watches) {
        this.configMapName = checkNotNull(configMapName);
        this.componentId = checkNotNull(componentId);
        this.watches = checkNotNull(watches);
    }

    @Override
    public LeaderRetrievalDriver createLeaderRetrievalDriver(
            LeaderRetrievalEventHandler eventHandler, FatalErrorHandler fatalErrorHandler)
            throws Exception {
        return new NativeLeaderRetrievalDriver(
                configMapName, componentId, watches, eventHandler, fatalErrorHandler);
    }
}
