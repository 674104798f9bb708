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

package io.flinkkubeha.storage;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.highavailability.JobResultEntry;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.rest.messages.json.JobResultDeserializer;
import org.apache.flink.runtime.rest.messages.json.JobResultSerializer;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonCreator;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonIgnore;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonProperty;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.annotation.JsonSerialize;

/**
 * A job result as {@link org.apache.flink.runtime.highavailability.FileSystemJobResultStore} writes
 * it, whose own class for this cannot be reached.
 */
@JsonIgnoreProperties(value = JsonJobResultEntry.VERSION, allowGetters = true)
final class JsonJobResultEntry extends JobResultEntry {

    static final String VERSION = "version";

    private static final String RESULT = "result";

    JsonJobResultEntry(JobResultEntry entry) {
        this(entry.getJobResult());
    }

    @JsonCreator
    private JsonJobResultEntry(@JsonProperty(RESULT) JobResult jobResult) {
        super(jobResult);
    }

    @Override
    @JsonProperty(RESULT)
    @JsonSerialize(using = JobResultSerializer.class)
    @JsonDeserialize(using = JobResultDeserializer.class)
    public JobResult getJobResult() {
        return super.getJobResult();
    }

    @Override
    @JsonIgnore
    public JobID getJobId() {
        return super.getJobId();
    }

    /** Version of the schema, read by Jackson. */
    public int getVersion() {
        return 1;
    }
}
