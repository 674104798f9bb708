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

package io.flinkkubeha.line.flink120;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.CheckpointRecoveryFactory;
import org.apache.flink.runtime.highavailability.AbstractHaServices;
import org.apache.flink.runtime.jobmanager.JobGraphStore;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalService;

import io.flinkkubeha.ConfigMapNames;
import io.flinkkubeha.HaRuntime;
import io.flinkkubeha.storage.HaBlobStore;
import io.flinkkubeha.store.CleanUp;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** HA services of a JobManager or a TaskManager, on native code. */
@SuppressWarnings("try") // close() throws Exception in every HA services class of Flink
final class NativeHaServices extends AbstractHaServices {

    private final HaRuntime runtime;

    NativeHaServices(HaRuntime runtime, Configuration configuration, Executor ioExecutor) {
        super(
                configuration,
                runtime.electionDriverFactory(),
                ioExecutor,
                runtime.createBlobStore(HaBlobStore::new),
                runtime.createJobResultStore(ioExecutor));
        this.runtime = checkNotNull(runtime);
    }

    @Override
    protected LeaderRetrievalService createLeaderRetrievalService(String componentId) {
        return runtime.createLeaderRetrievalService(componentId);
    }

    @Override
    protected CheckpointRecoveryFactory createCheckpointRecoveryFactory() {
        return new NativeCheckpointRecoveryFactory(runtime.createCheckpointRecovery(ioExecutor));
    }

    @Override
    protected JobGraphStore createJobGraphStore() throws Exception {
        return JobGraphs.createStore(runtime);
    }

    @Override
    protected void internalClose() throws Exception {
        runtime.close();
    }

    @Override
    public CompletableFuture<Void> globalCleanupAsync(JobID jobId, Executor executor) {
        return CleanUp.of(() -> super.globalCleanupAsync(jobId, executor));
    }

    @Override
    protected void internalCleanup() throws Exception {
        runtime.deleteClusterConfigMap();
    }

    @Override
    protected void internalCleanupJobData(JobID jobId) throws Exception {
        runtime.deleteJobConfigMap(jobId);
    }

    @Override
    protected String getLeaderPathForResourceManager() {
        return ConfigMapNames.resourceManager();
    }

    @Override
    protected String getLeaderPathForDispatcher() {
        return ConfigMapNames.dispatcher();
    }

    @Override
    protected String getLeaderPathForJobManager(JobID jobId) {
        return ConfigMapNames.jobManager(jobId);
    }

    @Override
    protected String getLeaderPathForRestServer() {
        return ConfigMapNames.restServer();
    }
}
