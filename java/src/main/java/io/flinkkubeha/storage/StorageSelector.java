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

import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.bridge.NativeSession;
import io.flinkkubeha.bridge.NativeStorage;
import io.flinkkubeha.config.HaOptions;
import io.flinkkubeha.config.StorageConfiguration;
import io.flinkkubeha.config.StorageMode;

import java.io.IOException;
import java.util.Map;

/** Decides who serves the storage directory. */
public final class StorageSelector {

    /** Opens a native storage. */
    interface NativeOpener {
        HaStorage open(String root, Map<String, String> options) throws NativeException;
    }

    private StorageSelector() {}

    /** Sends nothing and writes nothing. */
    public static HaStorages select(StorageConfiguration configuration) {
        return select(
                configuration,
                (root, options) -> new NativeHaStorage(NativeStorage.open(root, options)));
    }

    static HaStorages select(StorageConfiguration configuration, NativeOpener opener) {
        final Path root = configuration.clusterRoot();
        if (configuration.mode() == StorageMode.FLINK) {
            return servedByFlink(root, HaOptions.STORAGE_MODE.key() + " asks for it");
        }
        try {
            final HaStorage opened =
                    opener.open(root.toUri().toString(), configuration.options());
            return new HaStorages(root, opened, "native code");
        } catch (NativeException e) {
            if (e.code() != ErrorCode.UNSUPPORTED) {
                throw new IllegalConfigurationException(e.getMessage(), e);
            }
            if (configuration.mode() == StorageMode.NATIVE) {
                throw new IllegalConfigurationException(
                        String.format(
                                "%s: 'native' cannot be had, set it to 'auto' (%s)",
                                HaOptions.STORAGE_MODE.key(), e.getMessage()),
                        e);
            }
            return servedByFlink(root, e.getMessage());
        }
    }

    private static HaStorages servedByFlink(Path root, String why) {
        return new HaStorages(root, null, "Flink's FileSystem (" + why + ")");
    }

    /** Lets what ConfigMaps point to be mirrored, unless the configuration says otherwise. */
    public static void startMirror(
            StorageConfiguration configuration, HaStorages storages, NativeSession session)
            throws NativeException {
        if (!configuration.mirror()) {
            return;
        }
        final String root = configuration.clusterRoot().toUri().toString();
        final String jobResults = configuration.jobResults().directory().toUri().toString();
        final boolean started = storages.of(root).startMirror(session, root, jobResults);
        if (!started && configuration.mirrorIsExplicit()) {
            throw new IllegalConfigurationException(
                    String.format(
                            "%s: 'true' cannot be had, because the storage directory is served by %s: leave it out or set it to 'false'.",
                            HaOptions.MIRROR.key(), storages.description()));
        }
    }

    /** Finds out before anything is written to Kubernetes that the storage can be written to. */
    public static void requireWritable(StorageConfiguration configuration, HaStorages storages) {
        final String location = configuration.clusterRoot().toUri().toString();
        try {
            storages.of(location).probe(location);
        } catch (IOException e) {
            throw new IllegalConfigurationException(e.getMessage(), e);
        }
    }
}
