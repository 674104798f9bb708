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

import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.core.fs.Path;

/** Where results of jobs or applications lie, and whether they are kept. */
public final class ResultConfiguration {

    private final Path directory;
    private final boolean deleteOnCommit;

    /** @param defaultDirectory where they lie unless the configuration says otherwise */
    ResultConfiguration(
            Configuration configuration,
            ConfigOption<String> path,
            ConfigOption<Boolean> deleteOnCommit,
            String defaultDirectory) {
        final String configured = HaConfiguration.read(configuration, path);
        if (configured == null || configured.trim().isEmpty()) {
            this.directory = new Path(defaultDirectory);
        } else {
            this.directory = directory(path.key(), configured);
        }
        this.deleteOnCommit = HaConfiguration.read(configuration, deleteOnCommit);
    }

    public Path directory() {
        return directory;
    }

    public boolean deleteOnCommit() {
        return deleteOnCommit;
    }

    private static Path directory(String key, String configured) {
        try {
            return new Path(configured);
        } catch (IllegalArgumentException e) {
            throw new IllegalConfigurationException(
                    key
                            + ": '"
                            + configured
                            + "' is not a URI, write it like s3://bucket/flink/results.",
                    e);
        }
    }
}
