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

package io.flinkkubeha.metrics;

import org.apache.flink.util.concurrent.ExecutorThreadFactory;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.ref.WeakReference;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * {@code GET /metrics} for Prometheus.
 *
 * <p>Served by the JDK's own server and not by native code: the threads that renew the lease then
 * have nothing to do with whoever scrapes, however often and however badly, and no HTTP server has
 * to be linked in. What is given up is an answer while the JVM stands still, which Prometheus sees
 * as a scrape that failed.
 */
final class MetricsEndpoint implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(MetricsEndpoint.class);

    private static final String PATH = "/metrics";
    private static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
    /** A client that does not say its request to the end holds one of them up. */
    private static final int THREADS = 2;

    private final WeakReference<MetricsSource> source;
    private final HttpServer server;
    private final ExecutorService threads;

    private MetricsEndpoint(MetricsSource source, HttpServer server) throws IOException {
        this.source = new WeakReference<>(source);
        this.server = server;
        this.threads =
                Executors.newFixedThreadPool(
                        THREADS, new ExecutorThreadFactory("flink-kube-ha-metrics"));
        server.setExecutor(threads);
        server.createContext(PATH, this::answer);
        try {
            // Its own thread is a daemon if the one that starts it is.
            threads.submit(server::start).get();
        } catch (InterruptedException e) {
            close();
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while the server started.", e);
        } catch (ExecutionException e) {
            close();
            throw new IOException("The server did not start.", e);
        }
    }

    /** Listens on the first of these ports that is free; none is no reason to stop anything. */
    @Nullable
    static MetricsEndpoint open(MetricsSettings settings, MetricsSource source) {
        String reason = "the range is empty";
        for (Iterator<Integer> ports = settings.ports(); ports.hasNext(); ) {
            final InetSocketAddress address =
                    new InetSocketAddress(settings.bindHost(), ports.next());
            try {
                final MetricsEndpoint endpoint =
                        new MetricsEndpoint(source, HttpServer.create(address, 0));
                LOG.info(
                        "Metrics are served at http://{}:{}{}.",
                        settings.bindHost(),
                        endpoint.port(),
                        PATH);
                return endpoint;
            } catch (IOException | RuntimeException e) {
                reason = e.toString();
            }
        }
        LOG.warn(
                "No metrics are served, high availability goes on without: {}: '{}' at {} cannot be listened on ({}). "
                        + "Set it to a free port, to a range such as 9250-9260, or to 0.",
                settings.portKey(),
                settings.portRange(),
                settings.bindHost(),
                reason);
        return null;
    }

    int port() {
        return server.getAddress().getPort();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try {
            final String method = exchange.getRequestMethod();
            final boolean head = "HEAD".equals(method);
            if (!head && !"GET".equals(method)) {
                respond(exchange, 405, "Only GET is answered.\n", false);
            } else if (!PATH.equals(exchange.getRequestURI().getPath())) {
                respond(exchange, 404, "There is " + PATH + ".\n", head);
            } else {
                respondWithMetrics(exchange, head);
            }
        } finally {
            exchange.close();
        }
    }

    private void respondWithMetrics(HttpExchange exchange, boolean head) throws IOException {
        final MetricsSource living = source.get();
        String text;
        try {
            text = living == null ? null : living.metrics();
        } catch (Exception e) {
            LOG.debug("There are no metrics.", e);
            text = null;
        }
        if (text == null) {
            respond(exchange, 503, "The HA services are closed.\n", head);
        } else {
            respond(exchange, 200, text, head);
        }
    }

    private static void respond(HttpExchange exchange, int code, String text, boolean head)
            throws IOException {
        final byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", CONTENT_TYPE);
        exchange.sendResponseHeaders(code, head ? -1 : body.length);
        if (!head) {
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
