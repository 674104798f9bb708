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

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the adapter of the Flink that is running. */
public final class LineAdapters {

    private static final Logger LOG = LoggerFactory.getLogger(LineAdapters.class);

    private static final Pattern VERSION = Pattern.compile("^(\\d{1,6})\\.(\\d{1,6})(\\D.*)?$");

    /** What {@link EnvironmentInformation} answers if the jars of Flink do not carry their version. */
    private static final String UNKNOWN_VERSION = "<unknown>";

    private static final String FLINK_120 = "io.flinkkubeha.line.flink120.Flink120Adapter";
    private static final String FLINK_20 = "io.flinkkubeha.line.flink20.Flink20Adapter";
    private static final String FLINK_23 = "io.flinkkubeha.line.flink23.Flink23Adapter";

    /** From old to new. By name: each adapter is compiled against its own Flink. */
    private static final Map<String, String> ADAPTERS = new LinkedHashMap<>();

    private static final String NEWEST = "2.3";

    static {
        ADAPTERS.put("1.20", FLINK_120);
        ADAPTERS.put("2.0", FLINK_20);
        ADAPTERS.put("2.1", FLINK_20);
        ADAPTERS.put("2.2", FLINK_20);
        ADAPTERS.put(NEWEST, FLINK_23);
    }

    private LineAdapters() {}

    public static String flinkVersion() {
        return EnvironmentInformation.getVersion();
    }

    /**
     * The adapter of a version such as {@code 2.2.1}.
     *
     * <p>A line that is newer than all known ones gets the newest adapter, and a Flink that does not
     * know its version the newest one that fits, if that adapter links: it is tried before anything
     * is started, because a method that is missing would otherwise show in the middle of a fail-over.
     */
    public static LineAdapter of(String flinkVersion) throws ReflectiveOperationException {
        return Class.forName(adapterOf(flinkVersion), true, loader())
                .asSubclass(LineAdapter.class)
                .getConstructor()
                .newInstance();
    }

    static String adapterOf(String flinkVersion) {
        if (flinkVersion.equals(UNKNOWN_VERSION)) {
            return adapterThatLinks();
        }
        final Matcher version = VERSION.matcher(flinkVersion);
        if (!version.matches()) {
            throw refused(flinkVersion, "");
        }
        final String adapter = ADAPTERS.get(version.group(1) + "." + version.group(2));
        if (adapter != null) {
            return adapter;
        }
        if (!isNewer(version)) {
            throw refused(flinkVersion, "");
        }
        final List<String> faults = faults(FLINK_23);
        if (!faults.isEmpty()) {
            throw refused(
                    flinkVersion,
                    ", which lacks what Flink " + NEWEST + " had (" + faults.get(0) + ")");
        }
        LOG.warn(
                "flink-kube-ha does not know Flink {} and serves it like Flink {}, the newest line that it was tested with: "
                        + "all that it needs is there.",
                flinkVersion,
                NEWEST);
        return FLINK_23;
    }

    private static boolean isNewer(Matcher version) {
        final Matcher newest = VERSION.matcher(NEWEST);
        if (!newest.matches()) {
            throw new IllegalStateException(NEWEST + " is not a version.");
        }
        final int major = Integer.compare(number(version, 1), number(newest, 1));
        return major > 0 || major == 0 && number(version, 2) > number(newest, 2);
    }

    private static int number(Matcher version, int group) {
        return Integer.parseInt(version.group(group));
    }

    private static String adapterThatLinks() {
        final Map<String, String> lines = new LinkedHashMap<>();
        ADAPTERS.forEach((line, adapter) -> lines.merge(adapter, line, (first, last) -> last));
        String found = null;
        for (String adapter : lines.keySet()) {
            found = faults(adapter).isEmpty() ? adapter : found;
        }
        if (found == null) {
            throw refused(UNKNOWN_VERSION, "");
        }
        LOG.warn(
                "This Flink does not say its version; flink-kube-ha serves it like Flink {}, because all that it needs for that is there.",
                lines.get(found));
        return found;
    }

    private static List<String> faults(String adapter) {
        return Linkage.of(adapter, loader()).faults();
    }

    private static ClassLoader loader() {
        return LineAdapters.class.getClassLoader();
    }

    private static IllegalConfigurationException refused(String flinkVersion, String reason) {
        return new IllegalConfigurationException(
                "flink-kube-ha does not support Flink "
                        + flinkVersion
                        + reason
                        + ": use one of the lines "
                        + String.join(", ", ADAPTERS.keySet())
                        + ", or take flink-kube-ha out of lib/ to go back to Flink's own services.");
    }
}
