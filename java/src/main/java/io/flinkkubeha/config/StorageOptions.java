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

import org.apache.flink.configuration.Configuration;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the configuration says to Flink's own file systems, by the scheme that they serve. */
final class StorageOptions {

    /** Of both S3 plug-ins, and of the tokens that Flink obtains for them. */
    private static final List<String> S3 =
            List.of(
                    "s3.",
                    "s3a.",
                    "fs.s3a.",
                    "presto.s3.",
                    "security.delegation.token.provider.s3");

    /** Of the plug-in for Google's cloud, which reads Hadoop's own configuration too. */
    private static final List<String> GS = List.of("gs.", "fs.gs.", "env.hadoop.conf.dir");

    /** Of the plug-in for Azure, with its two drivers. */
    private static final List<String> AZURE = List.of("fs.azure.", "azure.");

    /** Of Hadoop's client, in Flink's words and in its own. */
    private static final List<String> HDFS =
            List.of("fs.hdfs.", "flink.hadoop.", "env.hadoop.conf.dir");

    private static final Map<String, List<String>> PREFIXES =
            Map.of(
                    "s3", S3, "s3a", S3, "s3p", S3, "gs", GS, "abfs", AZURE, "abfss", AZURE,
                    "wasb", AZURE, "wasbs", AZURE, "hdfs", HDFS);

    private StorageOptions() {}

    /** Every setting for the scheme, secrets too: never for a log or a message. */
    static Map<String, String> of(Configuration configuration, String scheme) {
        final List<String> prefixes = PREFIXES.getOrDefault(scheme, Collections.emptyList());
        final Map<String, String> options = new TreeMap<>(configuration.toMap());
        options.keySet().removeIf(key -> prefixes.stream().noneMatch(key::startsWith));
        if ("hdfs".equals(scheme)) {
            options.putAll(HadoopSurroundings.ofThisProcess());
        }
        return options;
    }
}
