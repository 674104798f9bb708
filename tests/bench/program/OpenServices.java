package io.flinkkubeha.tests.bench;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadPoolExecutor;

/** HA services with the executor that a process gives them. */
final class OpenServices implements AutoCloseable {

    private final HighAvailabilityServices services;
    private final ExecutorService ioExecutor;

    private OpenServices(HighAvailabilityServices services, ExecutorService ioExecutor) {
        this.services = services;
        this.ioExecutor = ioExecutor;
    }

    static OpenServices open(Configuration configuration) throws Exception {
        return open(configuration, Executors.newFixedThreadPool(4));
    }

    /** An executor as a process has it anyway, with its threads. */
    static ExecutorService startedExecutor() {
        final ThreadPoolExecutor executor = (ThreadPoolExecutor) Executors.newFixedThreadPool(4);
        executor.prestartAllCoreThreads();
        return executor;
    }

    static OpenServices open(Configuration configuration, ExecutorService ioExecutor)
            throws Exception {
        return new OpenServices(
                HighAvailabilityServicesUtils.createAvailableOrEmbeddedServices(
                        configuration, ioExecutor, Throwable::printStackTrace),
                ioExecutor);
    }

    HighAvailabilityServices services() {
        return services;
    }

    @Override
    public void close() throws Exception {
        services.close();
        ioExecutor.shutdownNow();
    }
}
