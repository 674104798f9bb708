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

import org.apache.flink.configuration.IllegalConfigurationException;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** The version of this jar, and the refusal to run beside another version of it. */
public final class JarVersion {

    static final String MARKER = "META-INF/flink-kube-ha.properties";

    private JarVersion() {}

    /** Version of the jar, {@code unpacked} when classes do not come from one. */
    public static String version() {
        final URL marker = JarVersion.class.getClassLoader().getResource(MARKER);
        return marker == null ? "unpacked" : versionAt(marker);
    }

    /** Which classes would come from which of two jars depends on their names alone. */
    public static void requireSingleJar(ClassLoader classLoader) throws IOException {
        final Map<String, URL> jars = new TreeMap<>();
        for (URL marker : Collections.list(classLoader.getResources(MARKER))) {
            jars.put(jarOf(marker), marker);
        }
        if (jars.size() > 1) {
            final List<String> found = new ArrayList<>();
            jars.forEach((jar, marker) -> found.add(jar + " (" + versionAt(marker) + ")"));
            throw new IllegalConfigurationException(
                    "flink-kube-ha is on the class path more than once, as "
                            + String.join(" and ", found)
                            + ": leave one of them in lib/.");
        }
    }

    private static String jarOf(URL marker) {
        final String text = marker.toString();
        final String location = text.substring(0, text.length() - MARKER.length());
        return location.startsWith("jar:")
                ? location.substring("jar:".length(), location.length() - "!/".length())
                : location;
    }

    private static String versionAt(URL marker) {
        final Properties properties = new Properties();
        try (InputStream in = marker.openStream()) {
            properties.load(in);
        } catch (IOException e) {
            return "unreadable";
        }
        return properties.getProperty("version", "unknown");
    }
}
