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

package io.flinkkubeha.peers;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.testutils.CommonTestUtils;
import org.apache.flink.runtime.util.EnvironmentInformation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.UUID;
import java.util.stream.Stream;

import static org.apache.flink.util.Preconditions.checkState;

/** A Flink cluster on the API server of this run: one that nobody else in it uses. */
public final class PeerCluster {

    private static final int CLEAN_UP_POLLS = 600;

    private static final String PROPERTIES = "flinkkubeha.peers.";

    private final String clusterId;

    private PeerCluster(String clusterId) {
        this.clusterId = clusterId;
    }

    /** A cluster of a name that begins like this: lower-case letters, digits and dashes. */
    public static PeerCluster of(String name) {
        return new PeerCluster(
                String.join(
                        "-",
                        name,
                        EnvironmentInformation.getVersion(),
                        UUID.randomUUID().toString().substring(0, 8)));
    }

    /** What an operator would set. */
    public Configuration configuration() {
        final Configuration configuration = new Configuration();
        configuration.setString("high-availability.type", "kubernetes");
        configuration.setString("high-availability.storageDir", directory("ha"));
        configuration.setString("high-availability.cluster-id", "/" + clusterId);
        configuration.setString("execution.checkpointing.dir", directory("checkpoints"));
        // What Flink's tests of result stores look at afterwards is what a clean-up would take away.
        for (String store : new String[] {"job", "application"}) {
            configuration.setString(store + "-result-store.delete-on-commit", "false");
        }
        configuration.setString("kubernetes.cluster-id", clusterId);
        configuration.setString("kubernetes.namespace", property("namespace"));
        configuration.setString("kubernetes.config.file", property("kubeconfig"));
        return configuration;
    }

    /** URI of a directory of this cluster, which need not exist yet. */
    public String directory(String name) {
        return path(name).toUri().toString();
    }

    /** Waits for that many clean results, which are the last that Flink does for a job. */
    public void awaitCleanUp(String store, int results) throws Exception {
        final Path directory = path("ha").resolve(store).resolve(clusterId);
        CommonTestUtils.waitUntilCondition(
                () -> countClean(directory) == results, 50, CLEAN_UP_POLLS);
    }

    private static long countClean(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(Path::toString)
                    .filter(file -> file.endsWith(".json") && !file.endsWith("_DIRTY.json"))
                    .count();
        } catch (NoSuchFileException e) {
            return 0;
        }
    }

    private Path path(String name) {
        return Path.of(property("storage"), clusterId, name);
    }

    private static String property(String name) {
        final String value = System.getProperty(PROPERTIES + name, "");
        checkState(
                !value.isEmpty(),
                "%s%s is not set: start these tests with tests/peers.",
                PROPERTIES,
                name);
        return value;
    }
}
