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

package org.apache.flink.kubernetes.highavailability;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesFactory;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.file.Files;
import java.nio.file.Path;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link KubernetesHaServicesFactory}: what is refused before anything is written. */
@Tag("native")
@Timeout(60)
class KubernetesHaServicesFactoryTest {

    @TempDir private Path directory;

    private final HighAvailabilityServicesFactory factory = new KubernetesHaServicesFactory();

    @Test
    void missingClusterIdIsRefused() throws Exception {
        final Configuration configuration = configuration();
        configuration.removeKey("kubernetes.cluster-id");

        assertRefused(configuration, "kubernetes.cluster-id");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "-a",
                "a-",
                "A",
                "a_b",
                "a b",
                "a/b",
                "a123456789012345678901234567890123456789012345678901234567890123"
            })
    void clusterIdThatKubernetesRefusesIsRefused(String clusterId) throws Exception {
        final Configuration configuration = configuration();
        configuration.setString("kubernetes.cluster-id", clusterId);

        assertRefused(configuration, "kubernetes.cluster-id");
    }

    @Test
    void leaseThatCannotWorkIsRefused() throws Exception {
        final String prefix = "high-availability.kubernetes.leader-election.";
        for (String key : new String[] {"lease-duration", "renew-deadline", "retry-period"}) {
            final Configuration configuration = configuration();
            configuration.setString(prefix + key, "0 s");
            assertRefused(configuration, prefix + key);
        }
    }

    @Test
    void storageThatCannotBeUsedIsRefused() throws Exception {
        final Configuration none = configuration();
        none.removeKey("high-availability.storageDir");
        assertRefused(none, "high-availability.storageDir");
        final Configuration noScheme = configuration();
        noScheme.setString("high-availability.storageDir", "/x");
        assertRefused(noScheme, "high-availability.storageDir");
        for (String mode : new String[] {"native", "flink"}) {
            final Configuration notWritable = configuration();
            notWritable.setString(
                    "high-availability.storageDir",
                    "file://" + Files.writeString(directory.resolve(mode), "a file"));
            notWritable.setString("high-availability.native.storage", mode);
            assertRefused(notWritable, "high-availability.storageDir");
        }
    }

    @Test
    void connectionThatCannotBeUsedIsRefused() throws Exception {
        final Configuration noFile = configuration();
        noFile.setString("kubernetes.config.file", directory.resolve("absent").toString());
        assertRefused(noFile, "kubernetes.config.file");
        final Configuration noContext = configuration();
        noContext.setString("kubernetes.context", "nowhere");
        assertRefused(noContext, "kubernetes.context");
    }

    @Test
    void clientGivesUpAfterItsTimeout() throws Exception {
        final Configuration configuration = configuration();
        configuration.setString("client.timeout", "1 s");

        assertThatThrownBy(() -> factory.createClientHAServices(configuration))
                .hasMessageStartingWith(
                        "client.timeout: the API server has not answered for 1 s, check the connection to it or set a longer time (");
    }

    @Test
    void clientNeedsNoStorage() throws Exception {
        final Configuration configuration = configuration();
        configuration.removeKey("high-availability.storageDir");
        configuration.setString("client.timeout", "100 ms");

        assertThatThrownBy(() -> factory.createClientHAServices(configuration))
                .hasMessageStartingWith("client.timeout: ");
    }

    private void assertRefused(Configuration configuration, String key) {
        assertThatThrownBy(() -> factory.createHAServices(configuration, Runnable::run))
                .isInstanceOf(IllegalConfigurationException.class)
                .satisfies(
                        e ->
                                assertThat(e.getMessage())
                                        .contains(key)
                                        .doesNotContain("\n")
                                        .hasSizeGreaterThan(key.length() + 20));
    }

    private Configuration configuration() throws Exception {
        final Path kubeconfig =
                Files.writeString(
                        directory.resolve("kubeconfig"),
                        String.join(
                                "\n",
                                "apiVersion: v1",
                                "kind: Config",
                                "current-context: c",
                                "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]",
                                "users: [{name: c, user: {token: t}}]",
                                "contexts: [{name: c, context: {cluster: c, user: c}}]",
                                ""));
        final Configuration configuration = new Configuration();
        configuration.setString("kubernetes.cluster-id", "c");
        configuration.setString("kubernetes.config.file", kubeconfig.toString());
        configuration.setString("high-availability.storageDir", "file://" + directory + "/ha");
        return configuration;
    }
}
