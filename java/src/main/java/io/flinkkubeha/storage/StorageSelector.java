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

import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.core.fs.Path;

import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.bridge.NativeStorage;
import io.flinkkubeha.config.HaOptions;
import io.flinkkubeha.config.StorageConfiguration;
import io.flinkkubeha.config.StorageMode;

import java.io.IOException;
import java.util.Locale;
import java.util.Set;

/** Decides who serves the storage directory. */
public final class StorageSelector {

    /** Schemes that native code serves. */
    private static final Set<String> NATIVE_SCHEMES = Set.of("file");

    /** Opens a native storage. */
    interface NativeOpener {
        HaStorage open(String root) throws NativeException;
    }

    private StorageSelector() {}

    /** Sends nothing and writes nothing. */
    public static HaStorages select(StorageConfiguration configuration) throws IOException {
        return select(configuration, root -> new NativeHaStorage(NativeStorage.open(root)));
    }

    static HaStorages select(StorageConfiguration configuration, NativeOpener opener)
            throws IOException {
        final Path root = configuration.clusterRoot();
        final String scheme = root.toUri().getScheme().toLowerCase(Locale.ROOT);
        if (configuration.mode() == StorageMode.FLINK) {
            return new HaStorages(
                    root,
                    null,
                    "Flink's FileSystem, because " + HaOptions.STORAGE_MODE.key() + " asks for it");
        }
        if (NATIVE_SCHEMES.contains(scheme)) {
            return new HaStorages(root, open(opener, root), "native");
        }
        if (configuration.mode() == StorageMode.NATIVE) {
            throw new IllegalConfigurationException(
                    String.format(
                            "%s: 'native' cannot be had for %s '%s', whose scheme is not one of %s; set it to 'auto'.",
                            HaOptions.STORAGE_MODE.key(),
                            HaOptions.STORAGE_DIR.key(),
                            root,
                            NATIVE_SCHEMES));
        }
        return new HaStorages(
                root,
                null,
                "Flink's FileSystem, because the scheme '" + scheme + "' is not served natively");
    }

    private static HaStorage open(NativeOpener opener, Path root) throws IOException {
        try {
            return opener.open(root.toUri().toString());
        } catch (NativeException e) {
            throw new IOException(
                    String.format(
                            "%s '%s' cannot be opened: %s",
                            HaOptions.STORAGE_DIR.key(), root, e.getMessage()),
                    e);
        }
    }

    /** Finds out before anything is written to Kubernetes that the storage can be written to. */
    public static void requireWritable(StorageConfiguration configuration, HaStorages storages) {
        final String location = configuration.clusterRoot().toUri().toString();
        try {
            storages.of(location).probe(location);
        } catch (IOException | RuntimeException e) {
            throw new IllegalConfigurationException(
                    String.format(
                            "%s: '%s' is not writable (%s), give the user that runs Flink access to it or name another directory.",
                            HaOptions.STORAGE_DIR.key(), configuration.clusterRoot(), reason(e)),
                    e);
        }
    }

    private static String reason(Exception e) {
        return e.getMessage() == null ? e.toString() : e.getMessage().replaceAll("\\.$", "");
    }
}
