package io.flinkkubeha.tests.bench;

import io.flinkkubeha.tests.Conversation;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.util.EnvironmentInformation;

import org.slf4j.LoggerFactory;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;

/**
 * HA services under measurement, through nothing but what Flink itself calls. Whose they are is a
 * matter of the class path. Of storage alone, which Flink reaches through them, {@link Storage}.
 *
 * <p>Arguments: a directory for checkpoints, then the settings as {@code key=value}. Steps are a
 * word and numbers; the methods say what they do. Durations are in milliseconds, instants in
 * milliseconds since the epoch.
 */
public final class Bench {

    private final Configuration configuration;
    private final Path checkpoints;

    private OpenServices services;
    private Contenders contenders;
    private Watchers watchers;
    private Clusters clusters;
    private Footprint before;
    private Storage storage;

    private Bench(Configuration configuration, Path checkpoints) {
        this.configuration = configuration;
        this.checkpoints = checkpoints;
    }

    public static void main(String[] arguments) throws Exception {
        // The first thing that each process of Flink does.
        EnvironmentInformation.logEnvironmentInfo(
                LoggerFactory.getLogger(Bench.class), "Bench", new String[0]);
        final List<String> settings = Arrays.asList(arguments).subList(1, arguments.length);
        Conversation.hold(
                new Bench(Conversation.configuration(settings), Path.of(arguments[0]))::take);
    }

    private Object take(String step) throws Exception {
        final String[] words = step.split(" ");
        switch (words[0]) {
            case "open":
                return open();
            case "stand":
                contenders = new Contenders(services.services(), number(words, 1));
                return "standing";
            case "led":
                return contenders.led();
            case "footprint":
                return Footprint.now().since(before);
            case "count":
                return new CheckpointedJobs(services.services(), checkpoints, 1)
                        .count(number(words, 1));
            case "checkpoint":
                return new CheckpointedJobs(services.services(), checkpoints, number(words, 1))
                        .checkpoint(number(words, 2));
            case "watch":
                watchers = new Watchers(configuration, number(words, 1));
                return watchers.found();
            case "seen":
                return watchers.seen();
            case "clusters":
                clusters = new Clusters(configuration, words[2], number(words, 1));
                return clusters.led();
            case "losses":
                return clusters.losses();
            case "storage":
                storage =
                        words[1].equals("flink")
                                ? Storage.ofFlink(configuration)
                                : Storage.ofTheJar(configuration);
                return "open";
            case "objects":
                return storage.objects(number(words, 1), number(words, 2));
            case "blob":
                return storage.blob(new File(words[1]));
            case "close":
                return close();
            default:
                throw new IllegalArgumentException("Unknown step " + step);
        }
    }

    private static int number(String[] words, int index) {
        return Integer.parseInt(words[index]);
    }

    /** How long the factory took, in a JVM that has not seen any HA class before. */
    private Object open() throws Exception {
        final ExecutorService ioExecutor = OpenServices.startedExecutor();
        before = Footprint.now();
        final long usedBefore = Footprint.processorNanos();
        final long before = System.nanoTime();
        services = OpenServices.open(configuration, ioExecutor);
        final Map<String, Object> opened = new LinkedHashMap<>();
        opened.put("factory", millisSince(before));
        opened.put("processor", (Footprint.processorNanos() - usedBefore) / 1e6);
        opened.put("class", services.services().getClass().getName());
        return opened;
    }

    static double millisSince(long nanos) {
        return (System.nanoTime() - nanos) / 1e6;
    }

    private Object close() throws Exception {
        if (clusters != null) {
            clusters.close();
        }
        if (watchers != null) {
            watchers.close();
        }
        if (contenders != null) {
            contenders.close();
        }
        if (services != null) {
            services.close();
        }
        return "closed";
    }
}
