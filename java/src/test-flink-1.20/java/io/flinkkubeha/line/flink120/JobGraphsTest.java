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

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link JobGraphs}. */
class JobGraphsTest {

    @Test
    void keysAreThoseOfFlink() {
        final JobID jobId = JobID.fromHexString("0123456789abcdef0123456789abcdef");

        final JobGraphs.Keys keys = new JobGraphs.Keys();
        final String key = keys.jobIDToName(jobId);

        assertThat(key).isEqualTo("jobGraph-0123456789abcdef0123456789abcdef");
        assertThat(keys.nameToJobID(key)).isEqualTo(jobId);
    }
}
