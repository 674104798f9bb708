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

import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** One HA services instance on the native side: the owner of its handle, thread and callbacks. */
public final class NativeSession implements ConfigMaps, Election, LeaderWatches, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(NativeSession.class);

    private static final AtomicInteger COUNT = new AtomicInteger();

    /** Who waits for ever can be interrupted this often. */
    private static final Duration READY_SLICE = Duration.ofSeconds(1);

    /** Upper bound of a release: the native side has a shorter one of its own. */
    private static final Duration STOP_LIMIT = Duration.ofSeconds(10);

    private final SessionCore core;
    private final Cleaner.Cleanable net;

    @Nullable private volatile Election.Listener electionListener;

    private NativeSession(SessionCore core) {
        this.core = checkNotNull(core);
        this.net = HandleNet.watch(this, core, core::close);
    }

    /** Checks the settings and starts the native side; sends nothing that it has to wait for. */
    public static NativeSession open(SessionSettings settings) throws NativeException {
        checkNotNull(settings);
        NativeBindings.setLogLevel(LogRelay.enabledLevel());
        final long value = NativeBindings.openSession(settings.toArray());
        return new NativeSession(new SessionCore(value, COUNT.incrementAndGet()));
    }

    /**
     * Waits until the API server has answered and the Role has been found sufficient.
     *
     * @param limit {@code null} waits for ever
     */
    public void awaitReady(@Nullable Duration limit) throws NativeException, InterruptedException {
        while (true) {
            if (Thread.interrupted()) {
                throw new InterruptedException("Interrupted while waiting for the API server.");
            }
            final Duration slice = limit == null ? READY_SLICE : limit;
            try (NativeHandle.Call call = core.handle().enter()) {
                NativeBindings.awaitReady(call.handle(), Math.max(1, slice.toMillis()));
                return;
            } catch (NativeException e) {
                if (limit != null || e.code() != ErrorCode.TIMED_OUT) {
                    throw e;
                }
            }
        }
    }

    /**
     * Mirrors what ConfigMaps point to in a storage; to be called before the election is started.
     *
     * @param root the directory of the cluster in the storage directory
     * @param jobResults where results of jobs lie
     */
    public void startMirror(NativeStorage storage, String root, String jobResults)
            throws NativeException {
        try (NativeHandle.Call call = core.handle().enter();
                NativeHandle.Call storageCall = storage.handle().enter()) {
            NativeBindings.startMirror(
                    call.handle(),
                    storageCall.handle(),
                    checkNotNull(root),
                    checkNotNull(jobResults));
        }
    }

    // ---- what it shows of itself

    /** What is counted, in Prometheus' text format 0.0.4. Sends nothing. */
    public String metrics() throws NativeException {
        try (NativeHandle.Call call = core.handle().enter()) {
            return NativeBindings.metrics(call.handle());
        }
    }

    /** The newest events of the lease and of writes, a line for each, oldest first. */
    public String blackBox() throws NativeException {
        try (NativeHandle.Call call = core.handle().enter()) {
            return NativeBindings.blackBox(call.handle());
        }
    }

    // ---- election

    @Override
    public void start(Election.Listener listener) throws NativeException {
        core.dispatcher().setElectionListener(listener);
        electionListener = listener;
        try (NativeHandle.Call call = core.handle().enter()) {
            NativeBindings.startElection(call.handle());
        } catch (NativeException | RuntimeException e) {
            core.dispatcher().removeElectionListener(listener);
            electionListener = null;
            throw e;
        }
    }

    @Override
    public void stop() throws NativeException {
        final Election.Listener listener = electionListener;
        if (listener == null) {
            return;
        }
        try (NativeHandle.Call call = core.handle().enter()) {
            NativeBindings.stopElection(call.handle(), STOP_LIMIT.toMillis());
        } finally {
            core.dispatcher().removeElectionListener(listener);
            electionListener = null;
        }
    }

    @Override
    public boolean hasLeadership(long grant) {
        try (NativeHandle.Call call = core.handle().enter()) {
            return NativeBindings.hasLeadership(call.handle(), grant);
        } catch (NativeException e) {
            LOG.debug("No leadership: {}", e.getMessage());
            return false;
        }
    }

    @Override
    public void revokeHeard(long grant) {
        try (NativeHandle.Call call = core.handle().enter()) {
            NativeBindings.revokeHeard(call.handle(), grant);
        } catch (NativeException e) {
            LOG.debug("The session is closed, and its lock with it.", e);
        }
    }

    @Override
    public void publishLeader(long grant, String component, @Nullable String value)
            throws NativeException {
        try (NativeHandle.Call call = core.handle().enter()) {
            NativeBindings.publishLeader(call.handle(), grant, checkNotNull(component), value);
        }
    }

    @Override
    public Executor callbackExecutor() {
        return core.dispatcher().electionQueue();
    }

    // ---- retrieval

    @Override
    public Watch watch(String component, LeaderWatches.Listener listener) throws NativeException {
        checkNotNull(component);
        checkNotNull(listener);
        try (NativeHandle.Call call = core.handle().enter()) {
            final long handle = call.handle();
            final long subscription =
                    core.dispatcher()
                            .addWatcher(
                                    () -> NativeBindings.watchLeader(handle, component), listener);
            return () -> unwatch(subscription);
        }
    }

    private void unwatch(long subscription) {
        core.dispatcher().removeWatcher(subscription);
        try (NativeHandle.Call call = core.handle().enter()) {
            NativeBindings.unwatchLeader(call.handle(), subscription);
        } catch (NativeException e) {
            LOG.debug("The watch ended with its session: {}", e.getMessage());
        }
    }

    // ---- ConfigMaps

    /** Whom to tell of pointers that were not written; set before the first ConfigMap is opened. */
    public void setUnreferencedListener(UnreferencedPointerListener listener) {
        core.dispatcher().setUnreferencedListener(listener);
    }

    @Override
    public ConfigMapAccess open(String name, boolean create) throws NativeException {
        checkNotNull(name);
        try (NativeHandle.Call call = core.handle().enter()) {
            final long value = NativeBindings.openConfigMap(call.handle(), name, create);
            return new NativeConfigMap(name, core.adoptConfigMap(name, value));
        }
    }

    /** Flink's stores have no close, so handles end with their ConfigMap at the latest. */
    @Override
    public void delete(String name) throws NativeException {
        checkNotNull(name);
        try (NativeHandle.Call call = core.handle().enter()) {
            NativeBindings.deleteConfigMap(call.handle(), name);
        }
        core.closeConfigMaps(name);
    }

    /** Idempotent, callable from any thread, bounded in time. */
    @Override
    public void close() {
        try {
            core.close();
        } catch (NativeException e) {
            LOG.warn("{} did not close properly.", core, e);
        }
        net.clean();
    }
}
