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

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.ref.WeakReference;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;

/**
 * {@code GET /metrics} for Prometheus, and {@code GET /history} for people: one request for each
 * connection.
 *
 * <p>Served in Java and not by native code: the threads that renew the lease then have nothing to
 * do with whoever scrapes, however often and however badly, and no HTTP server has to be linked in.
 * What is given up is an answer while the JVM stands still, which Prometheus sees as a scrape that
 * failed. The JDK's own server is in a module of its own, {@code jdk.httpserver}, which Flink does
 * not need and small Java runtimes do not have.
 */
final class MetricsEndpoint implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(MetricsEndpoint.class);

    private static final String PATH = "/metrics";
    /** What {@code flink-ha history} asks for. */
    private static final String HISTORY_PATH = "/history";
    /** A client that does not say its request to the end holds one of them up. */
    private static final int THREADS = 2;

    private static final Duration REQUEST_LIMIT = Duration.ofSeconds(5);
    private static final int MAX_REQUEST_BYTES = 16 * 1024;
    private static final Duration AFTER_FAILURE = Duration.ofMillis(10);

    private final WeakReference<MetricsSource> source;
    private final ServerSocket server;
    private final ExecutorService threads;

    private MetricsEndpoint(MetricsSource source, ServerSocket server) {
        this.source = new WeakReference<>(source);
        this.server = server;
        this.threads =
                Executors.newFixedThreadPool(
                        THREADS, new ExecutorThreadFactory("flink-kube-ha-metrics"));
        for (int i = 0; i < THREADS; i++) {
            threads.execute(this::serve);
        }
    }

    /** Listens on the first of these ports that is free; none is no reason to stop anything. */
    @Nullable
    static MetricsEndpoint open(MetricsSettings settings, MetricsSource source) {
        String reason = "the range is empty";
        for (Iterator<Integer> ports = settings.ports(); ports.hasNext(); ) {
            try {
                final MetricsEndpoint endpoint =
                        new MetricsEndpoint(source, listen(settings.bindHost(), ports.next()));
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

    private static ServerSocket listen(String host, int port) throws IOException {
        final ServerSocket server = new ServerSocket();
        try {
            server.bind(new InetSocketAddress(host, port));
            return server;
        } catch (IOException | RuntimeException e) {
            server.close();
            throw e;
        }
    }

    int port() {
        return server.getLocalPort();
    }

    private void serve() {
        while (!server.isClosed()) {
            try (Socket client = server.accept()) {
                // A connection can still arrive while a thread that waits for one is being woken.
                if (!server.isClosed()) {
                    answer(client);
                }
            } catch (IOException | RuntimeException e) {
                // Of that client alone, or the end of all, or too many open files: then it comes again.
                LOG.debug("A request for metrics was not answered.", e);
                LockSupport.parkNanos(AFTER_FAILURE.toNanos());
            }
        }
    }

    private void answer(Socket client) throws IOException {
        final String[] request = readHead(client).split("\\s", 3);
        final String method = request[0];
        final String path = request.length < 2 ? "" : request[1].split("\\?", 2)[0];
        final boolean head = "HEAD".equals(method);
        if (!head && !"GET".equals(method)) {
            respond(client, "405 Method Not Allowed", "Only GET is answered.\n", false);
        } else if (!PATH.equals(path) && !HISTORY_PATH.equals(path)) {
            final String paths = "There are " + PATH + " and " + HISTORY_PATH + ".\n";
            respond(client, "404 Not Found", paths, head);
        } else {
            final String text = PATH.equals(path) ? metrics() : history();
            if (text == null) {
                respond(client, "503 Service Unavailable", "The HA services are closed.\n", head);
            } else {
                respond(client, "200 OK", text, head);
            }
        }
    }

    @Nullable
    private String metrics() {
        final MetricsSource living = source.get();
        try {
            return living == null ? null : living.metrics();
        } catch (Exception e) {
            LOG.debug("There are no metrics.", e);
            return null;
        }
    }

    @Nullable
    private String history() {
        final MetricsSource living = source.get();
        try {
            return living == null ? null : living.blackBox();
        } catch (Exception e) {
            LOG.debug("There is no history.", e);
            return null;
        }
    }

    /** Everything up to the empty line, within the limits of time and size. */
    private static String readHead(Socket client) throws IOException {
        final long deadline = System.nanoTime() + REQUEST_LIMIT.toNanos();
        final InputStream in = client.getInputStream();
        final ByteArrayOutputStream head = new ByteArrayOutputStream();
        final byte[] part = new byte[1024];
        String text = "";
        while (!text.contains("\r\n\r\n") && !text.contains("\n\n")) {
            final long left = Duration.ofNanos(deadline - System.nanoTime()).toMillis();
            if (left <= 0 || head.size() > MAX_REQUEST_BYTES) {
                throw new SocketTimeoutException("The request is too slow, or too long.");
            }
            client.setSoTimeout((int) left);
            final int read = in.read(part);
            if (read < 0) {
                break;
            }
            head.write(part, 0, read);
            text = head.toString(StandardCharsets.ISO_8859_1);
        }
        return text;
    }

    private static void respond(Socket client, String status, String text, boolean head)
            throws IOException {
        final byte[] body = text.getBytes(StandardCharsets.UTF_8);
        final String lines =
                "HTTP/1.1 "
                        + status
                        + "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: "
                        + body.length
                        + "\r\nConnection: close\r\n\r\n";
        final ByteArrayOutputStream whole = new ByteArrayOutputStream();
        whole.write(lines.getBytes(StandardCharsets.ISO_8859_1));
        if (!head) {
            whole.write(body);
        }
        final OutputStream out = client.getOutputStream();
        whole.writeTo(out);
        out.flush();
        client.shutdownOutput();
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            LOG.debug("The port of the metrics was not closed in order.", e);
        }
        threads.shutdownNow();
    }
}
