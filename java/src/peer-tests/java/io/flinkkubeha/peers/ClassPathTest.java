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

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** What all tests here rest on: there is one set of Kubernetes HA services, and it is ours. */
class ClassPathTest {

    private static final String PACKAGE = "org/apache/flink/kubernetes/";

    @Test
    void factoryComesFromOurJar() throws Exception {
        final String factory = PACKAGE + "highavailability/KubernetesHaServicesFactory.class";

        assertThat(getClass().getClassLoader().getResources(factory).asIterator())
                .toIterable()
                .singleElement()
                .asString()
                .matches("jar:file:.*/flink-kube-ha-[^/]*\\.jar!/" + factory);
    }

    @Test
    void classesOfFlinkKubernetesAreNotThere() {
        for (String name :
                new String[] {
                    "highavailability/KubernetesStateHandleStore.class",
                    "kubeclient/FlinkKubeClient.class"
                }) {
            assertThat(getClass().getClassLoader().getResource(PACKAGE + name)).isNull();
        }
    }
}
