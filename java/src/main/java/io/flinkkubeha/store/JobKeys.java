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

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Keys by job in the ConfigMap of the cluster.
 *
 * <p>The methods are those of the interface that a line of Flink has for this.
 */
public abstract class JobKeys {

    private final String prefix;

    protected JobKeys(String prefix) {
        this.prefix = checkNotNull(prefix);
    }

    public final String jobIDToName(JobID jobId) {
        return prefix + jobId;
    }

    public final JobID nameToJobID(String key) {
        return JobID.fromHexString(key.substring(prefix.length()));
    }
}
