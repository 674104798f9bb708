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

import org.apache.flink.configuration.ConfigOption;

import java.time.Duration;

import static org.apache.flink.configuration.ConfigOptions.key;

/**
 * The options that high availability reads, under Flink's own keys and with Flink's own defaults.
 *
 * <p>They are declared again because their classes differ between Flink lines or belong to
 * flink-kubernetes.
 */
public final class HaOptions {

    static final ConfigOption<String> CLUSTER_ID =
            key("kubernetes.cluster-id")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Name of the Flink cluster; prefix of its ConfigMaps.");

    static final ConfigOption<String> NAMESPACE =
            key("kubernetes.namespace")
                    .stringType()
                    .defaultValue("default")
                    .withDescription("Namespace of the ConfigMaps.");

    static final ConfigOption<String> CONFIG_FILE =
            key("kubernetes.config.file")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("The kubeconfig to use in place of the usual places.");

    static final ConfigOption<String> CONTEXT =
            key("kubernetes.context")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Context of the kubeconfig.");

    static final ConfigOption<String> USER_AGENT =
            key("kubernetes.client.user-agent")
                    .stringType()
                    .defaultValue("flink")
                    .withDescription("User-Agent of the requests to the API server.");

    static final ConfigOption<Duration> LEASE_DURATION =
            key("high-availability.kubernetes.leader-election.lease-duration")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(15))
                    .withDescription("How long a lease holds after its last renewal.");

    static final ConfigOption<Duration> RENEW_DEADLINE =
            key("high-availability.kubernetes.leader-election.renew-deadline")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(15))
                    .withDescription("How long a leader may go without a renewal.");

    static final ConfigOption<Duration> RETRY_PERIOD =
            key("high-availability.kubernetes.leader-election.retry-period")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(5))
                    .withDescription("Pause between two renewals.");

    public static final ConfigOption<String> STORAGE_DIR =
            key("high-availability.storageDir")
                    .stringType()
                    .noDefaultValue()
                    .withDeprecatedKeys(
                            "high-availability.zookeeper.storageDir",
                            "recovery.zookeeper.storageDir")
                    .withDescription("Where the data behind the pointers lies.");

    static final ConfigOption<String> STORAGE_CLUSTER_ID =
            key("high-availability.cluster-id")
                    .stringType()
                    .defaultValue("/default")
                    .withDeprecatedKeys(
                            "high-availability.zookeeper.path.namespace",
                            "recovery.zookeeper.path.namespace")
                    .withDescription("Directory of this cluster below the storage directory.");

    static final ConfigOption<String> JOB_RESULT_PATH =
            key("job-result-store.storage-path")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Where job results lie, if not in the storage directory.");

    static final ConfigOption<Boolean> JOB_RESULT_DELETE_ON_COMMIT =
            key("job-result-store.delete-on-commit")
                    .booleanType()
                    .defaultValue(true)
                    .withDescription("Whether a job result is deleted when its job is cleaned up.");

    static final ConfigOption<String> APPLICATION_RESULT_PATH =
            key("application-result-store.storage-path")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "Where application results lie, if not in the storage directory.");

    static final ConfigOption<Boolean> APPLICATION_RESULT_DELETE_ON_COMMIT =
            key("application-result-store.delete-on-commit")
                    .booleanType()
                    .defaultValue(true)
                    .withDescription(
                            "Whether an application result is deleted when its application is cleaned up.");

    static final ConfigOption<Duration> CLIENT_TIMEOUT =
            key("client.timeout")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(60))
                    .withDescription("How long a command-line client waits.");

    public static final ConfigOption<StorageMode> STORAGE_MODE =
            key("high-availability.native.storage")
                    .enumType(StorageMode.class)
                    .defaultValue(StorageMode.AUTO)
                    .withDescription(
                            "Whether the storage directory is served natively or through Flink's FileSystem.");

    public static final ConfigOption<Boolean> MIRROR =
            key("high-availability.native.mirror")
                    .booleanType()
                    .defaultValue(true)
                    .withDescription(
                            "Whether what the ConfigMaps point to is kept a second time in the storage directory, where that is served natively.");

    static final ConfigOption<Duration> OUTAGE_HOLD =
            key("high-availability.native.outage-hold")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(30))
                    .withDescription(
                            "How long a leader that knows of no other contender goes on while the API server cannot be used; 0 switches it off.");

    static final ConfigOption<Duration> JVM_STALL_TIMEOUT =
            key("high-availability.native.jvm-stall-timeout")
                    .durationType()
                    .defaultValue(Duration.ofSeconds(60))
                    .withDescription(
                            "How long this JVM may stand still before its process leads no more.");

    static final ConfigOption<Boolean> FAST_FAILOVER =
            key("high-availability.native.fast-failover")
                    .booleanType()
                    .defaultValue(false)
                    .withDescription(
                            "Whether JobManagers watch the leader's process over an idle connection, and take over when it has ended.");

    static final ConfigOption<Integer> FAST_FAILOVER_PORT =
            key("high-availability.native.fast-failover-port")
                    .intType()
                    .defaultValue(0)
                    .withDescription(
                            "The port that a JobManager listens on for fast failover; 0 for any free one.");

    static final ConfigOption<String> FAST_FAILOVER_HOST =
            key("high-availability.native.fast-failover-host")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "The host under which other JobManagers reach that port, if not jobmanager.rpc.address.");

    public static final ConfigOption<String> METRICS_PORT =
            key("high-availability.native.metrics.port")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "The port that serves metrics to Prometheus at /metrics: one, a range to try, or 0 for any free one. Without it nothing is served.");

    public static final ConfigOption<String> METRICS_BIND_HOST =
            key("high-availability.native.metrics.bind-host")
                    .stringType()
                    .defaultValue("0.0.0.0")
                    .withDescription("The address that this port is opened on; by default all.");

    private HaOptions() {}
}
