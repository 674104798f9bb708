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

import javax.annotation.Nullable;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** The one thread that pulls the events of a session; it calls no listener itself. */
final class EventPump implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(EventPump.class);

    /** Where events come from. */
    interface Source {
        /** {@code null}: nothing yet; no element: the source has ended. */
        @Nullable
        String[] take() throws NativeException;
    }

    private final Source source;
    private final EventDispatcher dispatcher;

    private EventPump(Source source, EventDispatcher dispatcher) {
        this.source = checkNotNull(source);
        this.dispatcher = checkNotNull(dispatcher);
    }

    static Thread start(String name, Source source, EventDispatcher dispatcher) {
        final Thread thread = new Thread(new EventPump(source, dispatcher), name);
        // The JVM must be able to exit by itself.
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    @Override
    public void run() {
        try {
            while (true) {
                final String[] event = source.take();
                if (event == null) {
                    continue;
                }
                if (event.length == 0) {
                    return;
                }
                dispatch(event);
            }
        } catch (NativeException e) {
            if (e.code() != ErrorCode.CLOSED) {
                // Without events no revoke would ever arrive: the process must not go on leading.
                LOG.error("No more events can be taken from the native library.", e);
                dispatcher.fail(e);
            }
        }
    }

    private void dispatch(String[] event) {
        try {
            dispatcher.dispatch(event);
        } catch (RuntimeException e) {
            LOG.error("Malformed event from the native library.", e);
            dispatcher.fail(new NativeException(ErrorCode.INTERNAL, "Malformed event: " + e));
        }
    }
}
