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

import java.util.Objects;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** One state handle as it stands in a ConfigMap. */
public final class Pointer {

    /** What a value turned out to be. */
    public enum State {
        /** Points to a file. */
        LIVE,
        /** Its removal has begun. */
        MARKED,
        /** Not of the shape that Flink writes; only the raw value is known. */
        FOREIGN
    }

    private final State state;
    @Nullable private final String uri;
    private final long size;
    private final String raw;

    public Pointer(State state, @Nullable String uri, long size, String raw) {
        this.state = checkNotNull(state);
        this.uri = uri;
        this.size = size;
        this.raw = checkNotNull(raw);
    }

    public State state() {
        return state;
    }

    /** Where the file is. Only for pointers that are not foreign. */
    public String uri() {
        return checkNotNull(uri, "A foreign pointer has no URI.");
    }

    /** Size of the file in bytes. */
    public long size() {
        return size;
    }

    /** The value in the ConfigMap. */
    public String raw() {
        return raw;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Pointer)) {
            return false;
        }
        final Pointer that = (Pointer) other;
        return state == that.state
                && size == that.size
                && Objects.equals(uri, that.uri)
                && raw.equals(that.raw);
    }

    @Override
    public int hashCode() {
        return raw.hashCode();
    }

    @Override
    public String toString() {
        return state + " " + (uri == null ? raw : uri);
    }
}
