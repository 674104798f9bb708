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
import org.apache.flink.runtime.highavailability.ApplicationResult;
import org.apache.flink.runtime.highavailability.ApplicationResultEntry;
import org.apache.flink.runtime.rest.messages.json.ApplicationResultDeserializer;
import org.apache.flink.runtime.rest.messages.json.ApplicationResultSerializer;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonCreator;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonIgnore;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonProperty;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.annotation.JsonSerialize;

/**
 * An application result as {@link
 * org.apache.flink.runtime.highavailability.FileSystemApplicationResultStore} writes it, whose own
 * class for this cannot be reached.
 */
@JsonIgnoreProperties(value = JsonApplicationResultEntry.VERSION, allowGetters = true)
final class JsonApplicationResultEntry extends ApplicationResultEntry {

    static final String VERSION = "version";

    private static final String RESULT = "result";

    JsonApplicationResultEntry(ApplicationResultEntry entry) {
        this(entry.getApplicationResult());
    }

    @JsonCreator
    private JsonApplicationResultEntry(@JsonProperty(RESULT) ApplicationResult applicationResult) {
        super(applicationResult);
    }

    @Override
    @JsonProperty(RESULT)
    @JsonSerialize(using = ApplicationResultSerializer.class)
    @JsonDeserialize(using = ApplicationResultDeserializer.class)
    public ApplicationResult getApplicationResult() {
        return super.getApplicationResult();
    }

    @Override
    @JsonIgnore
    public ApplicationID getApplicationId() {
        return super.getApplicationId();
    }

    /** Version of the schema, read by Jackson. */
    public int getVersion() {
        return 1;
    }
}
