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

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;

import io.flinkkubeha.HaRuntime;

import java.util.Map;
import java.util.concurrent.Executor;

/**
 * What differs between lines of Flink. An adapter has a public constructor without arguments. What
 * has a default is as Flink has had it since 2.0.
 */
public interface LineAdapter {

    /** How this line writes the lease duration: {@code number} or {@code iso}. */
    default String leaseFormat() {
        return "iso";
    }

    /** Labels that this line gives its ConfigMaps besides {@code app}. */
    default Map<String, String> labels() {
        return Map.of("type", "flink-native-kubernetes");
    }

    /** The services, which own the runtime from now on. */
    HighAvailabilityServices createServices(
            HaRuntime runtime, Configuration configuration, Executor ioExecutor);
}
