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

import java.util.Map;

/**
 * Pointers and counter of one ConfigMap, under the grant that held when it was opened.
 *
 * <p>Reads go to the API server. Writes return when they are settled; under another grant, or none,
 * they end with {@link ErrorCode#NOT_LEADER} and nothing is written.
 */
public interface ConfigMapAccess extends AutoCloseable {

    String name();

    /** {@code null} if the key is absent. */
    @Nullable
    Pointer readPointer(String key) throws NativeException;

    /** All pointers whose key has the prefix, in the order of their keys. */
    Map<String, Pointer> readPointers(String prefix) throws NativeException;

    /** Done too if the very pointer is already there. */
    void addPointer(String key, String uri, long size) throws NativeException;

    /** The pointer that was replaced, {@code null} if it was this very pointer. */
    @Nullable
    Pointer replacePointer(String key, String uri, long size) throws NativeException;

    /** Begins a removal: the marked pointer, {@code null} if the key is absent. */
    @Nullable
    Pointer markPointer(String key) throws NativeException;

    /**
     * Ends the removal of this pointer, whose file is gone; also takes away a value that cannot be
     * decoded. In the ConfigMap of a job a marked key, which counts as absent, stays until the next write.
     */
    void removePointer(String key, Pointer pointer) throws NativeException;

    /** Takes away at once, within a second, what was left to a next write. */
    void finishRemovals() throws NativeException;

    /** Takes away all keys with the prefix and leaves their files alone. */
    void clearPointers(String prefix) throws NativeException;

    /** Hands out an id that was never handed out; mostly one that was reserved by an earlier write. */
    long nextCounter() throws NativeException;

    /** The id that is handed out next. */
    long readCounter() throws NativeException;

    void setCounter(long value) throws NativeException;

    void removeCounter() throws NativeException;

    @Override
    void close();
}
