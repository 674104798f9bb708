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

package io.flinkkubeha.line.flink23;

import org.apache.flink.api.common.ApplicationID;
import org.apache.flink.runtime.jobmanager.ApplicationStoreUtil;

/** Keys of applications in the ConfigMap of the cluster. */
enum ApplicationKeys implements ApplicationStoreUtil {
    INSTANCE;

    static final String PREFIX = "application-";

    @Override
    public String applicationIdToName(ApplicationID applicationId) {
        return PREFIX + applicationId;
    }

    @Override
    public ApplicationID nameToApplicationId(String key) {
        return ApplicationID.fromHexString(key.substring(PREFIX.length()));
    }
}
