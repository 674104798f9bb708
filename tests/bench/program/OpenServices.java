package io.flinkkubeha.tests.bench;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** HA services with the executor that a process gives them. */
final class OpenServices implements AutoCloseable {

    private final HighAvailabilityServices services;
    private final ExecutorService ioExecutor;

    private OpenServices(HighAvailabilityServices services, ExecutorService ioExecutor) {
        this.services = services;
        this.ioExecutor = ioExecutor;
    }

    static OpenServices open(Configuration configuration) throws Exception {
        final ExecutorService ioExecutor = Executors.newFixedThreadPool(4);
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
