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

package io.flinkkubeha.store;

import io.flinkkubeha.bridge.ConfigMapAccess;
import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.bridge.Pointer;

import javax.annotation.Nullable;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@link ConfigMapAccess} in memory that can be made to fail and to lose its leadership. */
final class TestingConfigMap implements ConfigMapAccess {

    /** Something that happens instead of, or after, the next write of a kind. */
    interface Fault {
        void happen() throws NativeException;
    }

    private final Map<String, Pointer> pointers = new TreeMap<>();
    private final Map<String, Fault> before = new TreeMap<>();
    private final Map<String, Fault> after = new TreeMap<>();
    private final List<String> writes = new ArrayList<>();

    private boolean present = true;
    private boolean closed;
    @Nullable private Long counter;

    static Fault failure(ErrorCode code) {
        return () -> {
            throw new NativeException(code, "Made up: " + code + ".");
        };
    }

    /** Makes the next write of this kind fail without being applied. */
    TestingConfigMap failBefore(String write, ErrorCode code) {
        before.put(write, failure(code));
        return this;
    }

    /** Makes the next write of this kind fail although it is applied. */
    TestingConfigMap failAfter(String write, ErrorCode code) {
        after.put(write, failure(code));
        return this;
    }

    TestingConfigMap runBefore(String write, Fault fault) {
        before.put(write, fault);
        return this;
    }

    void delete() {
        present = false;
        pointers.clear();
    }

    void put(String key, Pointer.State state, String uri) {
        pointers.put(key, pointer(state, uri, 1));
    }

    /** A value that native code does not understand. */
    void putForeign(String key, String raw) {
        pointers.put(key, new Pointer(Pointer.State.FOREIGN, null, 0, raw));
    }

    Map<String, Pointer> pointers() {
        return pointers;
    }

    List<String> writes() {
        return writes;
    }

    boolean isClosed() {
        return closed;
    }

    private static Pointer pointer(Pointer.State state, String uri, long size) {
        return new Pointer(state, uri, size, state + ":" + uri + ":" + size);
    }

    @Override
    public String name() {
        return "c-config-map";
    }

    @Override
    @Nullable
    public Pointer readPointer(String key) throws NativeException {
        requirePresent();
        return pointers.get(key);
    }

    @Override
    public Map<String, Pointer> readPointers(String prefix) throws NativeException {
        requirePresent();
        final Map<String, Pointer> found = new TreeMap<>(pointers);
        found.keySet().removeIf(key -> !key.startsWith(prefix));
        return found;
    }

    @Override
    public void addPointer(String key, String uri, long size) throws NativeException {
        begin("add");
        final Pointer there = pointers.get(key);
        if (there != null) {
            switch (there.state()) {
                case LIVE:
                    throw new NativeException(ErrorCode.ALREADY_EXISTS, key + " exists.");
                case MARKED:
                    throw new NativeException(ErrorCode.MARKED_FOR_DELETION, key + " is marked.");
                default:
                    throw new NativeException(ErrorCode.UNDECODABLE, key + " is undecodable.");
            }
        }
        pointers.put(key, pointer(Pointer.State.LIVE, uri, size));
        end("add");
    }

    @Override
    @Nullable
    public Pointer replacePointer(String key, String uri, long size) throws NativeException {
        begin("replace");
        final Pointer there = pointers.get(key);
        if (there == null) {
            throw new NativeException(ErrorCode.NOT_EXISTS, key + " is absent.");
        }
        if (there.state() == Pointer.State.MARKED) {
            throw new NativeException(ErrorCode.MARKED_FOR_DELETION, key + " is marked.");
        }
        pointers.put(key, pointer(Pointer.State.LIVE, uri, size));
        end("replace");
        return there;
    }

    @Override
    @Nullable
    public Pointer markPointer(String key) throws NativeException {
        begin("mark");
        final Pointer there = pointers.get(key);
        if (there == null) {
            return null;
        }
        if (there.state() == Pointer.State.FOREIGN) {
            try {
                ForeignPointer.decode(there.raw());
                return there;
            } catch (IOException e) {
                throw new NativeException(ErrorCode.UNDECODABLE, key + " is undecodable.");
            }
        }
        final Pointer marked = pointer(Pointer.State.MARKED, there.uri(), there.size());
        pointers.put(key, marked);
        end("mark");
        return marked;
    }

    @Override
    public void removePointer(String key, Pointer pointer) throws NativeException {
        begin("remove");
        if (pointer.state() == Pointer.State.LIVE) {
            throw new NativeException(ErrorCode.ALREADY_EXISTS, key + " is live.");
        }
        pointers.remove(key, pointer);
        end("remove");
    }

    @Override
    public void finishRemovals() throws NativeException {
        begin("finish");
        end("finish");
    }

    @Override
    public void clearPointers(String prefix) throws NativeException {
        begin("clear");
        pointers.keySet().removeIf(key -> key.startsWith(prefix));
        end("clear");
    }

    @Override
    public synchronized long nextCounter() throws NativeException {
        begin("next");
        final long current = counter == null ? 1 : counter;
        counter = current + 1;
        end("next");
        return current;
    }

    @Override
    public synchronized long readCounter() throws NativeException {
        requirePresent();
        return counter == null ? 1 : counter;
    }

    @Override
    public synchronized void setCounter(long value) throws NativeException {
        begin("set");
        counter = value;
        end("set");
    }

    @Override
    public void removeCounter() throws NativeException {
        begin("removeCounter");
        counter = null;
        end("removeCounter");
    }

    @Override
    public void close() {
        closed = true;
    }

    private void requirePresent() throws NativeException {
        if (!present) {
            throw new NativeException(ErrorCode.CONFIG_MAP_MISSING, "It does not exist.");
        }
    }

    private void begin(String write) throws NativeException {
        requirePresent();
        writes.add(write);
        final Fault fault = before.remove(write);
        if (fault != null) {
            fault.happen();
        }
    }

    private void end(String write) throws NativeException {
        final Fault fault = after.remove(write);
        if (fault != null) {
            fault.happen();
        }
    }
}
