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

/** Numbers of the errors that cross the native boundary; append-only, shared with the Rust side. */
public enum ErrorCode {
    /** A bug of ours, or a panic. */
    INTERNAL(1, Outcome.UNKNOWN),
    /** A setting that cannot work. */
    INVALID_SETTING(2, Outcome.NOT_APPLIED),
    /** The object was closed, or is being closed, maybe after a write was sent. */
    CLOSED(3, Outcome.UNKNOWN),
    /** A handle that never existed, was closed, or belongs to another kind. */
    BAD_HANDLE(4, Outcome.NOT_APPLIED),
    /** The grant that the caller worked under has ended. */
    NOT_LEADER(5, Outcome.NOT_APPLIED),
    /** The key already holds another live value. */
    ALREADY_EXISTS(6, Outcome.NOT_APPLIED),
    /** The key is absent. */
    NOT_EXISTS(7, Outcome.NOT_APPLIED),
    /** The key holds a value whose removal has begun. */
    MARKED_FOR_DELETION(8, Outcome.NOT_APPLIED),
    /** The write may or may not have been applied and could not be settled in time. */
    UNKNOWN_OUTCOME(9, Outcome.UNKNOWN),
    /** The API server refused the request. */
    API_REFUSED(10, Outcome.NOT_APPLIED),
    /** The API server cannot be reached. */
    API_UNREACHABLE(11, Outcome.NOT_APPLIED),
    /** The call did not end within its deadline. */
    TIMED_OUT(12, Outcome.NOT_APPLIED),
    /** The ConfigMap would exceed the size that Kubernetes accepts. */
    TOO_LARGE(13, Outcome.NOT_APPLIED),
    /** A stored value cannot be decoded. */
    UNDECODABLE(14, Outcome.NOT_APPLIED),
    /** The ConfigMap is absent. */
    CONFIG_MAP_MISSING(15, Outcome.NOT_APPLIED),
    /** The Role lacks a verb. */
    FORBIDDEN(16, Outcome.NOT_APPLIED),
    /** The object is not in the storage. */
    STORAGE_NOT_FOUND(17, Outcome.NOT_APPLIED),
    /** The object is already in the storage. */
    STORAGE_EXISTS(18, Outcome.NOT_APPLIED),
    /** The storage failed. */
    STORAGE_FAILED(19, Outcome.UNKNOWN),
    /** What was asked for is not supported by the native side. */
    UNSUPPORTED(20, Outcome.NOT_APPLIED),
    /** The namespace does not exist. */
    NAMESPACE_MISSING(21, Outcome.NOT_APPLIED);

    private enum Outcome {
        NOT_APPLIED,
        UNKNOWN
    }

    private final int number;
    private final Outcome outcome;

    ErrorCode(int number, Outcome outcome) {
        this.number = number;
        this.outcome = outcome;
    }

    /** The number that crosses the boundary. */
    public int number() {
        return number;
    }

    /** Whether a write that ended with this code has certainly not been applied. */
    public boolean isCertainlyNotApplied() {
        return outcome == Outcome.NOT_APPLIED;
    }

    /** The code of a number; a number from a newer library counts as {@link #INTERNAL}. */
    public static ErrorCode of(int number) {
        for (ErrorCode code : values()) {
            if (code.number == number) {
                return code;
            }
        }
        return INTERNAL;
    }
}
