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

import java.util.Locale;
import java.util.stream.Stream;

/** What this process does in the cluster. Flink asks the same factory for all of them. */
public enum ProcessRole {
    JOBMANAGER,
    TASKMANAGER,
    CLIENT,
    /** A MiniCluster, a test: takes part in the election as a JobManager does. */
    UNKNOWN;

    /** Both entry points create their HA services themselves, so they are on the stack. */
    public static ProcessRole ofCaller() {
        return StackWalker.getInstance()
                .walk(frames -> ofCallers(frames.map(StackWalker.StackFrame::getClassName)));
    }

    static ProcessRole ofCallers(Stream<String> classNames) {
        return classNames
                .map(ProcessRole::ofEntryPoint)
                .filter(role -> role != UNKNOWN)
                .findFirst()
                .orElse(UNKNOWN);
    }

    private static ProcessRole ofEntryPoint(String className) {
        switch (className) {
            case "org.apache.flink.runtime.taskexecutor.TaskManagerRunner":
                return TASKMANAGER;
            case "org.apache.flink.runtime.entrypoint.ClusterEntrypoint":
                return JOBMANAGER;
            default:
                return UNKNOWN;
        }
    }

    /** Whether this process may become the leader and write. */
    public boolean isCandidate() {
        return this == JOBMANAGER || this == UNKNOWN;
    }

    /** Name that native code knows. */
    public String settingValue() {
        return name().toLowerCase(Locale.ROOT);
    }
}
