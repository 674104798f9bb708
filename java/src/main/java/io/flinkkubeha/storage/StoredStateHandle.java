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
import org.apache.flink.runtime.state.RetrievableStateHandle;
import org.apache.flink.runtime.state.RetrievableStreamStateHandle;
import org.apache.flink.util.InstantiationUtil;

import java.io.IOException;
import java.io.InvalidObjectException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.net.URI;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * State in a file of ours.
 *
 * @param <T> type of the state
 */
public final class StoredStateHandle<T extends Serializable> implements RetrievableStateHandle<T> {

    private static final long serialVersionUID = 1L;

    private final transient HaStorages storages;
    private final String location;
    private final long size;

    public StoredStateHandle(HaStorages storages, String location, long size) {
        this.storages = checkNotNull(storages);
        this.location = checkNotNull(location);
        this.size = size;
    }

    /** Where the file is, as it stands in a pointer. */
    public String location() {
        return location;
    }

    @Override
    public T retrieveState() throws IOException, ClassNotFoundException {
        return InstantiationUtil.deserializeObject(
                storages.of(location).read(location),
                Thread.currentThread().getContextClassLoader());
    }

    /** Idempotent. */
    @Override
    public void discardState() throws IOException {
        storages.of(location).delete(location);
    }

    @Override
    public long getStateSize() {
        return size;
    }

    /** Flink's own handle of the same file, whose bytes every Flink understands. */
    private Object writeReplace() {
        return new RetrievableStreamStateHandle<T>(new Path(URI.create(location)), size);
    }

    private void readObject(ObjectInputStream in) throws InvalidObjectException {
        throw new InvalidObjectException("It is written as a RetrievableStreamStateHandle.");
    }

    @Override
    public String toString() {
        return String.format("State in %s [%d bytes]", location, size);
    }
}
