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

package io.flinkkubeha.config;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;

import io.flinkkubeha.bridge.SessionSettings;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.Map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link HaConfiguration}. */
class HaConfigurationTest {

    @Test
    void defaultsAreThoseOfFlink() {
        final HaConfiguration settings =
                HaConfiguration.of(configuration("kubernetes.cluster-id", "my-cluster"));

        assertThat(settings.clusterId()).isEqualTo("my-cluster");
        assertThat(settings.namespace()).isEqualTo("default");
        assertThat(settings.clientTimeout()).isEqualTo(Duration.ofSeconds(60));
        assertThat(settings.describeLease())
                .isEqualTo("lease 15000 ms, renew deadline 15000 ms, retry period 5000 ms");
    }

    @Test
    void aLongLeaseAloneOutlastsTheDefaultOfAPause() {
        final String lease = "high-availability.kubernetes.leader-election.lease-duration";
        final String pause = "high-availability.native.jvm-stall-timeout";

        assertThat(stallTimeout(lease, "15 s")).isEqualTo("60000");
        assertThat(stallTimeout(lease, "2 min")).isEqualTo("120000");
        // What is set is what native code gets to judge.
        assertThat(stallTimeout(lease, "2 min", pause, "60 s")).isEqualTo("60000");
    }

    private static String stallTimeout(String... settings) {
        return HaConfiguration.of(configuration(settings))
                .sessionSettings(ProcessRole.JOBMANAGER, "id", "iso", Map.of())
                .get("jvm-stall-timeout-millis");
    }

    @Test
    void sessionSettingsCarryEverythingThatNativeCodeChecks() {
        final SessionSettings session =
                HaConfiguration.of(
                                configuration(
                                        "kubernetes.cluster-id", "my-cluster",
                                        "kubernetes.namespace", "flink",
                                        "kubernetes.config.file", "/etc/kubeconfig",
                                        "kubernetes.context", "prod",
                                        "kubernetes.client.user-agent", "agent",
                                        "high-availability.kubernetes.leader-election.lease-duration",
                                                "20 s",
                                        "high-availability.kubernetes.leader-election.renew-deadline",
                                                "12 s",
                                        "high-availability.kubernetes.leader-election.retry-period",
                                                "1500 ms",
                                        "high-availability.native.jvm-stall-timeout", "2 min",
                                        "high-availability.native.outage-hold", "5 min"))
                        .sessionSettings(
                                ProcessRole.JOBMANAGER,
                                "id",
                                "iso",
                                Map.of("type", "flink-native-kubernetes"));

        assertThat(session.get("cluster-id")).isEqualTo("my-cluster");
        assertThat(session.get("namespace")).isEqualTo("flink");
        assertThat(session.get("config-file")).isEqualTo("/etc/kubeconfig");
        assertThat(session.get("context")).isEqualTo("prod");
        assertThat(session.get("user-agent")).isEqualTo("agent");
        assertThat(session.get("lease-millis")).isEqualTo("20000");
        assertThat(session.get("renew-deadline-millis")).isEqualTo("12000");
        assertThat(session.get("retry-period-millis")).isEqualTo("1500");
        assertThat(session.get("jvm-stall-timeout-millis")).isEqualTo("120000");
        assertThat(session.get("outage-hold-millis")).isEqualTo("300000");
        assertThat(session.get("outage-hold-explicit")).isEqualTo("true");
        assertThat(session.get("lease-format")).isEqualTo("iso");
        assertThat(session.get("labels"))
                .isEqualTo("app=my-cluster,type=flink-native-kubernetes");
        assertThat(session.get("identity")).isEqualTo("id");
        assertThat(session.get("role")).isEqualTo("jobmanager");
        assertThat(session.get("system-property.user.home"))
                .isEqualTo(System.getProperty("user.home"));
    }

