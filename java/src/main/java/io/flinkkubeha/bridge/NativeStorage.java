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

package io.flinkkubeha.bridge;

import java.lang.ref.Cleaner;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** A storage that native code reads and writes. A URI is what {@link java.net.URI} prints. */
public final class NativeStorage implements AutoCloseable {

    private final NativeHandle handle;
    private final Cleaner.Cleanable net;

    private NativeStorage(NativeHandle handle) {
        this.handle = checkNotNull(handle);
        this.net = HandleNet.watch(this, handle, handle::close);
    }

    /**
     * Ends with {@link ErrorCode#UNSUPPORTED} if native code does not serve the root's scheme, or
     * cannot honour an option.
     */
    public static NativeStorage open(String root, Map<String, String> options)
            throws NativeException {
        final String[] flat =
                options.entrySet().stream()
                        .flatMap(option -> Stream.of(option.getKey(), option.getValue()))
                        .toArray(String[]::new);
        final long value = NativeBindings.openStorage(checkNotNull(root), flat);
        return new NativeStorage(
                new NativeHandle(value, "Storage " + root, NativeBindings::closeStorage));
    }

    NativeHandle handle() {
        return handle;
    }

    /** Ends with {@link ErrorCode#STORAGE_EXISTS} if the object is there. */
    public void create(String uri, byte[] content) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.createObject(call.handle(), checkNotNull(uri), checkNotNull(content));
        }
    }

    /** Ends with {@link ErrorCode#STORAGE_NOT_FOUND} if the object is absent. */
    public byte[] read(String uri) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            return NativeBindings.readObject(call.handle(), checkNotNull(uri));
        }
    }

    public void delete(String uri) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.deleteObject(call.handle(), checkNotNull(uri));
        }
    }

    public void deletePrefix(String uri) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.deletePrefix(call.handle(), checkNotNull(uri));
        }
    }

    public boolean exists(String uri) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            return NativeBindings.objectExists(call.handle(), checkNotNull(uri));
        }
    }

    /** Names of the files directly below. */
    public List<String> list(String uri) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            return Arrays.asList(NativeBindings.listObjects(call.handle(), checkNotNull(uri)));
        }
    }

    public void rename(String from, String to) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.renameObject(call.handle(), checkNotNull(from), checkNotNull(to));
        }
    }

    public void upload(String localPath, String uri) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.uploadFile(call.handle(), checkNotNull(localPath), checkNotNull(uri));
        }
    }

    public void download(String uri, String localPath) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.downloadFile(call.handle(), checkNotNull(uri), checkNotNull(localPath));
        }
    }

    public void ensureDirectory(String uri) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.ensureDirectory(call.handle(), checkNotNull(uri));
        }
    }

    /** What is counted, in Prometheus' text format 0.0.4. */
    public String metrics() throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            return NativeBindings.storageMetrics(call.handle());
        }
    }

    /** Writes, reads and deletes an object below the URI. */
    public void probe(String uri) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.probeStorage(call.handle(), checkNotNull(uri));
        }
    }

    @Override
    public void close() {
        handle.close();
        net.clean();
    }
}
