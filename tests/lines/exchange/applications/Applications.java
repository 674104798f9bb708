package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.ApplicationID;
import org.apache.flink.api.common.ApplicationState;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.client.deployment.application.PackagedProgramApplicationEntry;
import org.apache.flink.client.program.JarInfo;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.runtime.blob.BlobStore;
import org.apache.flink.runtime.blob.PermanentBlobKey;
import org.apache.flink.runtime.highavailability.ApplicationResult;
import org.apache.flink.runtime.highavailability.ApplicationResultEntry;
import org.apache.flink.runtime.highavailability.ApplicationResultStore;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.jobmanager.ApplicationStore;
import org.apache.flink.runtime.jobmanager.ApplicationStoreEntry;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.util.SerializedThrowable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;

/** Flink 2.3 and later: applications, their results and their blobs. */
final class Applications implements Exchanged {

    private static final ApplicationID STORED = id("11111111111111111111111111111111");
    private static final ApplicationID ADDED_AGAIN = id("22222222222222222222222222222222");
    private static final ApplicationID REMOVED = id("33333333333333333333333333333333");
    private static final ApplicationID DIRTY = id("44444444444444444444444444444444");
    private static final ApplicationID CLEAN = id("55555555555555555555555555555555");
    private static final String BLOB = "application";

    private final Path shared;
    private final HaFiles files;
    private final Executor executor;
    private final ApplicationStore store;
    private final ApplicationResultStore results;
    private final BlobStore blobs;

    private Applications(
            HighAvailabilityServices services, Path shared, HaFiles files, Executor executor)
            throws Exception {
        this.shared = shared;
        this.files = files;
        this.executor = executor;
        store = services.getApplicationStore();
        store.start();
        results = services.getApplicationResultStore();
        blobs = services.createBlobStore();
    }

    static List<Exchanged> of(
            HighAvailabilityServices services, Path shared, HaFiles files, Executor executor)
            throws Exception {
        return List.of(new Applications(services, shared, files, executor));
    }

    private static ApplicationID id(String hex) {
        return ApplicationID.fromHexString(hex);
    }

    static JobResult failedJob(JobID job, SerializedThrowable failure) {
        return new JobResult.Builder()
                .jobId(job)
                .jobName("a job that has failed")
                .jobStatus(JobStatus.FAILED)
                .applicationId(STORED)
                .netRuntime(4711)
                .startTime(1000)
                .endTime(5711)
                .serializedThrowable(failure)
                .build();
    }

    static JobResult finishedJob(JobID job) {
        return new JobResult.Builder()
                .jobId(job)
                .jobStatus(JobStatus.FINISHED)
                .netRuntime(815)
                .build();
    }

    static Map<String, Object> describe(JobResult result) {
        return Map.of(
                "status", String.valueOf(result.getJobStatus().orElse(null)),
                "name", result.getJobName(),
                "application", String.valueOf(result.getApplicationId().orElse(null)),
                "start", result.getStartTime(),
                "end", result.getEndTime());
    }

    @Override
    public String name() {
        return "applications";
    }

    @Override
    public Object write() throws Exception {
        put(STORED, "an application");
        for (ApplicationID application : new ApplicationID[] {ADDED_AGAIN, REMOVED}) {
            beginRemoval(application);
        }
        final Path content =
                Files.writeString(Files.createTempFile(shared, BLOB, ".blob"), "its jar");
        blobs.put(content.toFile(), STORED, Blobs.newKey(shared, BLOB, content));
        for (ApplicationID application : new ApplicationID[] {DIRTY, CLEAN}) {
            results.createDirtyResultAsync(new ApplicationResultEntry(result(application))).get();
        }
        results.markResultAsCleanAsync(CLEAN).get();
        return state(List.of(describe(result(DIRTY))), describe(result(CLEAN)), "its jar");
    }

