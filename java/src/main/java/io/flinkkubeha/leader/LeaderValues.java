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

package io.flinkkubeha.leader;

import org.apache.flink.runtime.leaderelection.LeaderInformation;

import javax.annotation.Nullable;

import java.util.UUID;

/** How a leader stands in the ConfigMap: {@code <session id>,<address>}, as Flink writes it. */
final class LeaderValues {

    private LeaderValues() {}

    /** {@code null} for no leader. */
    @Nullable
    static String format(LeaderInformation information) {
        return information.isEmpty()
                ? null
                : information.getLeaderSessionID() + "," + information.getLeaderAddress();
    }

    /** What cannot be read counts as no leader, as it does for Flink. */
    static LeaderInformation parse(@Nullable String value) {
        final int comma = value == null ? -1 : value.indexOf(',');
        if (comma < 0) {
            return LeaderInformation.empty();
        }
        try {
            return LeaderInformation.known(
                    UUID.fromString(value.substring(0, comma)), value.substring(comma + 1));
        } catch (IllegalArgumentException e) {
            return LeaderInformation.empty();
        }
    }
}
