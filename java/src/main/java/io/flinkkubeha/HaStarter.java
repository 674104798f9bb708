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

package io.flinkkubeha;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.highavailability.ClientHighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;

import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.bridge.NativeLibrary;
import io.flinkkubeha.bridge.NativeLibraryException;
import io.flinkkubeha.bridge.NativeSession;
import io.flinkkubeha.config.HaConfiguration;
import io.flinkkubeha.config.JarVersion;
import io.flinkkubeha.config.ProcessRole;
import io.flinkkubeha.config.StorageConfiguration;
import io.flinkkubeha.line.LineAdapter;
import io.flinkkubeha.line.LineAdapters;
import io.flinkkubeha.metrics.HaMetrics;
import io.flinkkubeha.metrics.MetricsSettings;
import io.flinkkubeha.storage.HaStorages;
import io.flinkkubeha.storage.StorageSelector;
import io.flinkkubeha.store.ErrorMapping;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;

import java.io.IOException;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executor;

/** Starts HA services, and checks what can be checked before anything is written. */
public final class HaStarter {

    private static final Logger LOG = LoggerFactory.getLogger(HaStarter.class);

    private HaStarter() {}

    /** Services of a JobManager or a TaskManager. Waits for the API server, however long. */
    public static HighAvailabilityServices start(Configuration configuration, Executor ioExecutor)
            throws Exception {
        requireSingleJar();
        final String flinkVersion = LineAdapters.flinkVersion();
        final LineAdapter adapter = LineAdapters.of(flinkVersion);
        final ProcessRole role = ProcessRole.ofCaller();
        final String identity = UUID.randomUUID().toString();
        final HaConfiguration settings = HaConfiguration.of(configuration);
        final StorageConfiguration storage = StorageConfiguration.of(configuration);
        final MetricsSettings metricsSettings = MetricsSettings.of(configuration);
        NativeLibrary.load();

        final NativeSession session =
                openSession(settings, role, identity, adapter.leaseFormat(), adapter.labels());
        HaStorages storages = null;
        HaMetrics metrics = null;
        try {
            storages = StorageSelector.select(storage);
            if (role.isCandidate()) {
                StorageSelector.requireWritable(storage, storages);
                StorageSelector.startMirror(storage, storages, session);
            }
            LOG.info(
                    "flink-kube-ha {} serves high availability for Flink {} as {}: cluster-id {}, namespace {}, "
                            + "storage {} served by {}, {}, identity {}.",
                    NativeLibrary.version(),
                    flinkVersion,
                    role.settingValue(),
                    settings.clusterId(),
                    settings.namespace(),
                    storage.clusterRoot(),
                    storages.description(),
                    settings.describeLease(),
                    identity);
            metrics =
                    HaMetrics.open(
                            metricsSettings,
                            settings.clusterId(),
                            identity,
                            new ServicesMetrics(session, storages));
            session.awaitReady(null);
            return adapter.createServices(
                    new HaRuntime(
                            new ConfigMapNames(settings.clusterId()),
                            session,
                            storage,
                            storages,
                            metrics),
                    configuration,
                    ioExecutor);
        } catch (NativeException e) {
            close(session, storages, metrics);
            throw ErrorMapping.ofStart(e);
        } catch (Throwable t) {
            close(session, storages, metrics);
            throw t;
        }
    }

    private static void close(
            NativeSession session, @Nullable HaStorages storages, @Nullable HaMetrics metrics)
            throws IOException {
        if (metrics != null) {
            metrics.close();
        }
        session.close();
        if (storages != null) {
            storages.close();
        }
    }

    /** Services of a client, which only asks where the REST endpoint is. */
    public static ClientHighAvailabilityServices startClient(Configuration configuration)
            throws Exception {
        requireSingleJar();
        try {
            NativeLibrary.load();
        } catch (NativeLibraryException e) {
            if (!e.isPlatformUnfit()) {
                throw e;
            }
            return StockClientServices.create(configuration, e);
        }
        final HaConfiguration settings = HaConfiguration.of(configuration);
        // A client writes nothing, so neither lease format nor labels matter.
        final NativeSession session =
                openSession(
                        settings, ProcessRole.CLIENT, UUID.randomUUID().toString(), "iso", Map.of());
        try {
            session.awaitReady(settings.clientTimeout());
        } catch (NativeException e) {
            session.close();
            throw e.code() == ErrorCode.TIMED_OUT
                    ? ErrorMapping.ofClientTimeout(settings.clientTimeout(), e)
                    : ErrorMapping.ofStart(e);
        } catch (Throwable t) {
            session.close();
            throw t;
        }
        return new NativeClientServices(new ConfigMapNames(settings.clusterId()), session);
    }

    private static void requireSingleJar() throws IOException {
        JarVersion.requireSingleJar(HaStarter.class.getClassLoader());
    }

    private static NativeSession openSession(
            HaConfiguration settings,
            ProcessRole role,
            String identity,
            String leaseFormat,
            Map<String, String> labels)
            throws Exception {
        try {
            return NativeSession.open(
                    settings.sessionSettings(role, identity, leaseFormat, labels));
        } catch (NativeException e) {
            throw ErrorMapping.ofStart(e);
        }
    }
}
