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

import org.apache.flink.runtime.state.RetrievableStateHandle;

import io.flinkkubeha.bridge.Pointer;
import io.flinkkubeha.storage.StateFiles;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.Serializable;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Turns pointers of one ConfigMap into state handles.
 *
 * @param <T> type of the state
 */
final class PointerReader<T extends Serializable> {

    private static final Logger LOG = LoggerFactory.getLogger(PointerReader.class);

    private static final int QUOTED = 120;

    private final String configMapName;
    private final StateFiles<T> files;

    PointerReader(String configMapName, StateFiles<T> files) {
        this.configMapName = checkNotNull(configMapName);
        this.files = checkNotNull(files);
    }

    /** Reads a pointer. An IOException means that nobody can. */
    Entry<T> read(String key, Pointer pointer) throws IOException {
        if (pointer.state() != Pointer.State.FOREIGN) {
            return new Entry<>(
                    pointer.state() == Pointer.State.MARKED,
                    files.handle(pointer.uri(), pointer.size()));
        }
        final ForeignPointer foreign;
        try {
            foreign = ForeignPointer.decode(pointer.raw());
        } catch (IOException e) {
            throw new IOException(
                    String.format(
                            "The value of %s in ConfigMap %s is not a state handle: %s",
                            key, configMapName, quote(pointer)),
                    e);
        }
        LOG.warn(
                "{} in ConfigMap {} holds a {}, which Flink's own store does not write; it is read by Java deserialization.",
                key,
                configMapName,
                foreign.handle().getClass().getName());
        return new Entry<>(foreign.isMarked(), foreign.handle());
    }

    /** The beginning of a value, for messages. */
    static String quote(Pointer pointer) {
        final String raw = pointer.raw();
        return raw.length() <= QUOTED
                ? "'" + raw + "'"
                : "'" + raw.substring(0, QUOTED) + "…' (" + raw.length() + " characters)";
    }

    /** What a pointer says. */
    static final class Entry<T extends Serializable> {

        private final boolean marked;
        private final RetrievableStateHandle<T> handle;

        private Entry(boolean marked, RetrievableStateHandle<T> handle) {
            this.marked = marked;
            this.handle = checkNotNull(handle);
        }

        /** Whether its removal has begun, so that it counts as absent. */
        boolean isMarked() {
            return marked;
        }

        RetrievableStateHandle<T> handle() {
            return handle;
        }
    }
}
