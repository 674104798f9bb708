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

/** The one exception that native code throws: a code for programs and a sentence for people. */
public final class NativeException extends Exception {

    private static final long serialVersionUID = 1L;

    private final int number;

    /** Called by native code with the number of an {@link ErrorCode}. */
    public NativeException(int number, String message) {
        super(message);
        this.number = number;
    }

    /** For errors that are found before native code is entered. */
    public NativeException(ErrorCode code, String message) {
        this(code.number(), message);
    }

    /** What went wrong, for programs. */
    public ErrorCode code() {
        return ErrorCode.of(number);
    }

    @Override
    public String toString() {
        return getClass().getName() + ": " + code() + ": " + getMessage();
    }
}
