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

import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;

/** Java system properties by which Flink's own Kubernetes client can be configured. */
final class SystemProperties {

    private static final String KUBERNETES_PREFIX = "kubernetes.";

    private static final Set<String> OTHERS =
            Set.of(
                    "kubeconfig",
                    "all.proxy",
                    "http.proxy",
                    "https.proxy",
                    "no.proxy",
                    "proxy.username",
                    "proxy.password",
                    "http.proxyHost",
                    "http.proxyPort",
                    "http.nonProxyHosts",
                    "https.proxyHost",
                    "https.proxyPort",
                    "user.home");

    private SystemProperties() {}

    static Map<String, String> relevant(Properties properties) {
        final Map<String, String> found = new TreeMap<>();
        for (String name : properties.stringPropertyNames()) {
            if (name.startsWith(KUBERNETES_PREFIX) || OTHERS.contains(name)) {
                found.put(name, properties.getProperty(name));
            }
        }
        return found;
    }
}
