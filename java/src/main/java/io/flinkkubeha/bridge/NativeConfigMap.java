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

import javax.annotation.Nullable;

import java.lang.ref.Cleaner;
import java.util.LinkedHashMap;
import java.util.Map;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** A ConfigMap that native code reads and writes. */
final class NativeConfigMap implements ConfigMapAccess {

    private static final int FIELDS_PER_POINTER = 5;

    private final String name;
    private final NativeHandle handle;
    private final Cleaner.Cleanable net;

    NativeConfigMap(String name, NativeHandle handle) {
        this.name = checkNotNull(name);
        this.handle = checkNotNull(handle);
        this.net = HandleNet.watch(this, handle, handle::close);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    @Nullable
    public Pointer readPointer(String key) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            final String[] found = NativeBindings.readPointer(call.handle(), checkNotNull(key));
            return found == null ? null : pointer(found[0], found[1], found[2], found[3]);
        }
    }

    @Override
    public Map<String, Pointer> readPointers(String prefix) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            final String[] flat = NativeBindings.readPointers(call.handle(), checkNotNull(prefix));
            final Map<String, Pointer> pointers = new LinkedHashMap<>();
            for (int i = 0; i + FIELDS_PER_POINTER <= flat.length; i += FIELDS_PER_POINTER) {
                pointers.put(
                        flat[i], pointer(flat[i + 1], flat[i + 2], flat[i + 3], flat[i + 4]));
            }
            return pointers;
        }
    }

    @Override
    public void addPointer(String key, String uri, long size) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.addPointer(call.handle(), checkNotNull(key), checkNotNull(uri), size);
        }
    }

    @Override
    @Nullable
    public Pointer replacePointer(String key, String uri, long size) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            return decode(
                    NativeBindings.replacePointer(
                            call.handle(), checkNotNull(key), checkNotNull(uri), size));
        }
    }

    @Override
    @Nullable
    public Pointer markPointer(String key) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            return decode(NativeBindings.markPointer(call.handle(), checkNotNull(key)));
        }
    }

    @Override
    public void removePointer(String key, Pointer pointer) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.removePointer(call.handle(), checkNotNull(key), pointer.raw());
        }
    }

    @Override
    public void finishRemovals() throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.finishRemovals(call.handle());
        }
    }

    @Override
    public void clearPointers(String prefix) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.clearPointers(call.handle(), checkNotNull(prefix));
        }
    }

    @Override
    public long nextCounter() throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            return NativeBindings.nextCounter(call.handle());
        }
    }

    @Override
    public long readCounter() throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            return NativeBindings.readCounter(call.handle());
        }
    }

    @Override
    public void setCounter(long value) throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.setCounter(call.handle(), value);
        }
    }

    @Override
    public void removeCounter() throws NativeException {
        try (NativeHandle.Call call = handle.enter()) {
            NativeBindings.removeCounter(call.handle());
        }
    }

    @Override
    public void close() {
        handle.close();
        net.clean();
    }

    @Override
    public String toString() {
        return handle.toString();
    }

    @Nullable
    static Pointer decode(@Nullable String raw) throws NativeException {
        if (raw == null) {
            return null;
        }
        final String[] decoded = NativeBindings.decodePointer(raw);
        return pointer(decoded[0], decoded[1], decoded[2], raw);
    }

    private static Pointer pointer(
            String state, @Nullable String uri, @Nullable String size, String raw) {
        return new Pointer(
                Pointer.State.valueOf(state),
                uri == null || uri.isEmpty() ? null : uri,
                size == null || size.isEmpty() ? 0 : Long.parseLong(size),
                raw);
    }
}
