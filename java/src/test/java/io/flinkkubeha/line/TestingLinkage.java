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

import io.flinkkubeha.TestingLog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** What is asked of {@link Linkage} and {@link LineAdapters} on more than one line of Flink. */
final class TestingLinkage {

    private TestingLinkage() {}

    static Linkage linkageOf(String adapter) {
        return Linkage.of("io.flinkkubeha.line." + adapter, LineAdapters.class.getClassLoader());
    }

    /** @param missing part of the name of something that the newest adapter needs */
    static void assertNewerLineIsRefused(String version, String missing) {
        try (TestingLog log = new TestingLog(LineAdapters.class)) {
            assertThatThrownBy(() -> LineAdapters.of(version))
                    .isInstanceOf(IllegalConfigurationException.class)
                    .hasMessageStartingWith(
                            "flink-kube-ha does not support Flink "
                                    + version
                                    + ", which lacks what Flink 2.3 had (")
                    .hasMessageContaining(missing)
                    .hasMessageContaining(": use one of the lines 1.20, 2.0, 2.1, 2.2, 2.3, or take");
            assertThat(log.lines()).isEmpty();
        }
    }

    static void assertVersionThatIsNotKnownIsServedBy(String adapter, String line)
            throws Exception {
        try (TestingLog log = new TestingLog(LineAdapters.class)) {
            assertThat(LineAdapters.of("<unknown>").getClass().getSimpleName()).isEqualTo(adapter);
            assertThat(log.lines())
                    .containsExactly(
                            "WARN This Flink does not say its version; flink-kube-ha serves it like Flink "
                                    + line
                                    + ", because all that it needs for that is there.");
        }
    }
}
