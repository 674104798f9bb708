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

package io.flinkkubeha.store;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.concurrent.ComponentMainThreadExecutor;
import org.apache.flink.runtime.dispatcher.cleanup.DefaultResourceCleaner;
import org.apache.flink.runtime.leaderelection.LeadershipLostException;
import org.apache.flink.util.FlinkException;
import org.apache.flink.util.concurrent.ExponentialBackoffRetryStrategy;
import org.apache.flink.util.concurrent.FutureUtils;

import org.junit.jupiter.api.Test;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;

import static org.assertj.core.api.Assertions.assertThat;

/** Tests for {@link CleanUp}, with the class of Flink that calls it. */
class CleanUpTest {

    private static final Throwable LOST = new LeadershipLostException("Somebody else leads.");
    private static final Throwable UNKNOWN = new FlinkException("Nobody knows.");

    private boolean repeats;

    @Test
    void whatSucceedsIsDone() {
        final CompletableFuture<Void> cleanUp = cleanUp((Throwable) null);

        assertThat(cleanUp).isCompleted();
    }

    @Test
    void endsWithTheLeadership() {
        final CompletableFuture<Void> cleanUp = cleanUp(LOST);

        assertThat(repeats).as("Flink would wait for it").isFalse();
        assertThat(cleanUp)
                .isCompletedExceptionally()
                .failsWithin(Duration.ZERO)
                .withThrowableThat()
                .havingRootCause()
                .isSameAs(LOST);
    }

    @Test
    void endsWithTheLeadershipThatEndedMeanwhile() {
        final CompletableFuture<Void> cleanUp = cleanUp(UNKNOWN, LOST);

        assertThat(repeats).isFalse();
        assertThat(cleanUp).isCompletedExceptionally();
    }

    @Test
    void anotherFailureIsRepeatedByFlink() {
        final CompletableFuture<Void> cleanUp = cleanUp(UNKNOWN, UNKNOWN);

        assertThat(repeats).isTrue();
        assertThat(cleanUp).isNotDone();
    }

    @Test
    void whatWasAppliedAfterAllIsDone() {
        assertThat(cleanUp(UNKNOWN, null)).isCompleted();
    }

    @Test
    void secondAttemptThatCannotBeginIsRepeatedByFlink() {
        final CompletableFuture<Void> cleanUp = cleanUp(UNKNOWN);

        assertThat(repeats).isTrue();
        assertThat(cleanUp).isNotDone();
    }

    /** As Flink's dispatcher does it for a job that has ended, with these outcomes of attempts. */
    private CompletableFuture<Void> cleanUp(Throwable... outcomes) {
        final Iterator<Throwable> next = Arrays.asList(outcomes).iterator();
        final ComponentMainThreadExecutor ended =
                (ComponentMainThreadExecutor)
                        Proxy.newProxyInstance(
                                getClass().getClassLoader(),
                                new Class<?>[] {ComponentMainThreadExecutor.class},
                                (proxy, method, arguments) -> {
                                    repeats |= method.getName().equals("schedule");
                                    return null;
                                });
        return DefaultResourceCleaner.forGloballyCleanableResources(
                        ended,
                        Runnable::run,
                        new ExponentialBackoffRetryStrategy(
                                Integer.MAX_VALUE, Duration.ofSeconds(1), Duration.ofHours(1)))
                .withRegularCleanup(
                        "Everything", (jobId, executor) -> CleanUp.of(() -> attempt(next.next())))
                .build()
                .cleanupAsync(new JobID());
    }

    private static CompletableFuture<Void> attempt(Throwable outcome) {
        return outcome == null
                ? FutureUtils.completedVoidFuture()
                : FutureUtils.completedExceptionally(outcome);
    }
}
