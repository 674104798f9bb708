package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.runtime.checkpoint.CheckpointIDCounter;
import org.apache.flink.runtime.checkpoint.CheckpointProperties;
import org.apache.flink.runtime.checkpoint.CheckpointRecoveryFactory;
import org.apache.flink.runtime.checkpoint.CheckpointRetentionPolicy;
import org.apache.flink.runtime.checkpoint.CheckpointsCleaner;
import org.apache.flink.runtime.checkpoint.CompletedCheckpoint;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStore;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.FsCompletedCheckpointStorageLocation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;

/** Two completed checkpoints, a third whose removal was begun, and the counter. */
final class Checkpoints implements Exchanged {

    static final JobID JOB = JobID.fromHexString("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

    private static final int RETAINED = 2;
    private static final long MARKED = 14;
    // Nothing is left to be done when a call comes back.
    private static final Executor AT_ONCE = Runnable::run;

    private final HighAvailabilityServices services;
    private final Path shared;
    private final HaFiles files;
    private final CheckpointsCleaner cleaner = new CheckpointsCleaner();
    private final CheckpointIDCounter counter;
    private final CompletedCheckpointStore store;

    Checkpoints(HighAvailabilityServices services, Path shared, HaFiles files) throws Exception {
        this.services = services;
        this.shared = shared;
        this.files = files;
        final CheckpointRecoveryFactory factory = services.getCheckpointRecoveryFactory();
        counter = factory.createCheckpointIDCounter(JOB);
        counter.start();
        store = Plans.createCheckpointStore(factory, JOB, RETAINED, AT_ONCE);
    }

    @Override
    public String name() {
        return "checkpoints";
    }

    @Override
    public Object write() throws Exception {
        counter.setCount(MARKED + 2);
        counter.getAndIncrement();
        final Path first = files.writtenBy(() -> add(MARKED));
        add(MARKED + 1);
        try (HaFiles.Obstacle obstacle = new HaFiles.Obstacle(first)) {
            // The oldest one has to go, and cannot.
            add(MARKED + 2);
        }
        return state();
    }

    private Object add(long id) throws Exception {
        return store.addCheckpointAndSubsumeOldestOne(completed(id), cleaner, () -> {});
    }

    private CompletedCheckpoint completed(long id) throws IOException {
        final Path directory = Files.createDirectories(shared.resolve("checkpoints/chk-" + id));
        final Path metadata = Files.writeString(directory.resolve("_metadata"), "metadata " + id);
        return new CompletedCheckpoint(
                JOB,
                id,
                1000 + id,
                2000 + id,
                Map.of(),
                List.of(),
                CheckpointProperties.forCheckpoint(
                        CheckpointRetentionPolicy.NEVER_RETAIN_AFTER_TERMINATION),
                new FsCompletedCheckpointStorageLocation(
                        FileSystem.getLocalFileSystem(),
                        flinkPath(directory),
                        new FileStateHandle(flinkPath(metadata), Files.size(metadata)),
                        flinkPath(directory).toString()),
                null);
    }

    private static org.apache.flink.core.fs.Path flinkPath(Path path) {
        return new org.apache.flink.core.fs.Path("file://" + path);
    }

    @Override
    public Object read() throws Exception {
        return state();
    }

    private Object state() throws Exception {
        final List<Object> checkpoints = new ArrayList<>();
        for (CompletedCheckpoint checkpoint : store.getAllCheckpoints()) {
            final Map<String, Object> seen = new LinkedHashMap<>();
            seen.put("id", checkpoint.getCheckpointID());
            seen.put("job", checkpoint.getJobId().toString());
            seen.put(
                    "timestamps",
                    List.of(checkpoint.getTimestamp(), checkpoint.getCompletionTimestamp()));
            seen.put("pointer", checkpoint.getExternalPointer());
            seen.put("metadata bytes", checkpoint.getMetadataHandle().getStateSize());
            seen.put("discarded when subsumed", checkpoint.shouldBeDiscardedOnSubsume());
            checkpoints.add(seen);
        }
        final Map<String, Object> state = new LinkedHashMap<>();
        state.put("counter", counter.get());
        state.put("completed", checkpoints);
        return state;
    }

    /** The name whose removal was begun is free again; adding it finishes the removal. */
    @Override
    public Object finish() throws Exception {
        final long next = counter.getAndIncrement();
        add(MARKED);
        final Map<String, Object> finished = new LinkedHashMap<>();
        finished.put("next id", next);
        finished.put("state", state());
        return finished;
    }

    @Override
    public void suspend() throws Exception {
        store.shutdown(JobStatus.SUSPENDED, cleaner);
        counter.shutdown(JobStatus.SUSPENDED).get();
    }

    @Override
    public void clean() throws Exception {
        store.shutdown(JobStatus.FINISHED, cleaner);
        counter.shutdown(JobStatus.FINISHED).get();
        services.globalCleanupAsync(JOB, AT_ONCE).get();
    }
}
