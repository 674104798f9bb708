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

package io.flinkkubeha.line.flink20;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.jobmanager.DefaultExecutionPlanStore;
import org.apache.flink.runtime.jobmanager.ExecutionPlanStore;
import org.apache.flink.runtime.jobmanager.ExecutionPlanStoreUtil;
import org.apache.flink.runtime.jobmanager.NoOpExecutionPlanStoreWatcher;
import org.apache.flink.runtime.persistence.StateHandleStore;
import org.apache.flink.runtime.persistence.StringResourceVersion;
import org.apache.flink.streaming.api.graph.ExecutionPlan;

import io.flinkkubeha.HaRuntime;
import io.flinkkubeha.store.CleanUp;
import io.flinkkubeha.store.JobKeys;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** Execution plans of submitted jobs, as Flink keeps them since 2.0. */
public final class ExecutionPlans {

    private static final String KEY_PREFIX = "executionPlan-";
    private static final String FILE_PREFIX = "submittedExecutionPlan";

    private ExecutionPlans() {}

    public static ExecutionPlanStore createStore(HaRuntime runtime) throws Exception {
        return new Store(runtime.createClusterStore(KEY_PREFIX, FILE_PREFIX));
    }

    private static final class Store extends DefaultExecutionPlanStore<StringResourceVersion> {

        Store(StateHandleStore<ExecutionPlan, StringResourceVersion> pointers) {
            super(pointers, NoOpExecutionPlanStoreWatcher.INSTANCE, new Keys());
        }

        @Override
        public CompletableFuture<Void> globalCleanupAsync(JobID jobId, Executor executor) {
            return CleanUp.of(() -> super.globalCleanupAsync(jobId, executor));
        }
    }

    static final class Keys extends JobKeys implements ExecutionPlanStoreUtil {

        Keys() {
            super(KEY_PREFIX);
        }
    }
}
