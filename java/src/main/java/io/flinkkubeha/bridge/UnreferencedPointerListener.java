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

/** Hears of pointers whose write ended without an answer, once it is known that nobody will ever find them. */
@FunctionalInterface
public interface UnreferencedPointerListener {

    /** Called once for each, on a thread that may block: nothing points to its file any more. */
    void onUnreferenced(String configMapName, String key, Pointer pointer);
}
