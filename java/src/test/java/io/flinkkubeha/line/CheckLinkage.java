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

/**
 * A step of the build: whether the jar links in the Flink on the class path. It is run on the
 * releases that differ, among them 1.20.0, whose {@code LeaderElection} is not that of 1.20.1.
 */
final class CheckLinkage {

    private CheckLinkage() {}

    public static void main(String[] arguments) {
        final String version = LineAdapters.flinkVersion();
        final Linkage linkage =
                Linkage.of(
                        LineAdapters.adapterOf(version), CheckLinkage.class.getClassLoader());
        linkage.faults().forEach(System.err::println);
        System.out.printf(
                "Flink %s: %d references of %d classes, %d without an answer%n",
                version, linkage.references(), linkage.classes(), linkage.faults().size());
        System.exit(linkage.faults().isEmpty() ? 0 : 1);
    }
}
