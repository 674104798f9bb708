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

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link ConfigMapNames}. */
class ConfigMapNamesTest {

    private static final JobID JOB_ID = JobID.fromHexString("0123456789abcdef0123456789abcdef");

    @Test
    void namesAreThoseOfFlink() {
        final ConfigMapNames names = new ConfigMapNames("my-cluster");

        assertThat(names.cluster()).isEqualTo("my-cluster-cluster-config-map");
        assertThat(names.job(JOB_ID))
                .isEqualTo("my-cluster-0123456789abcdef0123456789abcdef-config-map");
        assertThat(ConfigMapNames.resourceManager()).isEqualTo("resourcemanager");
        assertThat(ConfigMapNames.dispatcher()).isEqualTo("dispatcher");
        assertThat(ConfigMapNames.restServer()).isEqualTo("restserver");
        assertThat(ConfigMapNames.jobManager(JOB_ID))
                .isEqualTo("job-0123456789abcdef0123456789abcdef");
    }
}
