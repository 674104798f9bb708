package io.flinkkubeha.tests.bench;

import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.runtime.checkpoint.CheckpointIDCounter;
import org.apache.flink.runtime.checkpoint.CheckpointProperties;
import org.apache.flink.runtime.checkpoint.CheckpointRecoveryFactory;
import org.apache.flink.runtime.checkpoint.CheckpointRetentionPolicy;
import org.apache.flink.runtime.checkpoint.CheckpointsCleaner;
import org.apache.flink.runtime.checkpoint.CompletedCheckpoint;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStore;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.state.SharedStateRegistry;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.FsCompletedCheckpointStorageLocation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Jobs whose checkpoints complete one after the other, each job on a thread of its own. */
final class CheckpointedJobs {

    private final HighAvailabilityServices services;
    private final Path directory;
    private final List<Job> jobs = new ArrayList<>();

    CheckpointedJobs(HighAvailabilityServices services, Path directory, int count)
            throws Exception {
        this.services = services;
        this.directory = directory;
        for (int number = 0; number < count; number++) {
            jobs.add(new Job(Jobs.job(number)));
        }
    }

    /** The first job alone takes this many checkpoint ids: how long each took. */
    Object count(int ids) throws Exception {
        final List<Double> took = new ArrayList<>();
        for (int i = 0; i < ids; i++) {
            final long before = System.nanoTime();
            jobs.get(0).counter.getAndIncrement();
            took.add(Bench.millisSince(before));
        }
        end();
        return took;
    }

    /**
     * Each job completes this many checkpoints, and retains the newest: how long it took to take an
     * id, and to add one and remove the one before it, and how long everything took.
     */
    Object checkpoint(int each) throws Exception {
        final ExecutorService threads = Executors.newFixedThreadPool(jobs.size());
        final List<Future<?>> running = new ArrayList<>();
        final long begun = System.currentTimeMillis();
        final long before = System.nanoTime();
        for (Job job : jobs) {
            running.add(
                    threads.submit(
                            () -> {
                                for (int i = 0; i < each; i++) {
                                    job.checkpoint();
                                }
                                return null;
                            }));
        }
        for (Future<?> one : running) {
            one.get();
        }
        final double all = Bench.millisSince(before);
        final long ended = System.currentTimeMillis();
        threads.shutdown();
        final Map<String, Object> measured = new LinkedHashMap<>();
        measured.put("begun", begun);
        measured.put("ended", ended);
        measured.put("all", all);
        final List<Double> ids = new ArrayList<>();
        final List<Double> adds = new ArrayList<>();
        for (Job job : jobs) {
            ids.addAll(job.idsTook);
            adds.addAll(job.addsTook);
        }
        measured.put("ids", ids);
        measured.put("adds", adds);
        end();
        return measured;
    }

    private void end() throws Exception {
        for (Job job : jobs) {
            job.end();
        }
    }

    private final class Job {

        private final JobID id;
        private final CheckpointIDCounter counter;
        private final CompletedCheckpointStore store;
        private final CheckpointsCleaner cleaner = new CheckpointsCleaner();
        private final List<Double> idsTook = new ArrayList<>();
        private final List<Double> addsTook = new ArrayList<>();

        private Job(JobID id) throws Exception {
            this.id = id;
            final CheckpointRecoveryFactory factory = services.getCheckpointRecoveryFactory();
            counter = factory.createCheckpointIDCounter(id);
            counter.start();
            store =
                    factory.createRecoveredCompletedCheckpointStore(
                            id,
                            1,
                            SharedStateRegistry.DEFAULT_FACTORY,
                            // What is subsumed is gone when a call comes back.
                            Runnable::run,
                            RecoveryClaimMode.CLAIM);
        }

        private void checkpoint() throws Exception {
            final long before = System.nanoTime();
            final long checkpoint = counter.getAndIncrement();
            idsTook.add(Bench.millisSince(before));
            final CompletedCheckpoint completed = completed(checkpoint);
            final long completedAt = System.nanoTime();
            store.addCheckpointAndSubsumeOldestOne(completed, cleaner, () -> {});
            addsTook.add(Bench.millisSince(completedAt));
        }

        private CompletedCheckpoint completed(long checkpoint) throws IOException {
            final Path location =
                    Files.createDirectories(directory.resolve(id + "/chk-" + checkpoint));
            final Path metadata = Files.writeString(location.resolve("_metadata"), "metadata");
            final org.apache.flink.core.fs.Path path =
                    new org.apache.flink.core.fs.Path("file://" + location);
            return new CompletedCheckpoint(
                    id,
                    checkpoint,
                    1000,
                    2000,
                    Map.of(),
                    List.of(),
                    CheckpointProperties.forCheckpoint(
                            CheckpointRetentionPolicy.NEVER_RETAIN_AFTER_TERMINATION),
                    new FsCompletedCheckpointStorageLocation(
                            FileSystem.getLocalFileSystem(),
                            path,
                            new FileStateHandle(
                                    new org.apache.flink.core.fs.Path("file://" + metadata),
                                    Files.size(metadata)),
                            path.toString()),
                    null);
        }

        private void end() throws Exception {
            store.shutdown(JobStatus.FINISHED, cleaner);
            counter.shutdown(JobStatus.FINISHED).get();
            services.globalCleanupAsync(id, Runnable::run).get();
        }
    }
}
