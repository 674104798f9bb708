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

import org.apache.flink.runtime.leaderelection.LeaderElectionDriver;
import org.apache.flink.runtime.leaderelection.LeaderElectionException;

import io.flinkkubeha.bridge.Election;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;
import javax.annotation.concurrent.GuardedBy;

import java.time.Duration;
import java.util.UUID;
import java.util.function.LongConsumer;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Passes grants and revokes on to Flink, until it is closed.
 *
 * <p>Flink's service only queues them, on a thread of its own, once it has its lock. A grant while
 * one holds, or a revoke while none does, is fatal for it; that includes an event of an earlier
 * driver, so {@link #close()} also waits for the callback that may be under way. No lock is held
 * during a callback.
 */
final class ElectionCallbacks implements Election.Listener {

    private static final Logger LOG = LoggerFactory.getLogger(ElectionCallbacks.class);

    /** A callback waits for Flink's lock at most; whoever holds that lock may be closing us. */
    private static final Duration CALLBACK_END_LIMIT = Duration.ofSeconds(1);

    private final Object lock = new Object();
    private final String configMapName;
    private final LeaderElectionDriver.Listener listener;
    private final LongConsumer revokeHeard;

    @GuardedBy("lock")
    private boolean closed;

    @GuardedBy("lock")
    @Nullable
    private Thread caller;

    @GuardedBy("lock")
    @Nullable
    private Long grantHeld;

    @GuardedBy("lock")
    @Nullable
    private UUID sessionIdHeld;

    /** @param revokeHeard is told of each grant whose end Flink has taken in */
    ElectionCallbacks(
            String configMapName,
            LeaderElectionDriver.Listener listener,
            LongConsumer revokeHeard) {
        this.configMapName = checkNotNull(configMapName);
        this.listener = checkNotNull(listener);
        this.revokeHeard = checkNotNull(revokeHeard);
    }

    /** The grant that was passed on last, {@code null} once it is revoked or we are closed. */
    @Nullable
    Long grant() {
        synchronized (lock) {
            return closed ? null : grantHeld;
        }
    }

    /**
     * The grant that this session id was made for. Flink takes in a revoke and the next grant on a
     * thread of its own, so for a moment it may still confirm the session before.
     */
    @Nullable
    Long grantOf(@Nullable UUID sessionId) {
        synchronized (lock) {
            return sessionId == null || sessionId.equals(sessionIdHeld) ? grant() : null;
        }
    }

    @Override
    public void onGrant(long grant) {
        final UUID sessionId = UUID.randomUUID();
        synchronized (lock) {
            if (closed || grantHeld != null) {
                LOG.debug("Grant {} of ConfigMap {} is not passed on.", grant, configMapName);
                return;
            }
            grantHeld = grant;
            sessionIdHeld = sessionId;
            caller = Thread.currentThread();
        }
        // Native code has told the operators already.
        LOG.debug(
                "Leadership granted on ConfigMap {} (grant {}, session id {}).",
                configMapName,
                grant,
                sessionId);
        call(() -> listener.onGrantLeadership(sessionId));
    }

    @Override
    public void onRevoke(long grant, String cause) {
        synchronized (lock) {
            if (closed || grantHeld == null || grantHeld != grant) {
                LOG.debug("Revoke {} of ConfigMap {} is not passed on.", grant, configMapName);
                return;
            }
            grantHeld = null;
            caller = Thread.currentThread();
        }
        LOG.debug(
                "Leadership revoked on ConfigMap {} (grant {}): {}", configMapName, grant, cause);
        call(listener::onRevokeLeadership);
        revokeHeard.accept(grant);
    }

    @Override
    public void onFailure(Exception failure) {
        synchronized (lock) {
            if (closed) {
                LOG.debug("An error after the end of the election.", failure);
                return;
            }
            caller = Thread.currentThread();
        }
        final Exception forFlink =
                failure instanceof LeaderElectionException
                        ? failure
                        : new LeaderElectionException(
                                String.format(
                                        "The election on ConfigMap %s cannot go on: %s",
                                        configMapName, failure.getMessage()),
                                failure);
        call(() -> listener.onError(forFlink));
    }

    private void call(Runnable callback) {
        try {
            callback.run();
        } finally {
            synchronized (lock) {
                caller = null;
                lock.notifyAll();
            }
        }
    }

    /** No callback begins afterwards. Whether it was this call that closed. */
    boolean close() {
        final long end = System.nanoTime() + CALLBACK_END_LIMIT.toNanos();
        synchronized (lock) {
            if (closed) {
                return false;
            }
            closed = true;
            while (caller != null && caller != Thread.currentThread()) {
                final long millis = (end - System.nanoTime()) / 1_000_000L;
                if (millis <= 0) {
                    LOG.debug("Closing while Flink still takes in a callback.");
                    break;
                }
                try {
                    lock.wait(millis);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    break;
                }
            }
            return true;
        }
    }
}
