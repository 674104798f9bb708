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

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;

import io.flinkkubeha.TestingLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import javax.management.MBeanServer;
import javax.management.ObjectName;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link HaMetrics}. */
@Timeout(60)
class HaMetricsTest {

    private static final String PORT = "high-availability.native.metrics.port";
    private static final String BIND_HOST = "high-availability.native.metrics.bind-host";
    private static final MBeanServer SERVER = ManagementFactory.getPlatformMBeanServer();

    private final TestingMetricsSource source = new TestingMetricsSource();

    @Test
    void mBeanShowsWhatIsCountedUntilItIsClosed() throws Exception {
        final HaMetrics metrics = open("one");
        final ObjectName name = metrics.name();

        assertThat(name.toString())
                .isEqualTo(
                        "io.flinkkubeha:type=HighAvailability,cluster=\"a,=b\",identity=\"one\"");
        assertThat(SERVER.getAttribute(name, "Leader")).isEqualTo(true);
        assertThat(SERVER.getAttribute(name, "LeaseRemainingSeconds")).isEqualTo(7.25);
        assertThat(SERVER.getAttribute(name, "Grants")).isEqualTo(3L);
        assertThat(SERVER.getAttribute(name, "Losses")).isEqualTo(2L);
        assertThat(SERVER.getAttribute(name, "BlackBox")).isEqualTo("an event\n");
        assertThat(SERVER.getAttribute(name, "MetricsText")).isEqualTo(TestingMetricsSource.TEXT);
        assertThat(metrics.endpoint()).isNull();

        metrics.close();
        metrics.close();
        assertThat(SERVER.isRegistered(name)).isFalse();
    }

    @Test
    void twoInstancesStandSideBySide() throws Exception {
        final HaMetrics one = open("one");
        try (HaMetrics two = open("two")) {
            final Set<ObjectName> names =
                    SERVER.queryNames(new ObjectName("io.flinkkubeha:*"), null);
            assertThat(names).contains(one.name(), two.name());
            one.close();
            assertThat(SERVER.isRegistered(two.name())).isTrue();
        }
    }

    @Test
    void mBeanIsRegisteredLaterAndNeverAfterTheEnd() throws Exception {
        final List<Runnable> waiting = new ArrayList<>();
        final HaMetrics open = open("open", waiting::add);
        final HaMetrics closed = open("closed", waiting::add);
        closed.close();
        assertThat(open.name()).isNull();

        waiting.forEach(Runnable::run);

        assertThat(SERVER.isRegistered(open.name())).isTrue();
        assertThat(closed.name()).isNull();
        open.close();
    }

    @Test
    void executorThatTakesNothingMoreDoesNotMatter() {
        final Executor full =
                task -> {
                    throw new RejectedExecutionException("full");
                };
        try (HaMetrics metrics = open("one", full)) {
            assertThat(SERVER.isRegistered(metrics.name())).isTrue();
        }
    }

    @Test
    void samplesAreReadByNameAndLabels() {
        assertThat(HighAvailabilityMBean.samples(TestingMetricsSource.TEXT))
                .containsEntry("flink_kube_ha_is_leader", 1.0)
                .containsEntry("flink_kube_ha_info{version=\"a b\"}", 1.0)
                .hasSize(6);
    }

    @Test
    void endpointServesTheTextFormatUntilItIsClosed() throws Exception {
        final HaMetrics metrics = open("one", PORT, "0", BIND_HOST, "127.0.0.1");
        final int port = metrics.endpoint().port();

        final HttpURLConnection answer = get(port, "/metrics");
        assertThat(answer.getResponseCode()).isEqualTo(200);
        assertThat(answer.getHeaderField("Content-Type"))
                .isEqualTo("text/plain; version=0.0.4; charset=utf-8");
        assertThat(body(answer)).isEqualTo(TestingMetricsSource.TEXT);
        assertThat(body(get(port, "/history"))).isEqualTo("an event\n");
        assertThat(get(port, "/metrics/more").getResponseCode()).isEqualTo(404);
        assertThat(get(port, "/").getResponseCode()).isEqualTo(404);
        final HttpURLConnection post = get(port, "/metrics");
        post.setRequestMethod("POST");
        assertThat(post.getResponseCode()).isEqualTo(405);
        source.close();
        assertThat(get(port, "/metrics").getResponseCode()).isEqualTo(503);

        metrics.close();
        assertThatThrownBy(() -> get(port, "/metrics").getResponseCode())
                .isInstanceOf(IOException.class);
    }

