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

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * The one thread that tells native code that this JVM is alive.
 *
 * <p>Leases are renewed by native threads, which no pause of the JVM stops. A JVM that never comes
 * back from its pause must not keep the lock, and this thread stands still with it.
 */
final class JvmPulse implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(JvmPulse.class);

    static final Duration INTERVAL = Duration.ofSeconds(1);

    /** Takes a sign of life. */
    interface Sink {
        void pulse() throws NativeException;
    }

    private final Sink sink;
    private final Thread thread;
    private final CountDownLatch ended = new CountDownLatch(1);

    private JvmPulse(String name, Sink sink) {
        this.sink = checkNotNull(sink);
        this.thread = new Thread(this, name);
        // The JVM must be able to exit by itself.
        thread.setDaemon(true);
    }

    static JvmPulse start(String name, Sink sink) {
        final JvmPulse pulse = new JvmPulse(name, sink);
        pulse.thread.start();
        return pulse;
    }

    @Override
    public void run() {
        try {
            do {
                beat();
            } while (!ended.await(INTERVAL.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            LOG.error("{} was interrupted: leadership ends with its last sign of life.", thread, e);
        }
    }

    /** Whatever goes wrong once, an exhausted heap for one, the next sign of life is given. */
    private void beat() {
        try {
            sink.pulse();
        } catch (NativeException e) {
            if (e.code() == ErrorCode.CLOSED) {
                ended.countDown();
            } else {
                LOG.warn("A sign of life could not be given.", e);
            }
        } catch (OutOfMemoryError e) {
            LOG.debug("A sign of life could not be given.", e);
        }
    }

    /** Ends the thread and waits for that no longer than the limit. */
    void end(Duration limit) throws InterruptedException {
        ended.countDown();
        thread.join(limit.toMillis());
    }
}
