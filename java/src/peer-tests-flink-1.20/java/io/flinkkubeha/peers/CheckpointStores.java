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

package io.flinkkubeha.peers;

import org.apache.flink.api.common.JobID;
import org.apache.flink.core.execution.RestoreMode;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStore;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.state.SharedStateRegistry;

import java.util.concurrent.Executor;

/** Recovers checkpoints by the types of this line. */
public final class CheckpointStores {

    private CheckpointStores() {}

    public static CompletedCheckpointStore recover(
            HighAvailabilityServices services, JobID jobId, int maxRetained, Executor executor)
            throws Exception {
        return services.getCheckpointRecoveryFactory()
                .createRecoveredCompletedCheckpointStore(
                        jobId,
                        maxRetained,
                        SharedStateRegistry.DEFAULT_FACTORY,
                        executor,
                        RestoreMode.DEFAULT);
    }
}
