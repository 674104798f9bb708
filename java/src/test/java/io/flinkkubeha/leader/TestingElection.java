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

import io.flinkkubeha.bridge.Election;
import io.flinkkubeha.bridge.NativeException;

import javax.annotation.Nullable;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** {@link Election} that is granted and revoked by hand. */
final class TestingElection implements Election, AutoCloseable {

    private final ExecutorService callbacks = Executors.newSingleThreadExecutor();
    private final Map<String, String> published = new ConcurrentHashMap<>();
    private final List<Long> heard = new CopyOnWriteArrayList<>();

    @Nullable private volatile Listener listener;
    @Nullable private volatile NativeException publishFailure;
    @Nullable private volatile NativeException stopFailure;
    private volatile boolean leader;
    private volatile long current;
    private volatile int stops;

    @Override
    public void start(Listener newListener) {
        listener = newListener;
    }

    @Override
    public void stop() throws NativeException {
        leader = false;
        stops++;
        final NativeException failure = stopFailure;
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public boolean hasLeadership(long grant) {
        return leader && grant == current;
    }

    @Override
    public void revokeHeard(long grant) {
        heard.add(grant);
    }

    @Override
    public void publishLeader(long grant, String component, @Nullable String value)
            throws NativeException {
        final NativeException failure = publishFailure;
        if (failure != null) {
            throw failure;
        }
        if (grant != current) {
            return;
        }
        if (value == null) {
            published.remove(component);
        } else {
            published.put(component, value);
        }
    }

    @Override
    public Executor callbackExecutor() {
        return callbacks;
    }

    void grant(long grant) {
        final Listener target = listener;
        current = grant;
        leader = true;
        callbacks.execute(() -> target.onGrant(grant));
    }

    void revoke(long grant) {
        final Listener target = listener;
        leader = false;
        callbacks.execute(() -> target.onRevoke(grant, "the test wants it"));
    }

    void fail(Exception failure) {
        final Listener target = listener;
        callbacks.execute(() -> target.onFailure(failure));
    }

    /** Waits until every callback so far has returned. */
    void settle() throws Exception {
        callbacks.submit(() -> {}).get();
    }

    void failPublishing(NativeException failure) {
        publishFailure = failure;
    }

    void failStopping(NativeException failure) {
        stopFailure = failure;
    }

    /** The grants whose end was taken in. */
    List<Long> heard() {
        return heard;
    }

    Map<String, String> published() {
        return published;
    }

    int stops() {
        return stops;
    }

    @Override
    public void close() {
        callbacks.shutdownNow();
    }
}
