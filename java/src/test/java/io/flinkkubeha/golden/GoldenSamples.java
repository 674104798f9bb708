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

package io.flinkkubeha.golden;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What real stock of one Flink release has written, in tests/golden. */
public final class GoldenSamples {

    public static final String HELD = "cluster-config-map.held.json";
    public static final String RELEASED = "cluster-config-map.released.json";
    public static final String JOB = "job-config-map.json";

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path directory;

    private GoldenSamples(Path directory) {
        this.directory = directory;
    }

    /** For parameterized tests: those of each release. */
    public static Stream<GoldenSamples> all() throws IOException {
        final Path golden = Path.of(System.getProperty("flinkkubeha.golden"));
        return Files.list(golden).filter(Files::isDirectory).sorted().map(GoldenSamples::new);
    }

    public String release() {
        return directory.getFileName().toString();
    }

    public String name(String configMap) {
        return read(configMap).path("metadata").path("name").asText();
    }

    public Map<String, String> labels(String configMap) {
        return texts(read(configMap).path("metadata").path("labels"));
    }

    /** Keys and values of a ConfigMap. */
    public Map<String, String> data(String configMap) {
        return texts(read(configMap).path("data"));
    }

    private JsonNode read(String configMap) {
        try {
            return MAPPER.readTree(directory.resolve(configMap).toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, String> texts(JsonNode object) {
        final Map<String, String> texts = new TreeMap<>();
        object.fields()
                .forEachRemaining(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
        return texts;
    }

    @Override
    public String toString() {
        return "Flink " + release();
    }
}
