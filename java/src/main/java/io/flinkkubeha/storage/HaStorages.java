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

import javax.annotation.Nullable;

import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.util.Objects;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * The storages of one HA services instance: native where native code serves the storage directory,
 * Flink's FileSystem for everything else, such as a pointer from before the directory was moved.
 */
public final class HaStorages implements Closeable {

    private final HaStorage flink = new FlinkFileSystemHaStorage();
    @Nullable private final HaStorage nativeStorage;
    private final URI root;
    private final String description;

    HaStorages(Path root, @Nullable HaStorage nativeStorage, String description) {
        this.root = checkNotNull(root).toUri();
        this.nativeStorage = nativeStorage;
        this.description = checkNotNull(description);
    }

    /** Who serves a location. */
    public HaStorage of(String location) {
        final URI uri = URI.create(location);
        final boolean sameStore =
                Objects.equals(uri.getScheme(), root.getScheme())
                        && Objects.equals(uri.getAuthority(), root.getAuthority());
        return nativeStorage != null && sameStore ? nativeStorage : flink;
    }

    /** Who serves the storage directory and why, for people. */
    public String description() {
        return description;
    }

    /** What is counted of the native storage, in Prometheus' text format 0.0.4. */
    public String metrics() throws IOException {
        return nativeStorage == null ? "" : nativeStorage.metrics();
    }

    @Override
    public void close() throws IOException {
        if (nativeStorage != null) {
            nativeStorage.close();
        }
    }
}
