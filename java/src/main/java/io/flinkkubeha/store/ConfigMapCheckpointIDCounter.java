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
import org.apache.flink.runtime.checkpoint.CheckpointIDCounter;
import org.apache.flink.util.FlinkRuntimeException;

import io.flinkkubeha.bridge.ConfigMapAccess;
import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** {@link CheckpointIDCounter} in the ConfigMap of a job. */
public final class ConfigMapCheckpointIDCounter implements CheckpointIDCounter {

    private static final Logger LOG = LoggerFactory.getLogger(ConfigMapCheckpointIDCounter.class);

    private static final String COUNTER = "the checkpoint counter";

    private final ConfigMapAccess configMap;
    private final Executor ioExecutor;
    private final AtomicBoolean running = new AtomicBoolean();

    public ConfigMapCheckpointIDCounter(ConfigMapAccess configMap, Executor ioExecutor) {
        this.configMap = checkNotNull(configMap);
        this.ioExecutor = checkNotNull(ioExecutor);
    }

    @Override
    public void start() {
        running.set(true);
    }

    /** A job that may come back keeps its counter. */
    @Override
    public CompletableFuture<Void> shutdown(JobStatus jobStatus) {
        if (!running.compareAndSet(true, false)) {
            return CompletableFuture.completedFuture(null);
        }
        if (!jobStatus.isGloballyTerminalState()) {
            configMap.close();
            return CompletableFuture.completedFuture(null);
        }
        return CompletableFuture.runAsync(this::remove, ioExecutor);
    }

    private void remove() {
        try {
            LOG.info("Removing {} from ConfigMap {}.", COUNTER, configMap.name());
            configMap.removeCounter();
        } catch (NativeException e) {
            if (e.code() != ErrorCode.NOT_LEADER) {
                throw new CompletionException(
                        ErrorMapping.ofCall("remove " + COUNTER, configMap.name(), e));
            }
            LOG.info("The next leader cleans up ConfigMap {}: {}", configMap.name(), e.getMessage());
        } finally {
            configMap.close();
        }
    }

    @Override
    public long getAndIncrement() throws Exception {
        try {
            return configMap.nextCounter();
        } catch (NativeException e) {
            throw ErrorMapping.ofCall("increment " + COUNTER, configMap.name(), e);
        }
    }

    @Override
    public long get() {
        try {
            return configMap.readCounter();
        } catch (NativeException e) {
            throw new FlinkRuntimeException(
                    ErrorMapping.ofCall("read " + COUNTER, configMap.name(), e));
        }
    }

    @Override
    public void setCount(long newId) throws Exception {
        try {
            configMap.setCounter(newId);
        } catch (NativeException e) {
            throw ErrorMapping.ofCall(
                    "set " + COUNTER + " to " + newId, configMap.name(), e);
        }
    }
}
