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
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.Map;

import static io.flinkkubeha.config.HaConfigurationTest.configuration;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link StorageConfiguration}. */
class StorageConfigurationTest {

    @ParameterizedTest
    @CsvSource({
        "file:///ha, /default",
        "file:///ha/, my-cluster",
        "s3://bucket/a b, /x/y",
        "hdfs://name:9000/ha, c"
    })
    void clusterRootIsThatOfFlink(String storageDir, String clusterId) {
        final Configuration configuration =
                configuration(
                        "high-availability.storageDir", storageDir,
                        "high-availability.cluster-id", clusterId);

        assertThat(StorageConfiguration.of(configuration).clusterRoot())
                .isEqualTo(
                        HighAvailabilityServicesUtils.getClusterHighAvailableStoragePath(
                                configuration));
    }

    @Test
    void jobResultsLieBesideTheClusterRootOrWhereTheyAreWanted() {
        assertThat(
                        StorageConfiguration.of(
                                        configuration("high-availability.storageDir", "s3://b/ha"))
                                .jobResults()
                                .directory()
                                .toString())
                .isEqualTo("s3://b/ha/job-result-store/default");
        assertThat(
                        StorageConfiguration.of(
                                        configuration(
                                                "high-availability.storageDir", "s3://b/ha",
                                                "job-result-store.storage-path", "gs://r/x"))
                                .jobResults()
                                .directory()
                                .toString())
                .isEqualTo("gs://r/x");
    }

    @Test
    void applicationResultsLieBesideTheClusterRootOrWhereTheyAreWanted() {
        final ResultConfiguration beside =
                StorageConfiguration.of(
                                configuration(
                                        "high-availability.storageDir", "s3://b/ha",
                                        "high-availability.cluster-id", "/c"))
                        .applicationResults();
        final ResultConfiguration elsewhere =
                StorageConfiguration.of(
                                configuration(
                                        "high-availability.storageDir", "s3://b/ha",
                                        "application-result-store.storage-path", "gs://r/x",
                                        "application-result-store.delete-on-commit", "false"))
                        .applicationResults();

        assertThat(beside.directory()).hasToString("s3://b/ha/application-result-store/c");
        assertThat(beside.deleteOnCommit()).isTrue();
        assertThat(elsewhere.directory()).hasToString("gs://r/x");
        assertThat(elsewhere.deleteOnCommit()).isFalse();
    }

    @Test
    void settingsOfFlinksFileSystemForTheSchemeArePassedOn() {
        final String[] settings = {
            "s3.endpoint", "http://gateway:9000",
            "fs.s3a.path.style.access", "true",
            "presto.s3.ssl.enabled", "false",
            "s3a.access-key", "a",
            "security.delegation.token.provider.s3-hadoop.region", "r",
            "gs.auth.service.account.json.keyfile", "/key.json",
            "fs.gs.storage.root.url", "http://gateway:4443",
            "env.hadoop.conf.dir", "/etc/hadoop",
            "fs.azure.account.key.x", "k",
            "fs.hdfs.hadoopconf", "/hadoop",
            "flink.hadoop.dfs.replication", "2",
            "state.backend.type", "hashmap"
        };

        for (String scheme : new String[] {"s3", "s3a", "s3p"}) {
            assertThat(optionsOf(scheme, settings))
                    .containsOnlyKeys(
                            "s3.endpoint",
                            "fs.s3a.path.style.access",
                            "presto.s3.ssl.enabled",
                            "s3a.access-key",
                            "security.delegation.token.provider.s3-hadoop.region")
                    .containsEntry("s3.endpoint", "http://gateway:9000");
        }
        assertThat(optionsOf("gs", settings))
                .containsOnlyKeys(
                        "gs.auth.service.account.json.keyfile",
                        "fs.gs.storage.root.url",
                        "env.hadoop.conf.dir");
        for (String scheme : new String[] {"abfs", "abfss", "wasb", "wasbs"}) {
            assertThat(optionsOf(scheme, settings)).containsOnlyKeys("fs.azure.account.key.x");
        }
        assertThat(optionsOf("hdfs", settings))
                .containsOnlyKeys(
                        "fs.hdfs.hadoopconf",
                        "flink.hadoop.dfs.replication",
                        "env.hadoop.conf.dir");
        assertThat(optionsOf("file", settings)).isEmpty();
    }

    private static Map<String, String> optionsOf(String scheme, String... settings) {
        final Configuration configuration = configuration(settings);
        configuration.setString("high-availability.storageDir", scheme + "://b/ha");
        return StorageConfiguration.of(configuration).options();
    }

    @Test
    void resultDirectoryThatIsNoUriIsRefused() {
        for (String kind : new String[] {"job", "application"}) {
            final String key = kind + "-result-store.storage-path";
            assertThatThrownBy(
                            () ->
                                    StorageConfiguration.of(
                                            configuration(
                                                    "high-availability.storageDir", "s3://b/ha",
                                                    key, "://x")))
                    .isInstanceOf(IllegalConfigurationException.class)
                    .hasMessage(
                            key
                                    + ": '://x' is not a URI, write it like s3://bucket/flink/results.");
        }
    }

    @Test
    void deprecatedKeysAreRead() {
        final StorageConfiguration storage =
                StorageConfiguration.of(
                        configuration(
                                "high-availability.zookeeper.storageDir", "s3://b/ha",
                                "high-availability.zookeeper.path.namespace", "c"));

        assertThat(storage.clusterRoot().toString()).isEqualTo("s3://b/ha/c");
        assertThat(storage.mode()).isEqualTo(StorageMode.AUTO);
        assertThat(storage.jobResults().deleteOnCommit()).isTrue();
    }

    @Test
    void missingStorageDirIsRefused() {
        assertThatThrownBy(() -> StorageConfiguration.of(new Configuration()))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessage(
                        "high-availability.storageDir: is not set, set it to a directory that every JobManager and TaskManager reaches, such as s3://bucket/flink/ha.");
    }

    @Test
    void storageDirWithoutSchemeIsRefused() {
        assertThatThrownBy(
                        () ->
                                StorageConfiguration.of(
                                        configuration("high-availability.storageDir", "/mnt/ha")))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessage(
                        "high-availability.storageDir: '/mnt/ha' has no scheme, write file:///mnt/ha if every process mounts this directory, or name another file system.");
    }

    @Test
    void storageDirThatIsNoUriIsRefused() {
        assertThatThrownBy(
                        () ->
                                StorageConfiguration.of(
                                        configuration("high-availability.storageDir", "://x")))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageStartingWith("high-availability.storageDir: '://x' ");
    }

    @Test
    void emptyDirectoryOfTheClusterIsRefused() {
        assertThatThrownBy(
                        () ->
                                StorageConfiguration.of(
                                        configuration(
                                                "high-availability.storageDir", "file:///ha",
                                                "high-availability.cluster-id", "")))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageStartingWith("high-availability.cluster-id: '' is not a directory name");
    }
}
