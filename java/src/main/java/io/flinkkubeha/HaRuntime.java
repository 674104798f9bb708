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

import org.apache.flink.api.common.JobID;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.blob.BlobStoreService;
import org.apache.flink.runtime.highavailability.JobResultStore;
import org.apache.flink.runtime.leaderelection.LeaderElectionDriverFactory;
import org.apache.flink.runtime.leaderretrieval.DefaultLeaderRetrievalService;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalService;
import org.apache.flink.runtime.persistence.StateHandleStore;
import org.apache.flink.runtime.persistence.StringResourceVersion;

import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.bridge.NativeSession;
import io.flinkkubeha.config.ResultConfiguration;
import io.flinkkubeha.config.StorageConfiguration;
import io.flinkkubeha.leader.NativeLeaderElectionDriverFactory;
import io.flinkkubeha.leader.NativeLeaderRetrievalDriverFactory;
import io.flinkkubeha.metrics.HaMetrics;
import io.flinkkubeha.storage.HaJobResultStore;
import io.flinkkubeha.storage.HaStorages;
import io.flinkkubeha.storage.ResultFiles;
import io.flinkkubeha.storage.StateFiles;
import io.flinkkubeha.store.CheckpointRecovery;
import io.flinkkubeha.store.ConfigMapStateHandleStore;
import io.flinkkubeha.store.ErrorMapping;
import io.flinkkubeha.store.UnreferencedFiles;

import java.io.IOException;
import java.io.Serializable;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** What HA services are made of, whatever the line of Flink; owns session and storage. */
public final class HaRuntime implements AutoCloseable {

    private static final String CHECKPOINT_FILE_PREFIX = "completedCheckpoint";

    private final ConfigMapNames names;
    private final NativeSession session;
    private final StorageConfiguration storage;
    private final HaStorages storages;
    private final HaMetrics metrics;

    HaRuntime(
            ConfigMapNames names,
            NativeSession session,
            StorageConfiguration storage,
            HaStorages storages,
            HaMetrics metrics) {
        this.names = checkNotNull(names);
        this.session = checkNotNull(session);
        this.storage = checkNotNull(storage);
        this.storages = checkNotNull(storages);
        this.metrics = checkNotNull(metrics);
        session.setUnreferencedListener(
                new UnreferencedFiles(stateFiles(CHECKPOINT_FILE_PREFIX)));
    }

    public LeaderElectionDriverFactory electionDriverFactory() {
        return new NativeLeaderElectionDriverFactory(names.cluster(), session);
    }

    public LeaderRetrievalService createLeaderRetrievalService(String componentId) {
        return createLeaderRetrievalService(names, session, componentId);
    }

    static LeaderRetrievalService createLeaderRetrievalService(
            ConfigMapNames names, NativeSession session, String componentId) {
        return new DefaultLeaderRetrievalService(
                new NativeLeaderRetrievalDriverFactory(names.cluster(), componentId, session));
    }

    /** @param constructor that of the line's BLOB store; it takes the cluster's directory */
    public <B extends BlobStoreService> B createBlobStore(
            BiFunction<HaStorages, Path, B> constructor) {
        return constructor.apply(storages, storage.clusterRoot());
    }

    public JobResultStore createJobResultStore(Executor ioExecutor) {
        return new HaJobResultStore(resultFiles(storage.jobResults()), ioExecutor);
    }

    public ResultFiles applicationResultFiles() {
        return resultFiles(storage.applicationResults());
    }

    private ResultFiles resultFiles(ResultConfiguration results) {
        return new ResultFiles(storages, results.directory(), results.deleteOnCommit());
    }

    public CheckpointRecovery createCheckpointRecovery(Executor ioExecutor) {
        return new CheckpointRecovery(
                session, names::job, stateFiles(CHECKPOINT_FILE_PREFIX), ioExecutor);
    }

    /** A store in the cluster's ConfigMap, under the grant that holds now. */
    public <T extends Serializable> StateHandleStore<T, StringResourceVersion> createClusterStore(
            String keyPrefix, String filePrefix) throws Exception {
        try {
            return new ConfigMapStateHandleStore<>(
                    session.open(names.cluster(), false), keyPrefix, stateFiles(filePrefix));
        } catch (NativeException e) {
            throw ErrorMapping.ofCall("open " + keyPrefix + "*", names.cluster(), e);
        }
    }

    private <T extends Serializable> StateFiles<T> stateFiles(String prefix) {
        return new StateFiles<>(storages, storage.clusterRoot(), prefix);
    }

    public void deleteClusterConfigMap() throws Exception {
        deleteConfigMap(names.cluster());
    }

    /** Idempotent: Flink repeats a clean-up that failed. */
    public void deleteJobConfigMap(JobID jobId) throws Exception {
        deleteConfigMap(names.job(jobId));
    }

    private void deleteConfigMap(String name) throws Exception {
        try {
            session.delete(name);
        } catch (NativeException e) {
            throw ErrorMapping.ofCall("delete everything", name, e);
        }
    }

    @Override
    public void close() throws IOException {
        metrics.close();
        try {
            session.close();
        } finally {
            storages.close();
        }
    }
}
