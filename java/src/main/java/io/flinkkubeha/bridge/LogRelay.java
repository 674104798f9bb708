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

import java.util.Locale;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;

/** Hands log records of the native library to SLF4J without holding up the events behind them. */
final class LogRelay {

    private static final Logger LOG = LoggerFactory.getLogger(LogRelay.class);

    /** Logger of all native records, whose targets are names of loggers below it. */
    private static final String ROOT = "io.flinkkubeha.native";

    /** An appender that stands still costs this many records of memory, not more. */
    private static final int MAX_WAITING = 1_000;

    private final SerialExecutor queue;
    private final AtomicLong dropped = new AtomicLong();

    LogRelay(Executor threads) {
        this.queue = new SerialExecutor(threads);
    }

    /** The most verbose level that the loggers of the library let through. */
    static String enabledLevel() {
        final Logger root = LoggerFactory.getLogger(ROOT);
        if (root.isTraceEnabled()) {
            return "trace";
        } else if (root.isDebugEnabled()) {
            return "debug";
        } else if (root.isInfoEnabled()) {
            return "info";
        } else if (root.isWarnEnabled()) {
            return "warn";
        }
        return root.isErrorEnabled() ? "error" : "off";
    }

    void accept(String level, String target, String message) {
        if (queue.waiting() >= MAX_WAITING) {
            dropped.incrementAndGet();
            return;
        }
        final long missing = dropped.getAndSet(0);
        queue.execute(
                () -> {
                    if (missing > 0) {
                        LOG.warn("{} log records of the native library were dropped.", missing);
                    }
                    log(LoggerFactory.getLogger(target), level, message);
                });
    }

    private static void log(Logger logger, String level, String message) {
        switch (level.toLowerCase(Locale.ROOT)) {
            case "error":
                logger.error(message);
                break;
            case "warn":
                logger.warn(message);
                break;
            case "info":
                logger.info(message);
                break;
            case "debug":
                logger.debug(message);
                break;
            default:
                logger.trace(message);
        }
    }
}
