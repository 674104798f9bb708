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

package io.flinkkubeha.peers;

import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalListener;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalService;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;

import static org.assertj.core.api.Assertions.assertThat;

/** What listeners of one process hear of the leaders of another, over the one watch that they share. */
class LeaderRetrievalITCase {

    private static final int LISTENERS = 20;
    private static final int LEADERS = 5;

    private final PeerCluster cluster = PeerCluster.of("retrieval");
    private final List<LeaderRetrievalService> retrievals = new ArrayList<>();

    private PeerServices follower;

    @BeforeEach
    void start() throws Exception {
        follower = PeerServices.ofFollower(cluster);
    }

    @AfterEach
    void stop() throws Exception {
        for (LeaderRetrievalService retrieval : retrievals) {
            retrieval.stop();
        }
        follower.close();
    }

    @Test
    @SuppressWarnings("try") // close() may be interrupted
    void everyListenerHearsOfEveryChange() throws Exception {
        final List<Listener> listeners = listen();
        try (PeerServices leader = PeerServices.ofLeader(cluster)) {
            leader.publish("first");
            // Those hear what was there before them.
            listeners.addAll(listen());
            for (Listener listener : listeners) {
                listener.await("first", leader.granted().get());
            }
        }
        for (Listener listener : listeners) {
            listener.await(null, null);
        }
        leadAndBeHeardOf("second", listeners);
    }

    @Test
    void deletedConfigMapHasNoLeader() throws Exception {
        final List<Listener> listeners = listen();
        leadAndBeHeardOf("first", listeners);
        follower.get().cleanupAllData();
        for (Listener listener : listeners) {
            listener.await(null, null);
        }
        leadAndBeHeardOf("second", listeners);
    }

    @Test
    void slowListenerHoldsUpNobodyAndNeverGoesBack() throws Exception {
        final CountDownLatch release = new CountDownLatch(1);
        final Listener slow =
                new Listener() {
                    @Override
                    public void notifyLeaderAddress(String address, UUID sessionId) {
                        awaitQuietly(release);
                        super.notifyLeaderAddress(address, sessionId);
                    }
                };
        listen(slow);
        final Listener fast = new Listener();
        listen(fast);
        try {
            for (int i = 1; i <= LEADERS; i++) {
                leadAndBeHeardOf("leader-" + i, List.of(fast));
            }
        } finally {
            release.countDown();
        }
        int last = 0;
        while (last < LEADERS) {
            final String heard = slow.heard.take().split(",")[0];
            if (!heard.equals("null")) {
                final int next = Integer.parseInt(heard.substring("leader-".length()));
                assertThat(next).isGreaterThan(last);
                last = next;
            }
        }
    }

    /** A leader of this address comes and goes. */
    @SuppressWarnings("try") // close() may be interrupted
    private void leadAndBeHeardOf(String address, List<Listener> listeners) throws Exception {
        try (PeerServices leader = PeerServices.ofLeader(cluster)) {
            leader.publish(address);
            for (Listener listener : listeners) {
                listener.await(address, leader.granted().get());
            }
        }
    }

    private List<Listener> listen() throws Exception {
        final List<Listener> listeners = new ArrayList<>();
        for (int i = 0; i < LISTENERS; i++) {
            final Listener listener = new Listener();
            listen(listener);
            listeners.add(listener);
        }
        return listeners;
    }

    private void listen(Listener listener) throws Exception {
        final LeaderRetrievalService retrieval = follower.get().getDispatcherLeaderRetriever();
        retrieval.start(listener);
        retrievals.add(retrieval);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static class Listener implements LeaderRetrievalListener {

        final BlockingQueue<String> heard = new LinkedBlockingQueue<>();

        @Override
        public void notifyLeaderAddress(String address, UUID sessionId) {
            heard.add(address + "," + sessionId);
        }

        @Override
        public void handleError(Exception exception) {
            heard.add("error," + exception);
        }

        /** Waits for this leader, past others; an error is never right. */
        void await(String address, UUID sessionId) throws InterruptedException {
            final String wanted = address + "," + sessionId;
            String next;
            do {
                next = heard.take();
                assertThat(next).doesNotStartWith("error,");
            } while (!next.equals(wanted));
        }
    }
}
