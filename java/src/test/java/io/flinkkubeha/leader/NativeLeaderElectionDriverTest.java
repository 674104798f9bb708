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

package io.flinkkubeha.leader;

import org.apache.flink.runtime.leaderelection.DefaultLeaderElectionService;
import org.apache.flink.runtime.leaderelection.LeaderContender;
import org.apache.flink.runtime.leaderelection.LeaderElection;
import org.apache.flink.runtime.leaderelection.LeaderElectionDriver;
import org.apache.flink.runtime.leaderelection.LeaderElectionException;
import org.apache.flink.runtime.leaderelection.LeaderInformation;
import org.apache.flink.runtime.leaderelection.LeaderInformationRegister;

import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link NativeLeaderElectionDriver}, alone and below Flink's own service. */
@Timeout(30)
@SuppressWarnings("try") // close() throws Exception in Flink
class NativeLeaderElectionDriverTest {

    private final TestingElection election = new TestingElection();
    private final NativeLeaderElectionDriverFactory factory =
            new NativeLeaderElectionDriverFactory("c-cluster-config-map", election);

    @AfterEach
    void close() {
        election.close();
    }

    @Test
    void leaderIsPublishedAndTakenAwayBelowFlinksService() throws Exception {
        final RecordingContender contender = new RecordingContender();
        try (DefaultLeaderElectionService service = new DefaultLeaderElectionService(factory)) {
            final LeaderElection component = service.createLeaderElection("dispatcher");
            component.startLeaderElection(contender);
            election.grant(1);
            final UUID sessionId = UUID.fromString(contender.heard.take());

            component.confirmLeadershipAsync(sessionId, "pekko://here").get();
            assertThat(component.hasLeadershipAsync(sessionId).get()).isTrue();
            assertThat(election.published()).containsEntry("dispatcher", sessionId + ",pekko://here");

            component.close();
            assertThat(election.published()).isEmpty();
            assertThat(election.stops()).isEqualTo(1);
        }
    }

    /** A lock that is handed over goes to its next holder from then on. */
    @Test
    void endOfAGrantIsAnsweredOnceFlinkHasTakenItIn() throws Exception {
        final RecordingContender contender = new RecordingContender();
        try (DefaultLeaderElectionService service = new DefaultLeaderElectionService(factory)) {
            final LeaderElection component = service.createLeaderElection("dispatcher");
            component.startLeaderElection(contender);
            election.grant(1);
            election.settle();
            assertThat(election.heard()).isEmpty();
            election.revoke(1);
            // One that Flink has never had.
            election.revoke(2);
            election.settle();
            assertThat(election.heard()).containsExactly(1L);
            component.close();
        }
    }

    @Test
    void everyGrantHasASessionIdOfItsOwn() throws Exception {
        final RecordingContender contender = new RecordingContender();
        try (DefaultLeaderElectionService service = new DefaultLeaderElectionService(factory)) {
            final LeaderElection component = service.createLeaderElection("dispatcher");
            component.startLeaderElection(contender);
            election.grant(1);
            election.revoke(1);
            election.grant(2);

            final String first = contender.heard.take();
            assertThat(contender.heard.take()).isEqualTo("revoke");
            assertThat(contender.heard.take()).isNotEqualTo(first);
            component.close();
        }
    }

    /** The service takes its lock before it queues: nothing that holds it may wait for us. */
    @Test
    void revokeGetsThroughAsSoonAsFlinkLetsGoOfItsLock() throws Exception {
        final CountDownLatch inCallback = new CountDownLatch(1);
        final CountDownLatch release = new CountDownLatch(1);
        final RecordingContender contender =
                new RecordingContender() {
                    @Override
                    public void grantLeadership(UUID sessionId) {
                        inCallback.countDown();
                        awaitQuietly(release);
                        super.grantLeadership(sessionId);
                    }
                };
        try (DefaultLeaderElectionService service = new DefaultLeaderElectionService(factory)) {
            final LeaderElection component = service.createLeaderElection("dispatcher");
            component.startLeaderElection(contender);
            election.grant(1);
            inCallback.await();
            election.revoke(1);
            release.countDown();

            contender.heard.take();
            assertThat(contender.heard.take()).isEqualTo("revoke");
            component.close();
        }
    }

    @Test
    void serviceCanElectAgainAfterItsLastContenderLeft() throws Exception {
        try (DefaultLeaderElectionService service = new DefaultLeaderElectionService(factory)) {
            for (int grant = 1; grant <= 20; grant++) {
                final RecordingContender contender = new RecordingContender();
                final LeaderElection component = service.createLeaderElection("dispatcher");
                component.startLeaderElection(contender);
                election.grant(grant);
                contender.heard.take();
                component.close();
                // What native code had queued before its election stopped comes too late.
                election.revoke(grant);
                assertThat(contender.errors).isEmpty();
            }
        }
    }

    /** Whatever there is on the API server: nobody is asked. */
    @Test
    void withoutAGrantThereIsNoLeadershipAndNoError() throws Exception {
        final RecordingListener listener = new RecordingListener();
        try (LeaderElectionDriver driver = factory.create(listener)) {
            assertThat(driver.hasLeadership()).isFalse();
            election.grant(1);
            election.settle();
            assertThat(driver.hasLeadership()).isTrue();
            election.revoke(1);
            election.settle();
            assertThat(driver.hasLeadership()).isFalse();

            assertThat(listener.error).isNotDone();
        }
    }

