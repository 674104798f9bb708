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

import org.apache.flink.runtime.leaderelection.LeadershipLostException;
import org.apache.flink.util.ExceptionUtils;

import javax.annotation.Nullable;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A clean-up of a job, as a future that Flink's DefaultResourceCleaner does not wait for any longer
 * when the leadership that it was begun under has ended.
 *
 * <p>Flink repeats whatever fails, on the main thread of its dispatcher, which has ended by then:
 * nothing is repeated, the dispatcher waits for it, never ends, and this JobManager does not get
 * another one when it leads again. Success would be worse: Flink would mark the result of the job as
 * clean, and the next leader would run the job again. What Flink does not repeat is an attempt that
 * was cancelled: it logs a WARN, the dispatcher ends, and the next leader cleans up, because the
 * result is still marked as dirty.
 */
public final class CleanUp extends CompletableFuture<Void> {

    private CleanUp() {}

    /**
     * One attempt. It is made a second time if its outcome is not known: after the end of the
     * leadership nothing is sent, and that is the answer.
     */
    public static CompletableFuture<Void> of(Supplier<CompletableFuture<Void>> attempt) {
        final CleanUp result = new CleanUp();
        attempt.get()
                .handle(
                        (ignored, failure) ->
                                failure == null || isLossOfLeadership(failure)
                                        ? ended(failure)
                                        : attempt.get())
                .thenCompose(Function.identity())
                .whenComplete((ignored, failure) -> end(result, failure));
        return result;
    }

    /**
     * Flink looks at what this returns, where the exception of a future that depends on another one
     * has been wrapped: an attempt that was cancelled is only seen as that in a future of its own.
     */
    @Override
    public CompletableFuture<Void> whenComplete(
            BiConsumer<? super Void, ? super Throwable> action) {
        final CompletableFuture<Void> seenByFlink = new CompletableFuture<>();
        super.whenComplete(action)
                .whenComplete(
                        (ignored, failure) ->
                                end(
                                        seenByFlink,
                                        isLossOfLeadership(failure) ? cancelled(failure) : failure));
        return seenByFlink;
    }

    private static CompletableFuture<Void> ended(@Nullable Throwable failure) {
        return end(new CompletableFuture<>(), failure);
    }

    private static CompletableFuture<Void> end(
            CompletableFuture<Void> future, @Nullable Throwable failure) {
        if (failure == null) {
            future.complete(null);
        } else {
            future.completeExceptionally(failure);
        }
        return future;
    }

    private static boolean isLossOfLeadership(@Nullable Throwable failure) {
        return failure != null
                && ExceptionUtils.findThrowable(failure, LeadershipLostException.class).isPresent();
    }

    private static CancellationException cancelled(Throwable failure) {
        final CancellationException cancelled =
                new CancellationException("The next leader cleans up: " + failure.getMessage());
        cancelled.initCause(failure);
        return cancelled;
    }
}
