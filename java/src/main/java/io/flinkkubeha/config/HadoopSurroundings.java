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

import java.net.URI;
import java.net.URL;
import java.nio.file.Paths;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * What Hadoop's client finds beside Flink's configuration and the environment: its own on the class
 * path, as a plain {@code HdfsConfiguration} does, and properties of the JVM, as {@code
 * UserGroupInformation} does.
 */
final class HadoopSurroundings {

    private static final List<String> FILES = List.of("core-site.xml", "hdfs-site.xml");
    private static final List<String> PROPERTIES = List.of("HADOOP_USER_NAME", "HADOOP_PROXY_USER");

    private HadoopSurroundings() {}

    static Map<String, String> ofThisProcess() {
        return of(HadoopSurroundings.class.getClassLoader(), System.getProperties());
    }

    static Map<String, String> of(ClassLoader classPath, Properties properties) {
        final Map<String, String> found = new TreeMap<>();
        for (String name : FILES) {
            final URL file = classPath.getResource(name);
            if (file != null) {
                found.put(name, address(file));
            }
        }
        for (String name : PROPERTIES) {
            final String value = properties.getProperty(name);
            if (value != null) {
                found.put(name, value);
            }
        }
        return found;
    }

    /** A file's path is not quoted. */
    private static String address(URL file) {
        return "file".equals(file.getProtocol())
                ? "file:" + Paths.get(URI.create(file.toString()))
                : file.toString();
    }
}
