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

package io.flinkkubeha.config;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.core.fs.Path;

import java.util.Map;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** Where the data behind the pointers lies: the same places as with Flink's own services. */
public final class StorageConfiguration {

    private final Path clusterRoot;
    private final ResultConfiguration jobResults;
    private final ResultConfiguration applicationResults;
    private final StorageMode mode;
    private final boolean mirror;
    private final boolean mirrorExplicit;
    private final Map<String, String> options;

    private StorageConfiguration(Configuration configuration) {
        final String storageDir = HaConfiguration.read(configuration, HaOptions.STORAGE_DIR);
        final String clusterDirectory =
                HaConfiguration.read(configuration, HaOptions.STORAGE_CLUSTER_ID);
        final Path root = checkedRoot(storageDir);
        this.clusterRoot = childOf(root, clusterDirectory);
        this.jobResults =
                new ResultConfiguration(
                        configuration,
                        HaOptions.JOB_RESULT_PATH,
                        HaOptions.JOB_RESULT_DELETE_ON_COMMIT,
                        storageDir + "/job-result-store/" + clusterDirectory);
        this.applicationResults =
                new ResultConfiguration(
                        configuration,
                        HaOptions.APPLICATION_RESULT_PATH,
                        HaOptions.APPLICATION_RESULT_DELETE_ON_COMMIT,
                        storageDir + "/application-result-store/" + clusterDirectory);
        this.mode = HaConfiguration.read(configuration, HaOptions.STORAGE_MODE);
        this.mirror = HaConfiguration.read(configuration, HaOptions.MIRROR);
        this.mirrorExplicit = configuration.contains(HaOptions.MIRROR);
        this.options = StorageOptions.of(configuration, root.toUri().getScheme());
    }

    public static StorageConfiguration of(Configuration configuration) {
        return new StorageConfiguration(checkNotNull(configuration));
    }

    /** {@code <storageDir>/<cluster-id>}, the root of pointers' files and blobs. */
    public Path clusterRoot() {
        return clusterRoot;
    }

    public ResultConfiguration jobResults() {
        return jobResults;
    }

    /** Only lines of Flink that know applications use it. */
    public ResultConfiguration applicationResults() {
        return applicationResults;
    }

    public StorageMode mode() {
        return mode;
    }

    /** Whether what ConfigMaps point to is mirrored where that can be. */
    public boolean mirror() {
        return mirror;
    }

    /** Whether it was asked for, and must not be left out. */
    public boolean mirrorIsExplicit() {
        return mirror && mirrorExplicit;
    }

    /** What is set for the file system of the storage directory, secrets too. */
    public Map<String, String> options() {
        return options;
    }

    private static Path checkedRoot(String storageDir) {
        if (storageDir == null || storageDir.trim().isEmpty()) {
            throw refused(
                    HaOptions.STORAGE_DIR.key(),
                    storageDir == null ? "is not set" : "is empty",
                    "set it to a directory that every JobManager and TaskManager reaches, such as s3://bucket/flink/ha.",
                    null);
        }
        final Path path;
        try {
            path = new Path(storageDir);
        } catch (IllegalArgumentException e) {
            throw refused(
                    HaOptions.STORAGE_DIR.key(),
                    "'" + storageDir + "' is not a URI",
                    "write it like s3://bucket/flink/ha or file:///mnt/ha.",
                    e);
        }
        if (path.toUri().getScheme() == null) {
            throw refused(
                    HaOptions.STORAGE_DIR.key(),
                    "'" + storageDir + "' has no scheme",
                    "write file://" + storageDir + " if every process mounts this directory, or name another file system.",
                    null);
        }
        return path;
    }

    private static Path childOf(Path root, String clusterDirectory) {
        try {
            return new Path(root, clusterDirectory);
        } catch (IllegalArgumentException e) {
            throw refused(
                    HaOptions.STORAGE_CLUSTER_ID.key(),
                    "'" + clusterDirectory + "' is not a directory name",
                    "use letters, digits and dashes, or leave it out.",
                    e);
        }
    }

    private static IllegalConfigurationException refused(
            String key, String fault, String remedy, Throwable cause) {
        return new IllegalConfigurationException(key + ": " + fault + ", " + remedy, cause);
    }
}
