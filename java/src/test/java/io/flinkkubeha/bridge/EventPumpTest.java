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

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import javax.annotation.Nullable;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link EventPump}, {@link EventDispatcher} and {@link SerialExecutor}. */
@Timeout(30)
class EventPumpTest {

    private static final String[] END = {};

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final EventDispatcher dispatcher = new EventDispatcher(threads);
    private final BlockingQueue<String[]> events = new LinkedBlockingQueue<>();
    private final RecordingListener listener = new RecordingListener();

    @AfterEach
    void stop() {
        threads.shutdownNow();
    }

    @Test
    void electionEventsArriveInOrderAndNotOnThePump() throws Exception {
        dispatcher.setElectionListener(listener);
        final Thread pump = start();
        for (int grant = 1; grant <= 100; grant++) {
            events.add(new String[] {"grant", String.valueOf(grant)});
            events.add(new String[] {"revoke", String.valueOf(grant), "test"});
        }

        for (int grant = 1; grant <= 100; grant++) {
            assertThat(listener.heard.take()).isEqualTo("grant " + grant);
            assertThat(listener.heard.take()).isEqualTo("revoke " + grant + " test");
        }
        assertThat(listener.caller).isNotSameAs(pump);
        events.add(END);
        pump.join();
    }

    @Test
    void slowRetrievalListenerDoesNotHoldUpARevoke() throws Exception {
        final CountDownLatch blocked = new CountDownLatch(1);
        final CountDownLatch release = new CountDownLatch(1);
        dispatcher.setElectionListener(listener);
        dispatcher.addWatcher(
                () -> 5,
                leaderListener(
                        value -> {
                            blocked.countDown();
                            try {
                                release.await();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        }));
        start();
        events.add(new String[] {"leader", "5", "x,y"});
        blocked.await();
        events.add(new String[] {"grant", "1"});
        events.add(new String[] {"revoke", "1", "test"});

        assertThat(listener.heard.take()).isEqualTo("grant 1");
        assertThat(listener.heard.take()).isEqualTo("revoke 1 test");
        release.countDown();
    }

    @Test
    void firstEventOfAWatchFindsItsListener() throws Exception {
        final BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        start();

        dispatcher.addWatcher(
                () -> {
                    events.add(new String[] {"leader", "9", ""});
                    events.add(new String[] {"leader", "9", "x,y"});
                    return 9;
                },
                leaderListener(value -> seen.add(value == null ? "none" : value)));

        assertThat(seen.take()).isEqualTo("none");
        assertThat(seen.take()).isEqualTo("x,y");
    }

    @Test
    void malformedEventIsAFailureOfTheSession() throws Exception {
        dispatcher.setElectionListener(listener);
        start();

        events.add(new String[] {"grant"});

        assertThat(listener.heard.take()).startsWith("failure Malformed event");
    }

    @Test
    void failureReachesThoseWhoComeLater() throws Exception {
        start();
        events.add(new String[] {"error", "21", "No such namespace."});
        final CompletableFuture<Exception> failure = new CompletableFuture<>();
        final BlockingQueue<String> logged = new LinkedBlockingQueue<>();
        dispatcher.addWatcher(
                () -> 1,
                new LeaderWatches.Listener() {
                    @Override
                    public void onLeader(@Nullable String value) {
                        logged.add("leader");
                    }

                    @Override
                    public void onFailure(Exception e) {
                        failure.complete(e);
                    }
                });

        assertThat(failure.get()).hasMessage("No such namespace.");
        dispatcher.setElectionListener(listener);
        assertThat(listener.heard.take()).isEqualTo("failure No such namespace.");
    }

    @Test
    void pumpThatCannotTakeFailsTheSession() throws Exception {
        dispatcher.setElectionListener(listener);

        EventPump.start(
                "pump",
                () -> {
                    throw new NativeException(ErrorCode.INTERNAL, "A panic.");
                },
                dispatcher);

        assertThat(listener.heard.take()).isEqualTo("failure A panic.");
    }

    @Test
    void callbackThatThrowsDoesNotStopTheOnesAfterIt() throws Exception {
        final SerialExecutor executor = new SerialExecutor(threads);
        final CompletableFuture<List<Integer>> done = new CompletableFuture<>();
        executor.execute(
                () -> {
                    throw new IllegalStateException("expected by the test");
                });
        executor.execute(() -> done.complete(List.of(1)));

        assertThat(done.get()).containsExactly(1);
    }

    @Test
    void eventsGoOnThoughLogRecordsCannotBeWritten() throws Exception {
        dispatcher.setElectionListener(listener);
        start();
        events.add(new String[] {"log", "ERROR", "io.flinkkubeha.native.test", "{} made up {}"});
        events.add(new String[] {"log", "unheard of", "io.flinkkubeha.native.test", "made up"});
        events.add(new String[] {"grant", "1"});

        assertThat(listener.heard.take()).isEqualTo("grant 1");
    }

    private Thread start() {
        return EventPump.start("pump", this::take, dispatcher);
    }

    /** Ends with the test if that does not end it itself. */
    @Nullable
    private String[] take() {
        try {
            return threads.isShutdown() ? END : events.poll(100, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            return END;
        }
    }

    private interface OnLeader {
        void onLeader(@Nullable String value);
    }

    private static LeaderWatches.Listener leaderListener(OnLeader onLeader) {
        return new LeaderWatches.Listener() {
            @Override
            public void onLeader(@Nullable String value) {
                onLeader.onLeader(value);
            }

            @Override
            public void onFailure(Exception failure) {}
        };
    }

    private static final class RecordingListener implements Election.Listener {
        private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        private volatile Thread caller;

        @Override
        public void onGrant(long grant) {
            caller = Thread.currentThread();
            heard.add("grant " + grant);
        }

        @Override
        public void onRevoke(long grant, String cause) {
            heard.add("revoke " + grant + " " + cause);
        }

        @Override
        public void onFailure(Exception failure) {
            heard.add("failure " + failure.getMessage());
        }
    }
}
