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

package io.flinkkubeha.bridge;

import javax.annotation.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** What a native session is opened with. Values that are not set are left out. */
public final class SessionSettings {

    private static final String SYSTEM_PROPERTY_PREFIX = "system-property.";

    private final Map<String, String> values = new TreeMap<>();

    public SessionSettings with(String key, @Nullable String value) {
        if (value != null) {
            values.put(checkNotNull(key), value);
        }
        return this;
    }

    /** Java system properties that the native side must see as the JVM does. */
    public SessionSettings withSystemProperties(Map<String, String> properties) {
        properties.forEach((key, value) -> with(SYSTEM_PROPERTY_PREFIX + key, value));
        return this;
    }

    @Nullable
    public String get(String key) {
        return values.get(key);
    }

    /** Alternating keys and values. */
    String[] toArray() {
        final List<String> flat = new ArrayList<>();
        values.forEach(
                (key, value) -> {
                    flat.add(key);
                    flat.add(value);
                });
        return flat.toArray(new String[0]);
    }
}
