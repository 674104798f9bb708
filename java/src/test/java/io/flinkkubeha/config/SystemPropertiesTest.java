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

import org.junit.jupiter.api.Test;

import java.util.Properties;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link SystemProperties}. */
class SystemPropertiesTest {

    @Test
    void onlyWhatConfiguresTheClientIsPassedOn() {
        final Properties properties = new Properties();
        properties.setProperty("kubernetes.master", "https://api:6443");
        properties.setProperty("https.proxy", "http://proxy:3128");
        properties.setProperty("no.proxy", "10.0.0.0/8");
        properties.setProperty("java.home", "/jdk");
        properties.setProperty("kubernetes", "no");

        assertThat(SystemProperties.relevant(properties))
                .containsOnlyKeys("kubernetes.master", "https.proxy", "no.proxy");
    }
}
