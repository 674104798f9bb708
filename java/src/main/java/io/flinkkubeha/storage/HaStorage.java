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

import java.io.Closeable;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.util.List;

/**
 * What high availability needs of a storage: the seam between Flink's stores and whoever serves the
 * storage directory.
 *
 * <p>A location is what {@link java.net.URI} prints, as it also stands in pointers.
 */
public interface HaStorage extends Closeable {

    /**
     * Creates an object, whole or not at all as far as the storage can.
     *
     * @throws FileAlreadyExistsException if it is there already
     */
    void create(String location, byte[] content) throws IOException;

    /**
     * Reads an object.
     *
     * @throws FileNotFoundException if it is absent
     */
    byte[] read(String location) throws IOException;

    /** Deletes an object; an absent one is fine. */
    void delete(String location) throws IOException;

    /** Deletes an object, or a directory with everything below it; absent is fine. */
    void deleteAll(String location) throws IOException;

    /** Deletes a directory if nothing is in it, as far as the storage has directories. */
    void deleteEmptyDirectory(String location) throws IOException;

    boolean exists(String location) throws IOException;

    /** Names of the files directly below a directory; none if it is absent. */
    List<String> list(String location) throws IOException;

    /** What is counted of it, in Prometheus' text format 0.0.4; empty where nothing is. */
    default String metrics() throws IOException {
        return "";
    }

    /**
     * Lets native code mirror in this storage what ConfigMaps point to.
     *
     * @return {@code false} where that cannot be, and nothing is mirrored
     */
    default boolean startMirror(NativeSession session, String root, String jobResults)
            throws NativeException {
        return false;
    }

    /** Gives an object another name. */
    void rename(String from, String to) throws IOException;

    /** Copies a local file into the storage, over what is there. */
    void upload(File file, String location) throws IOException;

    /**
     * Copies an object to a local file, over what is there.
     *
     * @throws FileNotFoundException if the object is absent
     */
    void download(String location, File file) throws IOException;

    /** Creates a directory and its parents, as far as the storage has directories. */
    void ensureDirectory(String location) throws IOException;

    /**
     * Finds out whether objects below a directory can be written, read and deleted.
     *
     * @throws IOException if not; its message is a sentence with key, value and remedy
     */
    void probe(String location) throws IOException;
}
