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

/** Watches the addresses that leaders publish. */
public interface LeaderWatches {

    /** Hears of addresses, in order, never in the thread that began the watch. */
    interface Listener {
        /** {@code null} if the component has no leader. */
        void onLeader(@Nullable String value);

        /** The watch cannot go on. */
        void onFailure(Exception failure);
    }

    /** A running watch. */
    interface Watch extends AutoCloseable {
        @Override
        void close();
    }

    /** Begins to watch a component and returns at once. */
    Watch watch(String component, Listener listener) throws NativeException;
}
