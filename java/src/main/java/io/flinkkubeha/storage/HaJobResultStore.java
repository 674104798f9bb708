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
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.highavailability.AbstractThreadsafeJobResultStore;
import org.apache.flink.runtime.highavailability.JobResultEntry;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.util.jackson.JacksonMapperFactory;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.HashSet;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.Executor;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Job results in the files of {@link
 * org.apache.flink.runtime.highavailability.FileSystemJobResultStore}.
 */
public final class HaJobResultStore extends AbstractThreadsafeJobResultStore {

    private static final Logger LOG = LoggerFactory.getLogger(HaJobResultStore.class);

    private static final String CLEAN_SUFFIX = ".json";
    private static final String DIRTY_SUFFIX = "_DIRTY" + CLEAN_SUFFIX;

    private final ObjectMapper mapper = JacksonMapperFactory.createObjectMapper();
    private final HaStorages storages;
    private final Path basePath;
    private final boolean deleteOnCommit;

    public HaJobResultStore(
            HaStorages storages, Path basePath, boolean deleteOnCommit, Executor ioExecutor) {
        super(ioExecutor);
        this.storages = checkNotNull(storages);
        this.basePath = checkNotNull(basePath);
        this.deleteOnCommit = deleteOnCommit;
    }

    @Override
    protected void createDirtyResultInternal(JobResultEntry entry) throws IOException {
        final String location = dirty(entry.getJobId());
        storages.of(location)
                .create(location, mapper.writeValueAsBytes(new JsonJobResultEntry(entry)));
    }

    @Override
    protected void markResultAsCleanInternal(JobID jobId) throws IOException {
        final String location = dirty(jobId);
        final HaStorage storage = storages.of(location);
        if (!storage.exists(location)) {
            throw new NoSuchElementException(
                    String.format(
                            "Could not mark job %s as clean as %s is not there.", jobId, location));
        }
        if (deleteOnCommit) {
            storage.delete(location);
        } else {
            storage.rename(location, clean(jobId));
        }
    }

    @Override
    protected boolean hasDirtyJobResultEntryInternal(JobID jobId) throws IOException {
        final String location = dirty(jobId);
        return storages.of(location).exists(location);
    }

    @Override
    protected boolean hasCleanJobResultEntryInternal(JobID jobId) throws IOException {
        final String location = clean(jobId);
        return storages.of(location).exists(location);
    }

    @Override
    protected Set<JobResult> getDirtyResultsInternal() throws IOException {
        final String directory = basePath.toUri().toString();
        final HaStorage storage = storages.of(directory);
        storage.ensureDirectory(directory);
        final Set<JobResult> results = new HashSet<>();
        for (String name : storage.list(directory)) {
            if (name.endsWith(DIRTY_SUFFIX)) {
                try {
                    final byte[] content = storage.read(location(name));
                    results.add(mapper.readValue(content, JsonJobResultEntry.class).getJobResult());
                } catch (FileNotFoundException e) {
                    LOG.debug("{} was marked as clean meanwhile.", name, e);
                }
            }
        }
        return results;
    }

    private String dirty(JobID jobId) {
        return location(jobId + DIRTY_SUFFIX);
    }

    private String clean(JobID jobId) {
        return location(jobId + CLEAN_SUFFIX);
    }

    private String location(String fileName) {
        return new Path(basePath, fileName).toUri().toString();
    }
}
