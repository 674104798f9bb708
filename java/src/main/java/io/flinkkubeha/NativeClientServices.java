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

package io.flinkkubeha;

import org.apache.flink.runtime.highavailability.ClientHighAvailabilityServices;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalService;

import io.flinkkubeha.bridge.NativeSession;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** {@link ClientHighAvailabilityServices} on top of a native session; needs no storage. */
final class NativeClientServices implements ClientHighAvailabilityServices {

    private final ConfigMapNames names;
    private final NativeSession session;

    NativeClientServices(ConfigMapNames names, NativeSession session) {
        this.names = checkNotNull(names);
        this.session = checkNotNull(session);
    }

    @Override
    public LeaderRetrievalService getClusterRestEndpointLeaderRetriever() {
        return HaRuntime.createLeaderRetrievalService(names, session, ConfigMapNames.restServer());
    }

    @Override
    public void close() {
        session.close();
    }
}
