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

import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.bridge.NativeSession;
import io.flinkkubeha.bridge.NativeStorage;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.util.List;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** {@link HaStorage} served by native code. */
final class NativeHaStorage implements HaStorage {

    /** One operation on the native side. */
    private interface Operation<T> {
        T run() throws NativeException;
    }

    /** One operation on the native side without an answer. */
    private interface Action {
        void run() throws NativeException;
    }

    private final NativeStorage storage;

    NativeHaStorage(NativeStorage storage) {
        this.storage = checkNotNull(storage);
    }

    @Override
    public void create(String location, byte[] content) throws IOException {
        run(location, () -> storage.create(location, content));
    }

    @Override
    public byte[] read(String location) throws IOException {
        return get(location, () -> storage.read(location));
    }

    @Override
    public void delete(String location) throws IOException {
        run(location, () -> storage.delete(location));
    }

    @Override
    public void deleteAll(String location) throws IOException {
        run(location, () -> storage.deletePrefix(location));
    }

    /** {@link #deleteAll} takes directories away with the last file in them. */
    @Override
    public void deleteEmptyDirectory(String location) {}

    @Override
    public boolean exists(String location) throws IOException {
        return get(location, () -> storage.exists(location));
    }

    @Override
    public List<String> list(String location) throws IOException {
        return get(location, () -> storage.list(location));
    }

    @Override
    public boolean startMirror(NativeSession session, String root, String jobResults)
            throws NativeException {
        session.startMirror(storage, root, jobResults);
        return true;
    }

    @Override
    public String metrics() throws IOException {
        return get("its metrics", storage::metrics);
    }

    @Override
    public void rename(String from, String to) throws IOException {
        run(from, () -> storage.rename(from, to));
    }

    @Override
    public void upload(File file, String location) throws IOException {
        run(location, () -> storage.upload(file.getAbsolutePath(), location));
    }

    @Override
    public void download(String location, File file) throws IOException {
        run(location, () -> storage.download(location, file.getAbsolutePath()));
    }

    @Override
    public void ensureDirectory(String location) throws IOException {
        run(location, () -> storage.ensureDirectory(location));
    }

    @Override
    public void probe(String location) throws IOException {
        run(location, () -> storage.probe(location));
    }

    @Override
    public void close() {
        storage.close();
    }

    private static void run(String location, Action action) throws IOException {
        get(
                location,
                () -> {
                    action.run();
                    return null;
                });
    }

    private static <T> T get(String location, Operation<T> operation) throws IOException {
        try {
            return operation.run();
        } catch (NativeException e) {
            throw toIOException(location, e);
        }
    }

    private static IOException toIOException(String location, NativeException e) {
        switch (e.code()) {
            case STORAGE_NOT_FOUND:
                final FileNotFoundException absent = new FileNotFoundException(e.getMessage());
                absent.initCause(e);
                return absent;
            case STORAGE_EXISTS:
                final FileAlreadyExistsException present =
                        new FileAlreadyExistsException(location, null, e.getMessage());
                present.initCause(e);
                return present;
            default:
                return new IOException(e.getMessage(), e);
        }
    }
}
