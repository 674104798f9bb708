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

import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.bridge.NativeSession;
import io.flinkkubeha.metrics.MetricsSource;
import io.flinkkubeha.storage.HaStorages;

import java.io.IOException;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** The figures of a session and of its storage, in one text. */
final class ServicesMetrics implements MetricsSource {

    private final NativeSession session;
    private final HaStorages storages;

    ServicesMetrics(NativeSession session, HaStorages storages) {
        this.session = checkNotNull(session);
        this.storages = checkNotNull(storages);
    }

    @Override
    public String metrics() throws NativeException, IOException {
        return session.metrics() + storages.metrics();
    }

    @Override
    public String blackBox() throws NativeException {
        return session.blackBox();
    }
}