    @Test
    void revokeOfAnotherGrantIsDropped() throws Exception {
        final RecordingListener listener = new RecordingListener();
        try (LeaderElectionDriver ignored = factory.create(listener)) {
            election.revoke(7);
            election.grant(8);
            election.revoke(7);
            election.grant(9);
            election.revoke(8);
            election.settle();

            assertThat(listener.heard).containsExactly("grant", "revoke");
        }
    }

    @Test
    void nothingIsHeardAfterClose() throws Exception {
        final RecordingListener listener = new RecordingListener();
        final LeaderElectionDriver driver = factory.create(listener);
        driver.close();
        driver.close();

        election.grant(1);
        election.revoke(1);
        election.fail(new Exception("late"));
        election.settle();

        assertThat(listener.heard).isEmpty();
        assertThat(driver.hasLeadership()).isFalse();
        assertThat(election.stops()).isEqualTo(1);
    }

    @Test
    void failureOfTheElectionIsAnErrorForFlink() throws Exception {
        final RecordingListener listener = new RecordingListener();
        try (LeaderElectionDriver ignored = factory.create(listener)) {
            election.fail(new NativeException(ErrorCode.NAMESPACE_MISSING, "No namespace."));
            election.settle();

            assertThat(listener.error.get())
                    .isInstanceOf(LeaderElectionException.class)
                    .hasMessage(
                            "The election on ConfigMap c-cluster-config-map cannot go on: No namespace.");
        }
    }

    /** Flink may still confirm the session before, when it has not taken in the revoke yet. */
    @Test
    void sessionOfAnEarlierGrantIsNotPublishedUnderTheNext() throws Exception {
        final RecordingListener listener = new RecordingListener();
        try (LeaderElectionDriver driver = factory.create(listener)) {
            election.grant(1);
            election.settle();
            final UUID earlier = listener.sessionId;
            election.revoke(1);
            election.grant(2);
            election.settle();

            driver.publishLeaderInformation("dispatcher", LeaderInformation.known(earlier, "a"));
            assertThat(election.published()).isEmpty();
            driver.publishLeaderInformation(
                    "dispatcher", LeaderInformation.known(listener.sessionId, "a"));
            assertThat(election.published()).containsKey("dispatcher");
        }
    }

    @Test
    void publishingWithoutLeadershipIsNoError() throws Exception {
        final RecordingListener listener = new RecordingListener();
        election.failPublishing(new NativeException(ErrorCode.NOT_LEADER, "Not any more."));
        try (LeaderElectionDriver driver = factory.create(listener)) {
            driver.deleteLeaderInformation("dispatcher");
            election.grant(1);
            election.settle();
            driver.deleteLeaderInformation("dispatcher");
            election.settle();

            assertThat(listener.error).isNotDone();
        }
    }

    @Test
    void publishingThatFailsIsAnErrorOutsideOfTheCall() throws Exception {
        final RecordingListener listener = new RecordingListener();
        election.failPublishing(new NativeException(ErrorCode.TOO_LARGE, "Too large."));
        try (LeaderElectionDriver driver = factory.create(listener)) {
            election.grant(1);
            election.settle();
            driver.deleteLeaderInformation("dispatcher");

            assertThat(listener.error.get())
                    .hasMessage(
                            "The address of dispatcher cannot be published in ConfigMap c-cluster-config-map: Too large.");
            assertThat(listener.errorThread).isNotSameAs(Thread.currentThread());
        }
    }

    @Test
    void lockThatCannotBeReleasedIsNoErrorOfAShutdown() throws Exception {
        election.failStopping(new NativeException(ErrorCode.TIMED_OUT, "Not released."));

        factory.create(new RecordingListener()).close();

        assertThat(election.stops()).isEqualTo(1);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static class RecordingContender implements LeaderContender {
        final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        final BlockingQueue<Exception> errors = new LinkedBlockingQueue<>();

        @Override
        public void grantLeadership(UUID sessionId) {
            heard.add(sessionId.toString());
        }

        @Override
        public void revokeLeadership() {
            heard.add("revoke");
        }

        @Override
        public void handleError(Exception exception) {
            errors.add(exception);
        }
    }

    private static final class RecordingListener implements LeaderElectionDriver.Listener {
        private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        private final CompletableFuture<Throwable> error = new CompletableFuture<>();
        private volatile Thread errorThread;
        private volatile UUID sessionId;

        @Override
        public void onGrantLeadership(UUID newSessionId) {
            sessionId = newSessionId;
            heard.add("grant");
        }

        @Override
        public void onRevokeLeadership() {
            heard.add("revoke");
        }

        @Override
        public void onLeaderInformationChange(String componentId, LeaderInformation information) {
            heard.add("change");
        }

        @Override
        public void onLeaderInformationChange(LeaderInformationRegister register) {
            heard.add("change");
        }

        @Override
        public void onError(Throwable t) {
            errorThread = Thread.currentThread();
            error.complete(t);
        }
    }
}