    private void put(ApplicationID application, String name) throws Exception {
        final Configuration configuration = new Configuration();
        configuration.set(PipelineOptions.NAME, name);
        store.putApplication(
                new PackagedProgramApplicationEntry(
                        configuration,
                        new JarInfo("job.jar", new PermanentBlobKey()),
                        "org.example.Job",
                        new String[] {"--rate", "7"},
                        application,
                        name,
                        3,
                        1,
                        true,
                        true,
                        false));
    }

    private void beginRemoval(ApplicationID application) throws Exception {
        final Path file =
                files.writtenBy(
                        () -> {
                            put(application, "an application that goes away");
                            return null;
                        });
        try (HaFiles.Obstacle obstacle = new HaFiles.Obstacle(file)) {
            remove(application);
        } catch (ExecutionException e) {
            return;
        }
        throw new IllegalStateException("An application was removed without its file: " + file);
    }

    private void remove(ApplicationID application) throws Exception {
        store.globalCleanupAsync(application, executor).get();
    }

    private static ApplicationResult result(ApplicationID application) {
        return new ApplicationResult.Builder()
                .applicationId(application)
                .applicationName("an application that has ended")
                .applicationState(ApplicationState.FAILED)
                .startTime(1000)
                .endTime(2000)
                .build();
    }

    @Override
    public Object read() throws Exception {
        final List<Object> dirty = new ArrayList<>();
        for (ApplicationResult result : results.getDirtyResults()) {
            dirty.add(describe(result));
        }
        return state(dirty, describe(results.getCleanApplicationResultAsync(CLEAN).get()), blob());
    }

    private Object state(List<Object> dirtyResults, Object cleanResult, String blob)
            throws Exception {
        final Map<String, String> live = new TreeMap<>();
        for (ApplicationID application : store.getApplicationIds()) {
            live.put(application.toString(), recover(application));
        }
        final Map<String, Object> state = new LinkedHashMap<>();
        state.put("live", live);
        state.put("recovery of what is being added again", recover(ADDED_AGAIN));
        state.put("recovery of what is being removed", recover(REMOVED));
        state.put("blob", blob);
        state.put("dirty results", dirtyResults);
        state.put("clean result", cleanResult);
        for (ApplicationID application : new ApplicationID[] {DIRTY, CLEAN}) {
            state.put(
                    "dirty " + application,
                    results.hasDirtyApplicationResultEntryAsync(application).get());
            state.put(
                    "clean " + application,
                    results.hasCleanApplicationResultEntryAsync(application).get());
        }
        return state;
    }

    private String recover(ApplicationID application) throws Exception {
        return store.recoverApplication(application)
                .map(Applications::describe)
                .orElse("none");
    }

    private static String describe(ApplicationStoreEntry entry) {
        return String.join(
                " ",
                entry.getClass().getSimpleName(),
                entry.getApplicationId().toString(),
                entry.getName());
    }

    private static Object describe(ApplicationResult result) {
        return Map.of(
                "application", result.getApplicationId().toString(),
                "name", result.getApplicationName(),
                "state", result.getApplicationState().toString(),
                "times", List.of(result.getStartTime(), result.getEndTime()));
    }

    private String blob() throws Exception {
        final Path target = Files.createTempFile(shared, BLOB, ".got");
        try {
            return blobs.get(STORED, Blobs.key(shared, BLOB), target.toFile())
                    ? Files.readString(target)
                    : "not got";
        } catch (IOException e) {
            return "not there";
        }
    }

    @Override
    public Object finish() throws Exception {
        put(ADDED_AGAIN, "an application that is back");
        remove(REMOVED);
        results.markResultAsCleanAsync(DIRTY).get();
        blobs.deleteAll(STORED);
        return read();
    }

    @Override
    public void suspend() throws Exception {
        store.stop();
    }

    @Override
    public void clean() throws Exception {
        remove(STORED);
        remove(ADDED_AGAIN);
        suspend();
    }
}
