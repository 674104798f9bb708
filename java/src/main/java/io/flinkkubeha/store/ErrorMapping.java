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

package io.flinkkubeha.store;

import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.runtime.leaderelection.LeadershipLostException;
import org.apache.flink.runtime.persistence.PossibleInconsistentStateException;
import org.apache.flink.runtime.persistence.StateHandleStore.AlreadyExistException;
import org.apache.flink.runtime.persistence.StateHandleStore.NotExistException;
import org.apache.flink.util.FlinkException;

import io.flinkkubeha.bridge.NativeException;

import java.time.Duration;

/**
 * The one place where native errors become Flink's exceptions, with the native one as cause.
 *
 * <p>None of them is or holds an IOException: Flink's checkpoint coordinator counts those as failed
 * checkpoints, and an API server that hiccups must not fail a job.
 */
public final class ErrorMapping {

    private ErrorMapping() {}

    /** Of writing a pointer to a file; the attempt reads like {@code add checkpointID-1}. */
    public static Exception ofStore(String attempt, String configMapName, NativeException e) {
        if (e.code().isCertainlyNotApplied()) {
            return ofCall(attempt, configMapName, e);
        }
        return new PossibleInconsistentStateException(
                message(attempt, configMapName, e)
                        + " It may have been written all the same, so its file stays until that is known.",
                e);
    }

    /** Of everything else, where an unknown outcome does no harm. */
    public static Exception ofCall(String attempt, String configMapName, NativeException e) {
        final String message = message(attempt, configMapName, e);
        switch (e.code()) {
            case ALREADY_EXISTS:
                return new AlreadyExistException(message, e);
            case NOT_EXISTS:
            case MARKED_FOR_DELETION:
                return new NotExistException(message, e);
            case NOT_LEADER:
                return new LeadershipLostException(message, e);
            default:
                return new FlinkException(message, e);
        }
    }

    private static String message(String attempt, String configMapName, NativeException e) {
        return String.format(
                "Could not %s in ConfigMap %s: %s", attempt, configMapName, e.getMessage());
    }

    /** Of starting: what an operator has to put right is a matter of configuration. */
    public static Exception ofStart(NativeException e) {
        switch (e.code()) {
            case INVALID_SETTING:
            case FORBIDDEN:
            case NAMESPACE_MISSING:
            case UNSUPPORTED:
                return new IllegalConfigurationException(e.getMessage(), e);
            default:
                return new FlinkException(
                        "High availability could not be started: " + e.getMessage(), e);
        }
    }

    /** Of a client that has waited long enough. */
    public static Exception ofClientTimeout(Duration waited, NativeException e) {
        return new FlinkException(
                String.format(
                        "client.timeout: the API server has not answered for %d s, check the connection to it or set a longer time (%s)",
                        waited.getSeconds(), e.getMessage()),
                e);
    }
}
