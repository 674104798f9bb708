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

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link JvmPulse}. */
@Timeout(60)
class JvmPulseTest {

    private static final Duration A_WHILE = Duration.ofSeconds(10);

    private final BlockingQueue<String> threads = new LinkedBlockingQueue<>();

    @Test
    void beatsAtOnceAndAgainOnADaemonThread() throws Exception {
        final JvmPulse pulse =
                JvmPulse.start(
                        "pulse-test",
                        () -> {
                            assertThat(Thread.currentThread().isDaemon()).isTrue();
                            threads.add(Thread.currentThread().getName());
                        });

        assertThat(next()).isEqualTo("pulse-test");
        assertThat(next()).isEqualTo("pulse-test");
        pulse.end(A_WHILE);
        assertNoThread("pulse-test");
    }

    @Test
    void goesOnAfterAFailure() throws Exception {
        final AtomicInteger calls = new AtomicInteger();
        final JvmPulse pulse =
                JvmPulse.start(
                        "pulse-fails",
                        () -> {
                            switch (calls.getAndIncrement()) {
                                case 0:
                                    throw new NativeException(ErrorCode.INTERNAL, "for the test");
                                case 1:
                                    throw new OutOfMemoryError("for the test");
                                default:
                                    threads.add("beats");
                            }
                        });

        assertThat(next()).isEqualTo("beats");
        pulse.end(A_WHILE);
    }

    @Test
    void endsWithTheSession() throws Exception {
        final JvmPulse pulse =
                JvmPulse.start(
                        "pulse-closed",
                        () -> {
                            threads.add("closed");
                            throw new NativeException(ErrorCode.CLOSED, "closed");
                        });

        assertThat(next()).isEqualTo("closed");
        pulse.end(A_WHILE);
        assertThat(threads).isEmpty();
        assertNoThread("pulse-closed");
    }

    private String next() throws InterruptedException {
        return threads.poll(A_WHILE.toMillis(), TimeUnit.MILLISECONDS);
    }

    private static void assertNoThread(String name) {
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().equals(name));
    }
}
