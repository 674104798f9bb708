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
import org.apache.flink.util.ExceptionUtils;

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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;

/** Starts HA services, and checks what can be checked before anything is written. */
public final class HaStarter {

    private static final Logger LOG = LoggerFactory.getLogger(HaStarter.class);

    private HaStarter() {}

    /** Services of a JobManager or a TaskManager. Waits for the API server, however long. */
    public static HighAvailabilityServices start(Configuration configuration, Executor ioExecutor)
            throws Exception {
        requireSingleJar();
        ahead(ioExecutor, NativeLibrary::loadAhead);
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
            final HaStorages selected = StorageSelector.select(storage);
            storages = selected;
            final FutureTask<Void> probe = probe(storage, selected, role);
            ahead(ioExecutor, probe);
            metrics =
                    HaMetrics.open(
                            metricsSettings,
                            settings.clusterId(),
                            identity,
                            new ServicesMetrics(session, selected),
                            ioExecutor);
            final HighAvailabilityServices services =
                    adapter.createServices(
                            new HaRuntime(
                                    new ConfigMapNames(settings.clusterId()),
                                    session,
                                    storage,
                                    selected,
                                    metrics),
                            configuration,
                            ioExecutor);
            resultOf(probe);
            if (role.isCandidate()) {
                StorageSelector.startMirror(storage, selected, session);
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
                    selected.description(),
                    settings.describeLease(),
                    identity);
            session.awaitReady(null);
            return services;
        } catch (NativeException e) {
            close(session, storages, metrics);
            throw ErrorMapping.ofStart(e);
        } catch (Throwable t) {
            close(session, storages, metrics);
            throw t;
        }
    }

    /** Whether the storage can be used. Who only reads finds that out by reading. */
    private static FutureTask<Void> probe(
            StorageConfiguration storage, HaStorages storages, ProcessRole role) {
        return new FutureTask<>(
                () -> {
                    if (role.isCandidate()) {
                        StorageSelector.requireWritable(storage, storages);
                    }
                    return null;
                });
    }

    /** Has it run while the caller goes on; an executor that does not get to it is no harm. */
    private static void ahead(Executor executor, Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            LOG.debug("Nothing is run ahead.", e);
        }
    }

    /** Runs it here if nobody has begun to. */
    private static void resultOf(FutureTask<Void> task) throws Exception {
        task.run();
        try {
            task.get();
        } catch (ExecutionException e) {
            ExceptionUtils.rethrowException(e.getCause());
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
