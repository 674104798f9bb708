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

import org.apache.flink.util.concurrent.ExecutorThreadFactory;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** What a session is made of, apart from its owner, so that the owner can become unreachable. */
final class SessionCore {

    private static final Logger LOG = LoggerFactory.getLogger(SessionCore.class);

    private static final Duration TAKE_LIMIT = Duration.ofSeconds(10);
    private static final Duration NATIVE_CLOSE_LIMIT = Duration.ofSeconds(10);
    private static final Duration THREAD_END_LIMIT = Duration.ofSeconds(2);

    private final long value;
    private final NativeHandle handle;
    private final EventDispatcher dispatcher;
    private final String callbackThreadsName;
    private final ExecutorService callbackThreads;
    private final Thread pump;
    private final JvmPulse pulse;
    private final Map<NativeHandle, String> configMaps = new ConcurrentHashMap<>();

    SessionCore(long value, int number) {
        this.callbackThreadsName = "flink-kube-ha-callback-" + number;
        this.callbackThreads =
                Executors.newCachedThreadPool(new ExecutorThreadFactory(callbackThreadsName));
        this.dispatcher = new EventDispatcher(callbackThreads);
        this.pump =
                EventPump.start(
                        "flink-kube-ha-events-" + number,
                        () -> NativeBindings.takeEvent(value, TAKE_LIMIT.toMillis()),
                        dispatcher);
        this.pulse =
                JvmPulse.start(
                        "flink-kube-ha-pulse-" + number, () -> NativeBindings.pulse(value));
        // Closing the session is what ends calls in flight, so it must not wait for them.
        this.handle = new NativeHandle(value, "Session " + number, ignored -> {});
        this.value = value;
    }

    NativeHandle handle() {
        return handle;
    }

    EventDispatcher dispatcher() {
        return dispatcher;
    }

    NativeHandle adoptConfigMap(String name, long value) {
        final NativeHandle configMap =
                new NativeHandle(value, "ConfigMap " + name, NativeBindings::closeConfigMap);
        configMaps.keySet().removeIf(NativeHandle::isClosed);
        configMaps.put(configMap, name);
        return configMap;
    }

    void closeConfigMaps(String name) {
        closeConfigMapsIf(name::equals);
    }

    /** Whether it was this call that closed the session. Bounded in time. */
    boolean close() throws NativeException {
        if (!handle.close()) {
            return false;
        }
        try {
            closeConfigMapsIf(name -> true);
            NativeBindings.closeSession(value, NATIVE_CLOSE_LIMIT.toMillis());
        } finally {
            endThreads();
        }
        return true;
    }

    private void endThreads() {
        try {
            pulse.end(THREAD_END_LIMIT);
            if (Thread.currentThread() != pump) {
                pump.join(THREAD_END_LIMIT.toMillis());
            }
            callbackThreads.shutdownNow();
            if (!isCallbackThread(Thread.currentThread())
                    && !callbackThreads.awaitTermination(
                            THREAD_END_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warn("{} is closed, but a callback into Flink has not returned yet.", this);
            }
        } catch (InterruptedException e) {
            callbackThreads.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }

    private boolean isCallbackThread(Thread thread) {
        return thread.getName().startsWith(callbackThreadsName + "-");
    }

    @Override
    public String toString() {
        return handle.toString();
    }

    private void closeConfigMapsIf(Predicate<String> concerned) {
        configMaps.forEach(
                (configMap, name) -> {
                    if (concerned.test(name)) {
                        configMap.close();
                        configMaps.remove(configMap);
                    }
                });
    }
}
