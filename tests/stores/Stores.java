package io.flinkkubeha.tests.stores;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.blob.BlobServer;
import org.apache.flink.runtime.blob.PermanentBlobKey;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;

import io.flinkkubeha.tests.Conversation;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * HA services on a store, and BLOB servers on these: what a JobManager does with a user's jar. The
 * arguments are a directory and settings; a step may bring more of them.
 */
public final class Stores implements Conversation.Steps {

    private static final JobID JOB = JobID.fromHexString("00000000000000000000000000000001");

    private final Path directory;
    private final List<String> settings;
    private final ExecutorService ioExecutor = Executors.newFixedThreadPool(4);
    private Configuration configuration;
    private HighAvailabilityServices services;
    private PermanentBlobKey key;
    private int servers;

    private Stores(Path directory, List<String> settings) {
        this.directory = directory;
        this.settings = settings;
    }

    public static void main(String[] arguments) throws Exception {
        final List<String> all = Arrays.asList(arguments);
        Conversation.hold(new Stores(Path.of(all.get(0)), all.subList(1, all.size())));
    }

    @Override
    public Object take(String step) throws Exception {
        final String[] words = step.split(" ");
        switch (words[0]) {
            case "open":
                return open(Arrays.asList(words).subList(1, words.length));
            case "put":
                return put(Path.of(words[1]));
            case "get":
                return get();
            case "delete":
                services.createBlobStore().deleteAll(JOB);
                return "deleted";
            case "peak":
                return peak();
            case "close":
                services.close();
                return "closed";
            default:
                throw new IllegalArgumentException("Unknown step " + step);
        }
    }

    /** Later settings take the place of earlier ones. */
    private Object open(List<String> more) throws Exception {
        configuration = Conversation.configuration(settings);
        configuration.addAll(Conversation.configuration(more));
        services =
                HighAvailabilityServicesUtils.createAvailableOrEmbeddedServices(
                        configuration, ioExecutor, Throwable::printStackTrace);
        return services.getClass().getName();
    }

    private Object put(Path file) throws Exception {
        final long before = System.nanoTime();
        try (BlobServer server = server();
                InputStream content = Files.newInputStream(file)) {
            key = server.putPermanent(JOB, content);
        }
        return (System.nanoTime() - before) / 1e6;
    }

    /** By another server, which has nothing of its own. */
    private Object get() throws Exception {
        final long before = System.nanoTime();
        try (BlobServer server = server()) {
            final File file = server.getFile(JOB, key);
            final Map<String, Object> found = new LinkedHashMap<>();
            found.put("took", (System.nanoTime() - before) / 1e6);
            found.put("size", file.length());
            found.put("digest", digest(file));
            return found;
        }
    }

    private BlobServer server() throws IOException {
        final Path own = Files.createDirectories(directory.resolve("server-" + servers++));
        return new BlobServer(configuration, own.toFile(), services.createBlobStore());
    }

    private static String digest(File file) throws Exception {
        final MessageDigest digest = MessageDigest.getInstance("SHA-256");
        final byte[] buffer = new byte[1 << 16];
        try (InputStream content = Files.newInputStream(file.toPath())) {
            for (int n = content.read(buffer); n >= 0; n = content.read(buffer)) {
                digest.update(buffer, 0, n);
            }
        }
        final StringBuilder text = new StringBuilder();
        for (byte part : digest.digest()) {
            text.append(String.format("%02x", part));
        }
        return text.toString();
    }

    /** The most that was resident since the last such step, in KiB. */
    private static Object peak() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                Files.writeString(Path.of("/proc/self/clear_refs"), "5");
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("The kernel counts nothing.");
    }
}
