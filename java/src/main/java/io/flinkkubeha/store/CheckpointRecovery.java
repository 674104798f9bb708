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

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.checkpoint.CheckpointIDCounter;
import org.apache.flink.runtime.checkpoint.CompletedCheckpoint;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStore;
import org.apache.flink.runtime.checkpoint.DefaultCompletedCheckpointStore;
import org.apache.flink.runtime.checkpoint.DefaultCompletedCheckpointStoreUtils;
import org.apache.flink.runtime.state.SharedStateRegistry;

import io.flinkkubeha.bridge.ConfigMapAccess;
import io.flinkkubeha.bridge.ConfigMaps;
import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.storage.StateFiles;

import java.util.Collection;
import java.util.concurrent.Executor;
import java.util.function.Function;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** The part of a CheckpointRecoveryFactory that all lines of Flink share. */
public final class CheckpointRecovery {

    private final ConfigMaps configMaps;
    private final Function<JobID, String> configMapNames;
    private final StateFiles<CompletedCheckpoint> files;
    private final Executor ioExecutor;

    public CheckpointRecovery(
            ConfigMaps configMaps,
            Function<JobID, String> configMapNames,
            StateFiles<CompletedCheckpoint> files,
            Executor ioExecutor) {
        this.configMaps = checkNotNull(configMaps);
        this.configMapNames = checkNotNull(configMapNames);
        this.files = checkNotNull(files);
        this.ioExecutor = checkNotNull(ioExecutor);
    }

    public CheckpointIDCounter createCounter(JobID jobId) throws Exception {
        return new ConfigMapCheckpointIDCounter(openConfigMap(jobId), ioExecutor);
    }

    /**
     * Recovers the completed checkpoints of a job.
     *
     * @param registry makes the registry of what the recovered checkpoints share
     */
    public CompletedCheckpointStore createStore(
            JobID jobId,
            int maxRetained,
            Function<Collection<CompletedCheckpoint>, SharedStateRegistry> registry)
            throws Exception {
        final ConfigMapAccess configMap = openConfigMap(jobId);
        try {
            final ConfigMapStateHandleStore<CompletedCheckpoint> store =
                    new ConfigMapStateHandleStore<>(configMap, CheckpointKeys.PREFIX, files);
            final Collection<CompletedCheckpoint> checkpoints =
                    DefaultCompletedCheckpointStoreUtils.retrieveCompletedCheckpoints(
                            store, CheckpointKeys.INSTANCE);
            ioExecutor.execute(store::finishRemovals);
            return new DefaultCompletedCheckpointStore<>(
                    maxRetained,
                    store,
                    CheckpointKeys.INSTANCE,
                    checkpoints,
                    registry.apply(checkpoints),
                    ioExecutor);
        } catch (Throwable t) {
            configMap.close();
            throw t;
        }
    }

    private ConfigMapAccess openConfigMap(JobID jobId) throws Exception {
        final String name = configMapNames.apply(jobId);
        try {
            return configMaps.open(name, true);
        } catch (NativeException e) {
            throw ErrorMapping.ofCall("open the checkpoints of job " + jobId, name, e);
        }
    }
}
