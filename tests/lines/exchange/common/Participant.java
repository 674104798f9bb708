package io.flinkkubeha.tests.exchange;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;
import org.apache.flink.runtime.util.EnvironmentInformation;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** One instance of HA services with a leader's components and stores on top of it. */
final class Participant {

    private final Configuration configuration;
    private final Path shared;
    private final ExecutorService ioExecutor = Executors.newFixedThreadPool(4);

    private HighAvailabilityServices services;
    private Leaders leaders;
    private List<Exchanged> everything;

    Participant(Configuration configuration, Path shared) {
        this.configuration = configuration;
        this.shared = shared;
    }

    Object take(String step) throws Exception {
        switch (step) {
            case "open":
                return open();
            case "lead":
                return leaders.lead();
            case "retrieve":
                return leaders.retrieve();
            case "write":
                begin();
                return each(Exchanged::write);
            case "read":
                begin();
                return each(Exchanged::read);
            case "finish":
                return each(Exchanged::finish);
            case "suspend":
                return suspend();
            case "clean":
                return clean();
            default:
                throw new IllegalArgumentException("Unknown step " + step);
        }
    }

    private Object open() throws Exception {
        services =
                HighAvailabilityServicesUtils.createAvailableOrEmbeddedServices(
                        configuration,
                        ioExecutor,
                        error -> error.printStackTrace());
        leaders = new Leaders(services, configuration.getString("exchange.host", null));
        final Map<String, Object> opened = new LinkedHashMap<>();
        opened.put("flink", EnvironmentInformation.getVersion());
        opened.put("class", services.getClass().getName());
        return opened;
    }

    /** Stores are made by a leader, as the Dispatcher and the JobMaster do it. */
    private void begin() throws Exception {
        final HaFiles files = new HaFiles(configuration);
        everything = new ArrayList<>();
        everything.add(new Checkpoints(services, shared, files));
        everything.add(new Plans(services, files, ioExecutor));
        everything.add(new Blobs(services, shared));
        everything.add(new JobResults(services));
        everything.addAll(Applications.of(services, shared, files, ioExecutor));
    }

    private interface Step {
        Object take(Exchanged exchanged) throws Exception;
    }

    private Object each(Step step) throws Exception {
        final Map<String, Object> answers = new LinkedHashMap<>();
        for (Exchanged exchanged : everything) {
            answers.put(exchanged.name(), step.take(exchanged));
        }
        return answers;
    }

    /** A JobManager that goes away while the jobs are to go on. */
    private Object suspend() throws Exception {
        if (everything != null) {
            for (Exchanged exchanged : everything) {
                exchanged.suspend();
            }
        }
        leaders.close();
        services.close();
        return "suspended";
    }

    /** All jobs have ended, and then the cluster with its HA data. */
    private Object clean() throws Exception {
        for (Exchanged exchanged : everything) {
            exchanged.clean();
        }
        leaders.close();
        services.closeWithOptionalClean(true);
        return "clean";
    }
}
