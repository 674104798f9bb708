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
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobmanager.DefaultJobGraphStore;
import org.apache.flink.runtime.jobmanager.JobGraphStore;
import org.apache.flink.runtime.jobmanager.JobGraphStoreUtil;
import org.apache.flink.runtime.jobmanager.NoOpJobGraphStoreWatcher;
import org.apache.flink.runtime.persistence.StateHandleStore;
import org.apache.flink.runtime.persistence.StringResourceVersion;

import io.flinkkubeha.HaRuntime;
import io.flinkkubeha.store.CleanUp;
import io.flinkkubeha.store.JobKeys;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** Graphs of submitted jobs. */
final class JobGraphs {

    private static final String KEY_PREFIX = "jobGraph-";
    private static final String FILE_PREFIX = "submittedJobGraph";

    private JobGraphs() {}

    static JobGraphStore createStore(HaRuntime runtime) throws Exception {
        return new Store(runtime.createClusterStore(KEY_PREFIX, FILE_PREFIX));
    }

    private static final class Store extends DefaultJobGraphStore<StringResourceVersion> {

        Store(StateHandleStore<JobGraph, StringResourceVersion> pointers) {
            super(pointers, NoOpJobGraphStoreWatcher.INSTANCE, new Keys());
        }

        @Override
        public CompletableFuture<Void> globalCleanupAsync(JobID jobId, Executor executor) {
            return CleanUp.of(() -> super.globalCleanupAsync(jobId, executor));
        }
    }

    static final class Keys extends JobKeys implements JobGraphStoreUtil {

        Keys() {
            super(KEY_PREFIX);
        }
    }
}
