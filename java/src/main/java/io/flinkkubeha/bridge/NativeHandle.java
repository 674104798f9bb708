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

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** A native handle that counts the calls in flight and is freed once, after the last of them. */
final class NativeHandle {

    /** Gives a handle back to native code. */
    interface Free {
        void free(long handle) throws NativeException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(NativeHandle.class);

    private final Object lock = new Object();
    private final long value;
    private final String what;
    private final Free free;

    private int callsInFlight;
    private boolean closed;

    NativeHandle(long value, String what, Free free) {
        this.value = value;
        this.what = checkNotNull(what);
        this.free = checkNotNull(free);
    }

    /** Begins a call; the handle stays valid until the returned object is closed. */
    Call enter() throws NativeException {
        synchronized (lock) {
            if (closed) {
                throw new NativeException(ErrorCode.CLOSED, what + " is closed.");
            }
            callsInFlight++;
        }
        return new Call();
    }

    /** Refuses further calls and frees the handle, now or when the last call in flight ends. */
    boolean close() {
        synchronized (lock) {
            if (closed) {
                return false;
            }
            closed = true;
            if (callsInFlight > 0) {
                return true;
            }
        }
        freeQuietly();
        return true;
    }

    /** A call that succeeded must not fail because its handle had ended with its session. */
    private void freeQuietly() {
        try {
            free.free(value);
        } catch (NativeException e) {
            LOG.debug("{} had ended before it was freed.", what, e);
        }
    }

    boolean isClosed() {
        synchronized (lock) {
            return closed;
        }
    }

    @Override
    public String toString() {
        return what;
    }

    /** One call in flight. */
    final class Call implements AutoCloseable {

        private Call() {}

        long handle() {
            return value;
        }

        @Override
        public void close() {
            synchronized (lock) {
                callsInFlight--;
                if (!closed || callsInFlight > 0) {
                    return;
                }
            }
            freeQuietly();
        }
    }
}
