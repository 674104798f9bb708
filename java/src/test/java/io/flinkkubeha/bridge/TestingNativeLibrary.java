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

import java.util.List;

/** Loads the library that the test run names. */
public final class TestingNativeLibrary {

    private TestingNativeLibrary() {}

    /** Options by which another JVM finds the same library. */
    static List<String> options() {
        final String path = System.getProperty(NativeLibrary.PATH_PROPERTY);
        return path == null
                ? List.of()
                : List.of("-D" + NativeLibrary.PATH_PROPERTY + "=" + path);
    }

    public static void load() {
        try {
            NativeLibrary.load();
        } catch (NativeLibraryException e) {
            throw new AssertionError(e);
        }
    }
}
