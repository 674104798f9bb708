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

import io.flinkkubeha.TestingLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static io.flinkkubeha.line.TestingLinkage.assertVersionThatIsNotKnownIsServedBy;
import static io.flinkkubeha.line.TestingLinkage.linkageOf;
import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link Linkage} and {@link LineAdapters} where the Flink that is there is 2.3. */
class LinkageOnFlink23Test {

    @Test
    void adapterOfThisLineLinks() {
        assertThat(linkageOf("flink23.Flink23Adapter").faults()).isEmpty();
    }

    @Test
    void adapterOfAnOlderLineMissesConstructorAndMethodBodies() {
        assertThat(linkageOf("flink20.Flink20Adapter").faults())
                .anyMatch(fault -> fault.contains("AbstractHaServices.<init>"))
                .anyMatch(
                        fault ->
                                fault.contains("flink20.NativeHaServices does not implement")
                                        && fault.contains("createApplicationStore()"))
                .anyMatch(
                        fault ->
                                fault.contains("HaBlobStore does not implement")
                                        && fault.contains("ApplicationID"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"2.4-SNAPSHOT", "2.4.0", "2.20.1", "3.0.0", "12.2.0"})
    void newerLineThatStillFitsIsServedWithOneWarning(String version) throws Exception {
        try (TestingLog log = new TestingLog(LineAdapters.class)) {
            assertThat(LineAdapters.of(version).getClass().getSimpleName())
                    .isEqualTo("Flink23Adapter");
            assertThat(log.lines())
                    .containsExactly(
                            "WARN flink-kube-ha does not know Flink "
                                    + version
                                    + " and serves it like Flink 2.3, the newest line that it was tested with: all that it needs is there.");
        }
    }

    @Test
    void versionThatIsNotKnownIsFoundByTheClasses() throws Exception {
        assertVersionThatIsNotKnownIsServedBy("Flink23Adapter", "2.3");
    }
}
