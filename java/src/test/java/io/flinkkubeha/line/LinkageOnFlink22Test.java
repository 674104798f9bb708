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

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static io.flinkkubeha.line.TestingLinkage.assertNewerLineIsRefused;
import static io.flinkkubeha.line.TestingLinkage.assertVersionThatIsNotKnownIsServedBy;
import static io.flinkkubeha.line.TestingLinkage.linkageOf;
import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link Linkage} and {@link LineAdapters} where the Flink that is there is 2.2. */
class LinkageOnFlink22Test {

    @Test
    void adapterOfThisLineLinks() {
        final Linkage linkage = linkageOf("flink20.Flink20Adapter");

        assertThat(linkage.faults()).isEmpty();
        assertThat(linkage.classes()).isGreaterThan(80);
        assertThat(linkage.references()).isGreaterThan(1000);
    }

    @Test
    void adapterOfAnOlderLineMissesClasses() {
        assertThat(linkageOf("flink120.Flink120Adapter").faults())
                .anyMatch(fault -> fault.contains("JobGraphStore"))
                .anyMatch(fault -> fault.contains("RestoreMode"));
    }

    @Test
    void adapterOfANewerLineMissesClasses() {
        assertThat(linkageOf("flink23.Flink23Adapter").faults())
                .anyMatch(fault -> fault.contains("ApplicationResultStore"))
                .anyMatch(fault -> fault.contains("ApplicationID"));
    }

    @Test
    void methodThatIsThereIsFound() {
        assertThat(linkageOf("TestingReference").faults()).isEmpty();
    }

    @Test
    void adapterThatIsNotThereIsAFault() {
        assertThat(linkageOf("flink99.Flink99Adapter").faults()).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"2.4-SNAPSHOT", "2.4.0", "2.20.1", "3.0.0", "12.2.0"})
    void newerLineIsRefusedIfTheNewestAdapterDoesNotLink(String version) {
        assertNewerLineIsRefused(version, "org.apache.flink.runtime.");
    }

    @Test
    void versionThatIsNotKnownIsFoundByTheClasses() throws Exception {
        assertVersionThatIsNotKnownIsServedBy("Flink20Adapter", "2.2");
    }
}
