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

/** The native library cannot be loaded; the message says why and what helps. */
public final class NativeLibraryException extends Exception {

    private static final long serialVersionUID = 1L;

    private final boolean platformUnfit;

    NativeLibraryException(String message, @Nullable Throwable cause, boolean platformUnfit) {
        super(message, cause);
        this.platformUnfit = platformUnfit;
    }

    /** Something is wrong that the operator can put right. */
    static NativeLibraryException fault(String message, @Nullable Throwable cause) {
        return new NativeLibraryException(message, cause, false);
    }

    /** There is no library for this operating system, architecture or C library. */
    static NativeLibraryException unfit(String message, @Nullable Throwable cause) {
        return new NativeLibraryException(message, cause, true);
    }

    /** Whether no setting on this machine could help. */
    public boolean isPlatformUnfit() {
        return platformUnfit;
    }
}
