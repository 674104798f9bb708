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
import org.apache.flink.runtime.persistence.RetrievableStateStorageHelper;
import org.apache.flink.util.InstantiationUtil;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.FileAlreadyExistsException;
import java.util.concurrent.ThreadLocalRandom;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Writes state into new files below the cluster's directory, under the names that Flink gives them.
 *
 * @param <T> type of the state
 */
public final class StateFiles<T extends Serializable> implements RetrievableStateStorageHelper<T> {

    private static final int ATTEMPTS = 10;
    private static final long RANDOM_BITS = 48;

    private final HaStorages storages;
    private final Path directory;
    private final String prefix;

    public StateFiles(HaStorages storages, Path directory, String prefix) {
        this.storages = checkNotNull(storages);
        this.directory = checkNotNull(directory);
        this.prefix = checkNotNull(prefix);
    }

    @Override
    public StoredStateHandle<T> store(T state) throws IOException {
        final byte[] content = InstantiationUtil.serializeObject(checkNotNull(state));
        FileAlreadyExistsException last = null;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            final String location = new Path(directory, randomName()).toUri().toString();
            try {
                storages.of(location).create(location, content);
                return handle(location, content.length);
            } catch (FileAlreadyExistsException e) {
                last = e;
            }
        }
        throw new IOException("No free file name was found below " + directory + ".", last);
    }

    /** A handle of a file that is there. */
    public StoredStateHandle<T> handle(String location, long size) {
        return new StoredStateHandle<>(storages, location, size);
    }

    private String randomName() {
        final long random = ThreadLocalRandom.current().nextLong(1L << RANDOM_BITS);
        return prefix + String.format("%012x", random);
    }
}
