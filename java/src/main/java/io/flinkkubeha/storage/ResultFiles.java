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

import org.apache.flink.core.fs.Path;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Results of jobs or applications, one file each: dirty until everything that belongs to it has
 * been cleaned up, then deleted or kept under another name.
 */
public final class ResultFiles {

    private static final Logger LOG = LoggerFactory.getLogger(ResultFiles.class);

    private static final String CLEAN_SUFFIX = ".json";
    private static final String DIRTY_SUFFIX = "_DIRTY" + CLEAN_SUFFIX;

    private final HaStorages storages;
    private final Path directory;
    private final boolean deleteOnCommit;

    /** @param deleteOnCommit whether a result that is clean is not kept */
    public ResultFiles(HaStorages storages, Path directory, boolean deleteOnCommit) {
        this.storages = checkNotNull(storages);
        this.directory = checkNotNull(directory);
        this.deleteOnCommit = deleteOnCommit;
    }

    public void createDirty(String id, byte[] content) throws IOException {
        final String location = dirty(id);
        storages.of(location).create(location, content);
    }

    /** @throws NoSuchElementException if there is no dirty result */
    public void markAsClean(String id) throws IOException {
        final String location = dirty(id);
        final HaStorage storage = storages.of(location);
        if (!storage.exists(location)) {
            throw new NoSuchElementException(
                    String.format(
                            "Could not mark the result of %s as clean as %s is not there.",
                            id, location));
        }
        if (deleteOnCommit) {
            storage.delete(location);
        } else {
            storage.rename(location, clean(id));
        }
    }

    public boolean hasDirty(String id) throws IOException {
        return exists(dirty(id));
    }

    public boolean hasClean(String id) throws IOException {
        return exists(clean(id));
    }

    public byte[] readClean(String id) throws IOException {
        return read(clean(id));
    }

    public List<byte[]> readDirty() throws IOException {
        final String root = directory.toUri().toString();
        final HaStorage storage = storages.of(root);
        storage.ensureDirectory(root);
        final List<byte[]> results = new ArrayList<>();
        for (String name : storage.list(root)) {
            if (name.endsWith(DIRTY_SUFFIX)) {
                try {
                    results.add(read(location(name)));
                } catch (FileNotFoundException e) {
                    LOG.debug("{} was marked as clean meanwhile.", name, e);
                }
            }
        }
        return results;
    }

    private boolean exists(String location) throws IOException {
        return storages.of(location).exists(location);
    }

    private byte[] read(String location) throws IOException {
        return storages.of(location).read(location);
    }

    private String dirty(String id) {
        return location(id + DIRTY_SUFFIX);
    }

    private String clean(String id) {
        return location(id + CLEAN_SUFFIX);
    }

    private String location(String fileName) {
        return new Path(directory, fileName).toUri().toString();
    }
}
