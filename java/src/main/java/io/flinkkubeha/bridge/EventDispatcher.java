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
import javax.annotation.concurrent.GuardedBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

import static org.apache.flink.util.Preconditions.checkNotNull;
import static org.apache.flink.util.Preconditions.checkState;

/**
 * Sorts the events of a session to those who listen for them.
 *
 * <p>Each listener has a queue of its own: a slow retrieval listener must not hold up a revoke. The
 * lock guards the registry alone; listeners are never called under it.
 */
final class EventDispatcher {

    private static final Logger LOG = LoggerFactory.getLogger(EventDispatcher.class);

    /** Begins a watch on the native side and returns the number of its events. */
    interface BeginWatch {
        long begin() throws NativeException;
    }

    private final Object lock = new Object();
    private final Executor threads;
    private final SerialExecutor electionQueue;
    private final LogRelay logRelay;

    @GuardedBy("lock")
    private final Map<Long, Watcher> watchers = new HashMap<>();

    @GuardedBy("lock")
    @Nullable
    private Election.Listener electionListener;

    @GuardedBy("lock")
    @Nullable
    private NativeException failure;

    @Nullable private volatile UnreferencedPointerListener unreferencedListener;

    EventDispatcher(Executor threads) {
        this.threads = checkNotNull(threads);
        this.electionQueue = new SerialExecutor(threads);
        this.logRelay = new LogRelay(threads);
    }

    Executor electionQueue() {
        return electionQueue;
    }

    void setElectionListener(Election.Listener listener) {
        checkNotNull(listener);
        final NativeException known;
        synchronized (lock) {
            checkState(electionListener == null, "There is an election already.");
            electionListener = listener;
            known = failure;
        }
        if (known != null) {
            electionQueue.execute(() -> listener.onFailure(known));
        }
    }

    /** Before any ConfigMap is opened, or it can miss something. */
    void setUnreferencedListener(UnreferencedPointerListener listener) {
        unreferencedListener = checkNotNull(listener);
    }

    void removeElectionListener(Election.Listener listener) {
        synchronized (lock) {
            if (electionListener == listener) {
                electionListener = null;
            }
        }
    }

    /** The watch begins under the lock, so that its first event finds the listener. */
    long addWatcher(BeginWatch watch, LeaderWatches.Listener listener) throws NativeException {
        final Watcher watcher = new Watcher(listener, new SerialExecutor(threads));
        final long subscription;
        final NativeException known;
        synchronized (lock) {
            subscription = watch.begin();
            watchers.put(subscription, watcher);
            known = failure;
        }
        if (known != null) {
            watcher.queue.execute(() -> listener.onFailure(known));
        }
        return subscription;
    }

    void removeWatcher(long subscription) {
        synchronized (lock) {
            watchers.remove(subscription);
        }
    }

    /** Takes in one event as it came from native code. */
    void dispatch(String[] event) {
        switch (event[0]) {
            case "grant":
                onGrant(Long.parseLong(event[1]));
                break;
            case "revoke":
                onRevoke(Long.parseLong(event[1]), event[2]);
                break;
            case "leader":
                onLeader(Long.parseLong(event[1]), event[2].isEmpty() ? null : event[2]);
                break;
            case "unreferenced":
                onUnreferenced(event[1], event[2], event[3]);
                break;
            case "error":
                fail(new NativeException(Integer.parseInt(event[1]), event[2]));
                break;
            case "log":
                logRelay.accept(event[1], event[2], event[3]);
                break;
            default:
                LOG.warn("Unknown event '{}' from the native library.", event[0]);
        }
    }

    /** Tells everyone who listens now or later that the session cannot go on. */
    void fail(NativeException cause) {
        final Election.Listener election;
        final List<Watcher> concerned;
        synchronized (lock) {
            failure = cause;
            election = electionListener;
            concerned = new ArrayList<>(watchers.values());
        }
        if (election != null) {
            electionQueue.execute(() -> election.onFailure(cause));
        }
        concerned.forEach(w -> w.queue.execute(() -> w.listener.onFailure(cause)));
    }

    private void onGrant(long grant) {
        onElection(listener -> listener.onGrant(grant));
    }

    private void onRevoke(long grant, String cause) {
        onElection(listener -> listener.onRevoke(grant, cause));
    }

    private void onElection(Consumer<Election.Listener> call) {
        final Election.Listener listener;
        synchronized (lock) {
            listener = electionListener;
        }
        if (listener == null) {
            LOG.debug("Dropped an event of an election that has ended.");
        } else {
            electionQueue.execute(() -> call.accept(listener));
        }
    }

    private void onLeader(long subscription, @Nullable String value) {
        final Watcher watcher;
        synchronized (lock) {
            watcher = watchers.get(subscription);
        }
        if (watcher != null) {
            watcher.queue.execute(() -> watcher.listener.onLeader(value));
        }
    }

    private void onUnreferenced(String configMapName, String key, String raw) {
        final UnreferencedPointerListener listener = unreferencedListener;
        if (listener == null) {
            LOG.debug("Nobody wants to know that {} in {} was not written.", key, configMapName);
            return;
        }
        threads.execute(
                () -> {
                    try {
                        listener.onUnreferenced(configMapName, key, NativeConfigMap.decode(raw));
                    } catch (NativeException e) {
                        LOG.warn("A pointer of our own could not be decoded.", e);
                    }
                });
    }

    private static final class Watcher {
        private final LeaderWatches.Listener listener;
        private final SerialExecutor queue;

        private Watcher(LeaderWatches.Listener listener, SerialExecutor queue) {
            this.listener = checkNotNull(listener);
            this.queue = checkNotNull(queue);
        }
    }
}
