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

package io.flinkkubeha.line.flink120;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;

import io.flinkkubeha.HaRuntime;
import io.flinkkubeha.line.LineAdapter;

import java.util.Map;
import java.util.concurrent.Executor;

/** Flink 1.20. */
public final class Flink120Adapter implements LineAdapter {

    @Override
    public String leaseFormat() {
        return "number";
    }

    @Override
    public Map<String, String> labels() {
        return Map.of(
                "type", "flink-native-kubernetes", "configmap-type", "high-availability");
    }

    @Override
    public HighAvailabilityServices createServices(
            HaRuntime runtime, Configuration configuration, Executor ioExecutor) {
        return new NativeHaServices(runtime, configuration, ioExecutor);
    }
}
