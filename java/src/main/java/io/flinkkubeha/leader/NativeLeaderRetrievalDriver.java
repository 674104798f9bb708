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
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalDriver;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalEventHandler;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalException;
import org.apache.flink.runtime.rpc.FatalErrorHandler;

import io.flinkkubeha.bridge.LeaderWatches;
import io.flinkkubeha.bridge.NativeException;

import javax.annotation.Nullable;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * {@link LeaderRetrievalDriver} on top of the native watch.
 *
 * <p>Flink's service ignores what it hears before its driver is constructed; addresses come on
 * another thread, which waits for the lock that the service holds meanwhile.
 */
public final class NativeLeaderRetrievalDriver
        implements LeaderRetrievalDriver, LeaderWatches.Listener {

    private final String configMapName;
    private final String componentId;
    private final LeaderRetrievalEventHandler eventHandler;
    private final FatalErrorHandler fatalErrorHandler;
    private final LeaderWatches.Watch watch;

    private volatile boolean closed;
    private boolean seen;

    NativeLeaderRetrievalDriver(
            String configMapName,
            String componentId,
            LeaderWatches watches,
            LeaderRetrievalEventHandler eventHandler,
            FatalErrorHandler fatalErrorHandler)
            throws NativeException {
        this.configMapName = checkNotNull(configMapName);
        this.componentId = checkNotNull(componentId);
        this.eventHandler = checkNotNull(eventHandler);
        this.fatalErrorHandler = checkNotNull(fatalErrorHandler);
        this.watch = watches.watch(componentId, this);
    }

    /** A first sight without a leader tells nothing new; a later one means that the leader left. */
    @Override
    public void onLeader(@Nullable String value) {
        final LeaderInformation information = LeaderValues.parse(value);
        final boolean first = !seen;
        seen = true;
        if (!closed && !(first && information.isEmpty())) {
            eventHandler.notifyLeaderAddress(information);
        }
    }

    @Override
    public void onFailure(Exception failure) {
        if (!closed) {
            fatalErrorHandler.onFatalError(
                    new LeaderRetrievalException(
                            String.format(
                                    "The watch on ConfigMap %s for %s cannot go on: %s",
                                    configMapName, componentId, failure.getMessage()),
                            failure));
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            watch.close();
        }
    }

    @Override
    public String toString() {
        return String.format(
                "%s{configMapName='%s', componentId='%s'}",
                getClass().getSimpleName(), configMapName, componentId);
    }
}
