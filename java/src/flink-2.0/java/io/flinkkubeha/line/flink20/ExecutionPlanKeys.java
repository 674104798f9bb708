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
import org.apache.flink.runtime.jobmanager.ExecutionPlanStoreUtil;

/** Keys of execution plans in the ConfigMap of the cluster. */
enum ExecutionPlanKeys implements ExecutionPlanStoreUtil {
    INSTANCE;

    static final String PREFIX = "executionPlan-";

    @Override
    public String jobIDToName(JobID jobId) {
        return PREFIX + jobId;
    }

    @Override
    public JobID nameToJobID(String key) {
        return JobID.fromHexString(key.substring(PREFIX.length()));
    }
}
