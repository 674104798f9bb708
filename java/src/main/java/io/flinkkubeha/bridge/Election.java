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

import java.util.concurrent.Executor;

/** Leader election of one HA services instance. No method but {@link #stop} waits for anything. */
public interface Election {

    /** Hears of grants and revokes, in strict alternation. */
    interface Listener {
        void onGrant(long grant);

        void onRevoke(long grant, String cause);

        /** The election cannot go on. */
        void onFailure(Exception failure);
    }

    /** Becomes a candidate. The listener is called on {@link #callbackExecutor()}, in order. */
    void start(Listener listener) throws NativeException;

    /** Releases the lock and waits for that, within limits; no event is taken up afterwards. */
    void stop() throws NativeException;

    /** Whether this grant holds: a local answer. */
    boolean hasLeadership(long grant);

    /**
     * Whoever had to hear of the end of this grant has: from then on a lock that is handed over may
     * go to its next holder.
     */
    void revokeHeard(long grant);

    /**
     * Queues the address of a component, {@code null} to take it away. It counts as long as this
     * grant holds.
     */
    void publishLeader(long grant, String component, @Nullable String value)
            throws NativeException;

    /** Where the listener is called, in order. */
    Executor callbackExecutor();
}
