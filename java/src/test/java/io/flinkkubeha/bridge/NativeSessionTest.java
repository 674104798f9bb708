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

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import javax.annotation.Nullable;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link NativeSession} without an API server. */
@Tag("native")
@Timeout(120)
class NativeSessionTest {

    @TempDir private Path directory;

    @BeforeAll
    static void load() {
        TestingNativeLibrary.load();
    }

    @Test
    void clientGivesUpOnAnApiServerThatCannotBeReached() throws Exception {
        try (NativeSession session = open()) {
            assertThatThrownBy(() -> session.awaitReady(Duration.ofMillis(300)))
                    .isInstanceOfSatisfying(
                            NativeException.class,
                            e -> assertThat(e.code()).isEqualTo(ErrorCode.TIMED_OUT));
        }
    }

    @Test
    void waitingEndsWithTheSession() throws Exception {
        final NativeSession session = open();
        final CompletableFuture<Throwable> ended = new CompletableFuture<>();
        final Thread waiting =
                new Thread(
                        () -> {
                            try {
                                session.awaitReady(null);
                                ended.complete(null);
                            } catch (Throwable t) {
                                ended.complete(t);
                            }
                        });
        waiting.start();

        session.close();
        session.close();

        assertThat(ended.get())
                .isInstanceOfSatisfying(
                        NativeException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.CLOSED));
        waiting.join();
    }

    @Test
    void waitingForEverCanBeInterrupted() throws Exception {
        try (NativeSession session = open()) {
            Thread.currentThread().interrupt();

            assertThatThrownBy(() -> session.awaitReady(null))
                    .isInstanceOf(InterruptedException.class);
        }
    }

    @Test
    void closedSessionRefusesEverythingAndLeadsNothing() throws Exception {
        final NativeSession session = open();
        session.close();

        assertThat(session.hasLeadership(1)).isFalse();
        assertThatThrownBy(session::metrics).isInstanceOf(NativeException.class);
        assertThatThrownBy(session::blackBox).isInstanceOf(NativeException.class);
        assertThatThrownBy(() -> session.open("x", false))
                .isInstanceOfSatisfying(
                        NativeException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.CLOSED));
        assertThatThrownBy(() -> session.start(new SilentListener()))
                .isInstanceOf(NativeException.class);
        session.stop();
    }

    @Test
    void figuresAreThereBeforeAnythingAnswered() throws Exception {
        try (NativeSession session = open()) {
            session.start(new SilentListener());
            assertThat(session.metrics())
                    .contains("\nflink_kube_ha_is_leader 0\n")
                    .contains("\nflink_kube_ha_leadership_losses_total{cause=\"stolen\"} 0\n");
            assertThat(session.blackBox()).doesNotContain("leadership granted");
        }
    }

    @Test
    void electionCanBeStoppedBeforeAnythingAnswered() throws Exception {
        try (NativeSession session = open()) {
            session.start(new SilentListener());
            session.watch(
                            "dispatcher",
                            new LeaderWatches.Listener() {
                                @Override
                                public void onLeader(@Nullable String value) {}

                                @Override
                                public void onFailure(Exception failure) {}
                            })
                    .close();
            session.stop();
            session.start(new SilentListener());
        }
    }

    @Test
    void storesOpenedWithoutAGrantWriteNothing() throws Exception {
        try (NativeSession session = open();
                ConfigMapAccess configMap = session.open("c-cluster-config-map", false)) {
            assertThatThrownBy(configMap::nextCounter)
                    .isInstanceOfSatisfying(
                            NativeException.class,
                            e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_LEADER));
        }
    }

    @Test
    void openingAndClosingLeavesNothing() throws Exception {
        openAndClose(20);
        final long files = NativeBoundaryTest.openFiles();
        final long threads = threads();
        openAndClose(1_000);

        assertThat(NativeBoundaryTest.openFiles()).isLessThanOrEqualTo(files + 10);
        assertThat(threads()).isLessThanOrEqualTo(threads + 10);
    }

    @Test
    void jvmExitsByItself() throws Exception {
        final String output =
                TestingJvm.run(
                        directory,
                        TestingNativeLibrary.options(),
                        LeavesASessionOpen.class,
                        kubeconfig().toString());

        assertThat(output).contains("main ends");
    }

    /** Returns from main with a session open. */
    static final class LeavesASessionOpen {
        public static void main(String[] args) throws Exception {
            NativeLibrary.load();
            final NativeSession session = NativeSession.open(settings(args[0]));
            session.start(new SilentListener());
            System.out.println("main ends");
        }
    }

    private void openAndClose(int times) throws Exception {
        for (int i = 0; i < times; i++) {
            open().close();
        }
    }

    private NativeSession open() throws Exception {
        return NativeSession.open(settings(kubeconfig().toString()));
    }

    private static SessionSettings settings(String kubeconfig) {
        return new SessionSettings()
                .with("cluster-id", "c")
                .with("namespace", "default")
                .with("config-file", kubeconfig)
                .with("user-agent", "test")
                .with("lease-millis", "15000")
                .with("renew-deadline-millis", "15000")
                .with("retry-period-millis", "5000")
                .with("lease-format", "iso")
                .with("labels", "app=c,type=flink-native-kubernetes")
                .with("identity", "0c7a4a8e-1c3e-4a5a-9d7b-7c8f6a3d2b1e")
                .with("role", "unknown");
    }

    /** Of an API server at a port that nobody listens on. */
    private Path kubeconfig() throws Exception {
        final Path file = directory.resolve("kubeconfig");
        if (!Files.exists(file)) {
            Files.writeString(
                    file,
                    String.join(
                            "\n",
                            "apiVersion: v1",
                            "kind: Config",
                            "current-context: c",
                            "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]",
                            "users: [{name: c, user: {token: t}}]",
                            "contexts: [{name: c, context: {cluster: c, user: c}}]",
                            ""));
        }
        return file;
    }

    private static long threads() {
        return new File("/proc/self/task").list().length;
    }

    private static final class SilentListener implements Election.Listener {
        @Override
        public void onGrant(long grant) {}

        @Override
        public void onRevoke(long grant, String cause) {}

        @Override
        public void onFailure(Exception failure) {}
    }
}
