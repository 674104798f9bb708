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

/**
 * Every native method there is. Only primitives, strings, byte arrays and arrays of those cross.
 *
 * <p>A handle is a number that native code checks at each use: a closed, foreign or made-up one
 * ends in a {@link NativeException}, never in a crash. {@link NativeLibrary#load()} comes first.
 */
final class NativeBindings {

    private NativeBindings() {}

    // ---- library

    static native String version();

    /** {@code "1=INTERNAL"} and so on, in order. */
    static native String[] errorTable();

    /** Sets the most verbose level that is still recorded: off, error, warn, info, debug, trace. */
    static native void setLogLevel(String level) throws NativeException;

    // ---- session; all limits are milliseconds

    /** Alternating keys and values. */
    static native long openSession(String[] settings) throws NativeException;

    /** A limit of zero or less waits for ever. */
    static native void awaitReady(long session, long limit) throws NativeException;

    static native void closeSession(long session, long limit) throws NativeException;

    /** {@code null}: nothing within the limit; no element: the session is closed and drained. */
    @Nullable
    static native String[] takeEvent(long session, long limit) throws NativeException;

    // ---- election and retrieval

    /** A sign of life of this JVM: stores the time, and does nothing else. */
    static native void pulse(long session) throws NativeException;

    /** Prometheus' text format 0.0.4. */
    static native String metrics(long session) throws NativeException;

    /** A line for each event, oldest first. */
    static native String blackBox(long session) throws NativeException;

    /** Both texts are URIs of directories; sends nothing yet. */
    static native void startMirror(long session, long storage, String root, String jobResults)
            throws NativeException;

    static native void startElection(long session) throws NativeException;

    static native void stopElection(long session, long limit) throws NativeException;

    static native boolean hasLeadership(long session, long grant) throws NativeException;

    /** The end of this grant was taken in. */
    static native void revokeHeard(long session, long grant) throws NativeException;

    static native void publishLeader(
            long session, long grant, String component, @Nullable String value)
            throws NativeException;

    static native long watchLeader(long session, String component) throws NativeException;

    static native void unwatchLeader(long session, long subscription) throws NativeException;

    // ---- ConfigMaps

    static native long openConfigMap(long session, String name, boolean create)
            throws NativeException;

    static native void closeConfigMap(long configMap) throws NativeException;

    static native void deleteConfigMap(long session, String name) throws NativeException;

    /** {@code null} or state, URI, size, raw value. */
    @Nullable
    static native String[] readPointer(long configMap, String key) throws NativeException;

    /** Groups of five: key, state, URI, size, raw value. */
    static native String[] readPointers(long configMap, String prefix) throws NativeException;

    static native boolean addPointer(long configMap, String key, String uri, long size)
            throws NativeException;

    /** The raw value that was replaced; {@code null} if it was this very pointer. */
    @Nullable
    static native String replacePointer(long configMap, String key, String uri, long size)
            throws NativeException;

    /** The raw marked value, {@code null} if the key is absent. */
    @Nullable
    static native String markPointer(long configMap, String key) throws NativeException;

    static native void removePointer(long configMap, String key, String raw)
            throws NativeException;

    static native void finishRemovals(long configMap) throws NativeException;

    /** State, URI, size. */
    static native String[] decodePointer(String raw) throws NativeException;

    static native int clearPointers(long configMap, String prefix) throws NativeException;

    static native long nextCounter(long configMap) throws NativeException;

    static native long readCounter(long configMap) throws NativeException;

    static native void setCounter(long configMap, long value) throws NativeException;

    static native void removeCounter(long configMap) throws NativeException;

    // ---- storage; a URI is what java.net.URI prints

    static native long openStorage(String root, String[] options) throws NativeException;

    static native void closeStorage(long storage) throws NativeException;

    static native void createObject(long storage, String uri, byte[] content)
            throws NativeException;

    static native byte[] readObject(long storage, String uri) throws NativeException;

    static native boolean deleteObject(long storage, String uri) throws NativeException;

    static native int deletePrefix(long storage, String uri) throws NativeException;

    static native boolean objectExists(long storage, String uri) throws NativeException;

    static native String[] listObjects(long storage, String uri) throws NativeException;

    static native void renameObject(long storage, String from, String to) throws NativeException;

    static native void uploadFile(long storage, String localPath, String uri)
            throws NativeException;

    static native void downloadFile(long storage, String uri, String localPath)
            throws NativeException;

    static native void ensureDirectory(long storage, String uri) throws NativeException;

    /** Prometheus' text format 0.0.4. */
    static native String storageMetrics(long storage) throws NativeException;

    static native void probeStorage(long storage, String uri) throws NativeException;

    // ---- tests

    /** Panics on the native side. */
    static native void panicForTest(String message) throws NativeException;
}
