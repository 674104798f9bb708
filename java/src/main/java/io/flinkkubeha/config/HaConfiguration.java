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
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;

import io.flinkkubeha.bridge.SessionSettings;

import javax.annotation.Nullable;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * The HA settings of one process, read once.
 *
 * <p>Rules about the cluster-id, the lease and the connection are checked by native code when the
 * session is opened, so that they stand in one place.
 */
public final class HaConfiguration {

    /** From the downward API, for pods whose token is not bound to them. */
    private static final String POD_UID_VARIABLE = "FLINKKUBEHA_POD_UID";

    @Nullable private final String clusterId;
    private final String namespace;
    @Nullable private final String configFile;
    @Nullable private final String context;
    private final String userAgent;
    private final Duration leaseDuration;
    private final Duration renewDeadline;
    private final Duration retryPeriod;
    private final Duration outageHold;
    private final boolean outageHoldExplicit;
    private final Duration jvmStallTimeout;
    private final Duration clientTimeout;
    private final FastFailover fastFailover;

    private HaConfiguration(Configuration configuration) {
        this.clusterId = read(configuration, HaOptions.CLUSTER_ID);
        this.namespace = read(configuration, HaOptions.NAMESPACE);
        this.configFile = read(configuration, HaOptions.CONFIG_FILE);
        this.context = read(configuration, HaOptions.CONTEXT);
        this.userAgent = read(configuration, HaOptions.USER_AGENT);
        this.leaseDuration = read(configuration, HaOptions.LEASE_DURATION);
        this.renewDeadline = read(configuration, HaOptions.RENEW_DEADLINE);
        this.retryPeriod = read(configuration, HaOptions.RETRY_PERIOD);
        this.outageHold = read(configuration, HaOptions.OUTAGE_HOLD);
        this.outageHoldExplicit = configuration.contains(HaOptions.OUTAGE_HOLD);
        final Duration stallTimeout = read(configuration, HaOptions.JVM_STALL_TIMEOUT);
        // A longer lease alone must not be refused for a default that is shorter.
        this.jvmStallTimeout =
                configuration.contains(HaOptions.JVM_STALL_TIMEOUT) || stallTimeout.compareTo(leaseDuration) > 0
                        ? stallTimeout
                        : leaseDuration;
        this.clientTimeout = read(configuration, HaOptions.CLIENT_TIMEOUT);
        this.fastFailover = FastFailover.of(configuration);
        if (namespace.trim().isEmpty()) {
            throw new IllegalConfigurationException(
                    HaOptions.NAMESPACE.key()
                            + ": the value is empty, set it to the namespace of the cluster or leave it out to use 'default'.");
        }
    }

    public static HaConfiguration of(Configuration configuration) {
        return new HaConfiguration(checkNotNull(configuration));
    }

    /** Reads an option; a value that cannot be parsed is refused by key, value and remedy. */
    public static <T> T read(Configuration configuration, ConfigOption<T> option) {
        try {
            return configuration.get(option);
        } catch (IllegalArgumentException e) {
            final Throwable reason = e.getCause() == null ? e : e.getCause();
            throw new IllegalConfigurationException(
                    String.format(
                            "%s: the value '%s' cannot be read (%s), set it to something like '%s'.",
                            option.key(),
                            configuration.toMap().get(option.key()),
                            reason.getMessage(),
                            example(option)),
                    e);
        }
    }

    private static String example(ConfigOption<?> option) {
        final Object value = option.defaultValue();
        if (value instanceof Duration) {
            return ((Duration) value).getSeconds() + " s";
        }
        return String.valueOf(value).toLowerCase(Locale.ROOT);
    }

    public String clusterId() {
        return checkNotNull(clusterId, "The native side refuses to go on without a cluster-id.");
    }

    public String namespace() {
        return namespace;
    }

    public Duration clientTimeout() {
        return clientTimeout;
    }

    /** Lease settings for people. */
    public String describeLease() {
        return String.format(
                "lease %d ms, renew deadline %d ms, retry period %d ms",
                leaseDuration.toMillis(), renewDeadline.toMillis(), retryPeriod.toMillis());
    }

    /**
     * Settings of a native session.
     *
     * @param leaseFormat how the running line's stock writes the lease duration, number or iso
     * @param labels labels of the ConfigMaps besides {@code app}
     */
    public SessionSettings sessionSettings(
            ProcessRole role, String identity, String leaseFormat, Map<String, String> labels) {
        final StringBuilder allLabels = new StringBuilder();
        labels.forEach((key, value) -> allLabels.append(',').append(key).append('=').append(value));
        final SessionSettings settings = new SessionSettings();
        return fastFailover.addTo(settings, role)
                .with("pod-uid", System.getenv(POD_UID_VARIABLE))
                .with("cluster-id", clusterId)
                .with("namespace", namespace)
                .with("config-file", configFile)
                .with("context", context)
                .with("user-agent", userAgent)
                .with("lease-millis", String.valueOf(leaseDuration.toMillis()))
                .with("renew-deadline-millis", String.valueOf(renewDeadline.toMillis()))
                .with("retry-period-millis", String.valueOf(retryPeriod.toMillis()))
                .with("outage-hold-millis", String.valueOf(outageHold.toMillis()))
                .with("outage-hold-explicit", String.valueOf(outageHoldExplicit))
                .with("jvm-stall-timeout-millis", String.valueOf(jvmStallTimeout.toMillis()))
                .with("lease-format", leaseFormat)
                .with("labels", clusterId == null ? null : "app=" + clusterId + allLabels)
                .with("identity", identity)
                .with("role", role.settingValue())
                .withSystemProperties(SystemProperties.relevant(System.getProperties()));
    }
}
