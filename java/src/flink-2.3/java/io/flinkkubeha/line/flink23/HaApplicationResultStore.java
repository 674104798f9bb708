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
import org.apache.flink.runtime.highavailability.AbstractThreadsafeApplicationResultStore;
import org.apache.flink.runtime.highavailability.ApplicationResult;
import org.apache.flink.runtime.highavailability.ApplicationResultEntry;
import org.apache.flink.util.jackson.JacksonMapperFactory;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

import io.flinkkubeha.storage.ResultFiles;

import javax.annotation.Nullable;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Executor;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Application results in the files of {@link
 * org.apache.flink.runtime.highavailability.FileSystemApplicationResultStore}.
 */
final class HaApplicationResultStore extends AbstractThreadsafeApplicationResultStore {

    private final ResultFiles files;

    HaApplicationResultStore(ResultFiles files, Executor ioExecutor) {
        super(ioExecutor);
        this.files = checkNotNull(files);
    }

    @Override
    protected void createDirtyResultInternal(ApplicationResultEntry entry) throws IOException {
        files.createDirty(
                entry.getApplicationId().toString(),
                Json.MAPPER.writeValueAsBytes(new JsonApplicationResultEntry(entry)));
    }

    @Override
    protected void markResultAsCleanInternal(ApplicationID applicationId) throws IOException {
        files.markAsClean(applicationId.toString());
    }

    @Override
    protected boolean hasDirtyApplicationResultEntryInternal(ApplicationID applicationId)
            throws IOException {
        return files.hasDirty(applicationId.toString());
    }

    @Override
    protected boolean hasCleanApplicationResultEntryInternal(ApplicationID applicationId)
            throws IOException {
        return files.hasClean(applicationId.toString());
    }

    @Override
    protected Set<ApplicationResult> getDirtyResultsInternal() throws IOException {
        final Set<ApplicationResult> results = new HashSet<>();
        for (byte[] content : files.readDirty()) {
            results.add(read(content));
        }
        return results;
    }

    @Override
    @Nullable
    protected ApplicationResult getCleanApplicationResultInternal(ApplicationID applicationId)
            throws IOException {
        try {
            return read(files.readClean(applicationId.toString()));
        } catch (FileNotFoundException e) {
            return null;
        }
    }

    private ApplicationResult read(byte[] content) throws IOException {
        return Json.MAPPER
                .readValue(content, JsonApplicationResultEntry.class)
                .getApplicationResult();
    }

    /** Of no use to a start without results. */
    private static final class Json {
        private static final ObjectMapper MAPPER = JacksonMapperFactory.createObjectMapper();
    }
}