    @Test
    void fastFailoverIsOffUnlessItWasAskedForAndOnlyForCandidates() {
        final String[] asked = {
            "kubernetes.cluster-id", "my-cluster",
            "high-availability.native.fast-failover", "true",
            "high-availability.native.fast-failover-port", "6124",
            "jobmanager.rpc.address", "fd00::7",
            "jobmanager.bind-host", "::"
        };
        final SessionSettings session =
                HaConfiguration.of(configuration(asked))
                        .sessionSettings(ProcessRole.JOBMANAGER, "id", "iso", Map.of());
        assertThat(session.get("fast-failover-host")).isEqualTo("fd00::7");
        assertThat(session.get("fast-failover-bind-host")).isEqualTo("::");
        assertThat(session.get("fast-failover-port")).isEqualTo("6124");

        assertThat(
                        HaConfiguration.of(configuration(asked))
                                .sessionSettings(ProcessRole.TASKMANAGER, "id", "iso", Map.of())
                                .get("fast-failover-host"))
                .isNull();
        assertThat(
                        HaConfiguration.of(
                                        configuration(
                                                "kubernetes.cluster-id", "my-cluster",
                                                "jobmanager.rpc.address", "fd00::7"))
                                .sessionSettings(ProcessRole.JOBMANAGER, "id", "iso", Map.of())
                                .get("fast-failover-host"))
                .isNull();
    }

    @Test
    void fastFailoverNeedsAHostAndAPort() {
        assertThatThrownBy(
                        () ->
                                HaConfiguration.of(
                                        configuration(
                                                "high-availability.native.fast-failover", "true")))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessage(
                        "high-availability.native.fast-failover: no host is known under which other JobManagers reach this one, set high-availability.native.fast-failover-host to it.");
        assertThatThrownBy(
                        () ->
                                HaConfiguration.of(
                                        configuration(
                                                "high-availability.native.fast-failover-port",
                                                "70000")))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessage(
                        "high-availability.native.fast-failover-port: the value '70000' is no port, set it to a number from 1 to 65535, or to 0 for any free one.");
    }

    @Test
    void missingClusterIdIsLeftToTheNativeCheck() {
        final SessionSettings session =
                HaConfiguration.of(new Configuration())
                        .sessionSettings(ProcessRole.CLIENT, "id", "iso", Map.of());

        assertThat(session.get("cluster-id")).isNull();
        assertThat(session.get("labels")).isNull();
        assertThat(session.get("outage-hold-millis")).isEqualTo("30000");
        assertThat(session.get("outage-hold-explicit")).isEqualTo("false");
    }

    @Test
    void emptyNamespaceIsRefused() {
        assertThatThrownBy(() -> HaConfiguration.of(configuration("kubernetes.namespace", " ")))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessage(
                        "kubernetes.namespace: the value is empty, set it to the namespace of the cluster or leave it out to use 'default'.");
    }

    @Test
    void durationThatCannotBeReadIsRefusedWithKeyValueAndRemedy() {
        assertThatThrownBy(
                        () ->
                                HaConfiguration.of(
                                        configuration(
                                                "high-availability.kubernetes.leader-election.lease-duration",
                                                "soon")))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageStartingWith(
                        "high-availability.kubernetes.leader-election.lease-duration: the value 'soon' cannot be read (")
                .hasMessageEndingWith("), set it to something like '15 s'.");
    }

    @Test
    void storageModeThatDoesNotExistIsRefused() {
        assertThatThrownBy(
                        () ->
                                StorageConfiguration.of(
                                        configuration(
                                                "high-availability.storageDir", "file:///ha",
                                                "high-availability.native.storage", "perhaps")))
                .isInstanceOf(IllegalConfigurationException.class)
                .hasMessageStartingWith(
                        "high-availability.native.storage: the value 'perhaps' cannot be read (")
                .hasMessageEndingWith("), set it to something like 'auto'.");
    }

    static Configuration configuration(String... keysAndValues) {
        final Configuration configuration = new Configuration();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            configuration.setString(keysAndValues[i], keysAndValues[i + 1]);
        }
        return configuration;
    }
}
