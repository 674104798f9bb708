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
import org.apache.flink.runtime.highavailability.AbstractThreadsafeJobResultStore;
import org.apache.flink.runtime.highavailability.JobResultEntry;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.util.jackson.JacksonMapperFactory;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Executor;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Job results in the files of {@link
 * org.apache.flink.runtime.highavailability.FileSystemJobResultStore}.
 */
public final class HaJobResultStore extends AbstractThreadsafeJobResultStore {

    private final ResultFiles files;

    public HaJobResultStore(ResultFiles files, Executor ioExecutor) {
        super(ioExecutor);
        this.files = checkNotNull(files);
    }

    @Override
    protected void createDirtyResultInternal(JobResultEntry entry) throws IOException {
        files.createDirty(
                entry.getJobId().toString(),
                Json.MAPPER.writeValueAsBytes(new JsonJobResultEntry(entry)));
    }

    @Override
    protected void markResultAsCleanInternal(JobID jobId) throws IOException {
        files.markAsClean(jobId.toString());
    }

    @Override
    protected boolean hasDirtyJobResultEntryInternal(JobID jobId) throws IOException {
        return files.hasDirty(jobId.toString());
    }

    @Override
    protected boolean hasCleanJobResultEntryInternal(JobID jobId) throws IOException {
        return files.hasClean(jobId.toString());
    }

    @Override
    protected Set<JobResult> getDirtyResultsInternal() throws IOException {
        final Set<JobResult> results = new HashSet<>();
        for (byte[] content : files.readDirty()) {
            results.add(Json.MAPPER.readValue(content, JsonJobResultEntry.class).getJobResult());
        }
        return results;
    }

    /** Hundreds of classes and 30 ms, which a start without results can do without. */
    private static final class Json {
        private static final ObjectMapper MAPPER = JacksonMapperFactory.createObjectMapper();
    }
}
