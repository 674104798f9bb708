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

import static org.apache.flink.util.Preconditions.checkNotNull;

/** Names of ConfigMaps and of the components whose leaders stand in them, as Flink gives them. */
public final class ConfigMapNames {

    private final String clusterId;

    public ConfigMapNames(String clusterId) {
        this.clusterId = checkNotNull(clusterId);
    }

    public String cluster() {
        return clusterId + "-cluster-config-map";
    }

    public String job(JobID jobId) {
        return clusterId + "-" + jobId + "-config-map";
    }

    public static String resourceManager() {
        return "resourcemanager";
    }

    public static String dispatcher() {
        return "dispatcher";
    }

    public static String restServer() {
        return "restserver";
    }

    public static String jobManager(JobID jobId) {
        return "job-" + jobId;
    }
}