    @Test
    void clientsThatSayNothingOrNonsenseHoldNobodyUp() throws Exception {
        try (HaMetrics metrics = open("one", PORT, "0", BIND_HOST, "127.0.0.1")) {
            final int port = metrics.endpoint().port();
            try (Socket silent = new Socket("127.0.0.1", port);
                    Socket other = new Socket("127.0.0.1", port)) {
                other.getOutputStream().write("\n\n".getBytes(StandardCharsets.UTF_8));
                assertThat(new String(other.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                        .startsWith("HTTP/1.1 405 ");
                assertThat(get(port, "/metrics?from=there").getResponseCode()).isEqualTo(200);
                assertThat(silent.isConnected()).isTrue();
            }
        }
    }

    @Test
    void itsThreadsDoNotKeepTheJvmAlive() throws Exception {
        try (HaMetrics metrics = open("one", PORT, "0")) {
            get(metrics.endpoint().port(), "/metrics").getResponseCode();
            assertThat(Thread.getAllStackTraces().keySet())
                    .filteredOn(thread -> thread.getName().startsWith("flink-kube-ha-metrics"))
                    .isNotEmpty()
                    .allMatch(Thread::isDaemon);
        }
    }

    @Test
    void portInUseStopsNothing() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
                TestingLog log = new TestingLog(MetricsEndpoint.class);
                HaMetrics metrics =
                        open("one", PORT, "" + taken.getLocalPort(), BIND_HOST, "127.0.0.1")) {
            assertThat(metrics.endpoint()).isNull();
            assertThat(SERVER.isRegistered(metrics.name())).isTrue();
            assertThat(log.lines())
                    .singleElement()
                    .asString()
                    .startsWith("WARN No metrics are served, high availability goes on without: ")
                    .contains(PORT, "'" + taken.getLocalPort() + "'", "127.0.0.1", "or to 0");
        }
    }

    @Test
    void nextPortOfARangeIsTaken() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            final String range = taken.getLocalPort() + ",0";
            try (HaMetrics metrics = open("one", PORT, range, BIND_HOST, "127.0.0.1")) {
                assertThat(get(metrics.endpoint().port(), "/metrics").getResponseCode())
                        .isEqualTo(200);
            }
        }
    }

    @Test
    void wrongValuesAreRefusedWithKeyValueAndRemedy() {
        for (String wrong : new String[] {"http", "70000", "9250-", "-1", ""}) {
            assertThatThrownBy(() -> settings(PORT, wrong))
                    .isInstanceOf(IllegalConfigurationException.class)
                    .hasMessageContaining(PORT + ": the value '" + wrong + "' is no port")
                    .hasMessageContaining("'9250-9260'");
        }
        assertThatThrownBy(() -> settings(PORT, "0", BIND_HOST, " "))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageContaining(BIND_HOST + ": the value is empty");
        assertThat(settings().isServed()).isFalse();
    }

    private HaMetrics open(String identity, Executor executor) {
        return HaMetrics.open(settings(), "a,=b", identity, source, executor);
    }

    private HaMetrics open(String identity, String... settings) {
        return HaMetrics.open(settings(settings), "a,=b", identity, source, Runnable::run);
    }

    private static MetricsSettings settings(String... settings) {
        final Configuration configuration = new Configuration();
        for (int i = 0; i < settings.length; i += 2) {
            configuration.setString(settings[i], settings[i + 1]);
        }
        return MetricsSettings.of(configuration);
    }

    private static HttpURLConnection get(int port, String path) throws IOException {
        return (HttpURLConnection) new URL("http://127.0.0.1:" + port + path).openConnection();
    }

    private static String body(HttpURLConnection answer) throws IOException {
        try (InputStream in = answer.getInputStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
