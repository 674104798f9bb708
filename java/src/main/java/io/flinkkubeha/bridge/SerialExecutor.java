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

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

import static org.apache.flink.util.Preconditions.checkNotNull;

/** Runs tasks one after the other, in order, on threads of another executor and under no lock. */
final class SerialExecutor implements Executor {

    private static final Logger LOG = LoggerFactory.getLogger(SerialExecutor.class);

    private final Object lock = new Object();
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private final Executor threads;

    private boolean draining;

    SerialExecutor(Executor threads) {
        this.threads = checkNotNull(threads);
    }

    @Override
    public void execute(Runnable task) {
        checkNotNull(task);
        synchronized (lock) {
            tasks.add(task);
            if (draining) {
                return;
            }
            draining = true;
        }
        try {
            threads.execute(this::drain);
        } catch (RejectedExecutionException e) {
            LOG.debug("Dropped a callback because the session is closed.");
        }
    }

    /** Number of tasks that have not begun. */
    int waiting() {
        synchronized (lock) {
            return tasks.size();
        }
    }

    private void drain() {
        while (true) {
            final Runnable task;
            synchronized (lock) {
                task = tasks.poll();
                if (task == null) {
                    draining = false;
                    return;
                }
            }
            try {
                task.run();
            } catch (Throwable t) {
                LOG.error("A callback failed; the ones after it still run.", t);
            }
        }
    }
}
