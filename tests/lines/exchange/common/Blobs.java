package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.blob.BlobKey;
import org.apache.flink.runtime.blob.BlobStore;
import org.apache.flink.runtime.blob.ContentKey;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.util.InstantiationUtil;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Two blobs of a job. */
final class Blobs implements Exchanged {

    private static final JobID JOB = Checkpoints.JOB;

    private final Path shared;
    private final BlobStore store;

    Blobs(HighAvailabilityServices services, Path shared) throws IOException {
        this.shared = shared;
        store = services.createBlobStore();
    }

    @Override
    public String name() {
        return "blobs";
    }

    @Override
    public Object write() throws Exception {
        final Map<String, String> written = new LinkedHashMap<>();
        for (String name : new String[] {"one", "two"}) {
            final Path content =
                    Files.writeString(
                            Files.createTempFile(shared, name, ".blob"), "content of " + name);
            if (!store.put(content.toFile(), JOB, newKey(shared, name, content))) {
                throw new IllegalStateException("The blob store has not taken " + name);
            }
            written.put(name, Files.readString(content));
        }
        return written;
    }

    /** A key for that content, which the other side finds under the name. */
    static BlobKey newKey(Path shared, String name, Path content) throws IOException {
        final BlobKey key = ContentKey.of(Files.readAllBytes(content));
        Files.write(keyFile(shared, name), InstantiationUtil.serializeObject(key));
        return key;
    }

    static BlobKey key(Path shared, String name) throws IOException, ClassNotFoundException {
        return InstantiationUtil.deserializeObject(
                Files.readAllBytes(keyFile(shared, name)), Blobs.class.getClassLoader());
    }

    private static Path keyFile(Path shared, String name) {
        return shared.resolve(name + ".key");
    }

    @Override
    public Object read() throws Exception {
        final Map<String, String> read = new LinkedHashMap<>();
        for (String name : new String[] {"one", "two"}) {
            read.put(name, get(name));
        }
        return read;
    }

    private String get(String name) throws Exception {
        final File target = Files.createTempFile(shared, name, ".got").toFile();
        try {
            return store.get(JOB, key(shared, name), target)
                    ? Files.readString(target.toPath())
                    : "not got";
        } catch (IOException e) {
            return "not there";
        }
    }

    @Override
    public Object finish() throws Exception {
        final Map<String, Object> finished = new LinkedHashMap<>();
        finished.put("one deleted", store.delete(JOB, key(shared, "one")));
        finished.put("after that", read());
        finished.put("all deleted", store.deleteAll(JOB));
        finished.put("in the end", read());
        return finished;
    }
}
