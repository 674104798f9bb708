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

package io.flinkkubeha.line;

import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.runtime.util.EnvironmentInformation;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the adapter of the Flink that is running. */
public final class LineAdapters {

    private static final Pattern LINE = Pattern.compile("^(\\d+\\.\\d+)(\\D.*)?$");

    private static final String FLINK_20 = "io.flinkkubeha.line.flink20.Flink20Adapter";

    /** By name: each adapter is compiled against its own Flink. */
    private static final Map<String, String> ADAPTERS =
            new TreeMap<>(Map.of("2.0", FLINK_20, "2.1", FLINK_20, "2.2", FLINK_20));

    private LineAdapters() {}

    public static String flinkVersion() {
        return EnvironmentInformation.getVersion();
    }

    /** The adapter of a version such as {@code 2.2.1}. */
    public static LineAdapter of(String flinkVersion) throws ReflectiveOperationException {
        final Matcher line = LINE.matcher(flinkVersion);
        final String adapter = line.matches() ? ADAPTERS.get(line.group(1)) : null;
        if (adapter == null) {
            throw new IllegalConfigurationException(
                    "flink-kube-ha does not support Flink "
                            + flinkVersion
                            + ": use one of the lines "
                            + String.join(", ", ADAPTERS.keySet())
                            + ", or take flink-kube-ha out of lib/ to go back to Flink's own services.");
        }
        return Class.forName(adapter, true, LineAdapters.class.getClassLoader())
                .asSubclass(LineAdapter.class)
                .getConstructor()
                .newInstance();
    }
}
