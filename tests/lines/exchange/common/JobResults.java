package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.highavailability.JobResultEntry;
import org.apache.flink.runtime.highavailability.JobResultStore;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.util.SerializedThrowable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A job result that is still dirty, with a failure in it, and one that was marked as clean. */
final class JobResults implements Exchanged {

    private static final JobID DIRTY = JobID.fromHexString("dddddddddddddddddddddddddddddddd");
    private static final JobID CLEAN = JobID.fromHexString("cccccccccccccccccccccccccccccccc");

    private final JobResultStore store;

    JobResults(HighAvailabilityServices services) throws Exception {
        store = services.getJobResultStore();
    }

    @Override
    public String name() {
        return "job results";
    }

    @Override
    public Object write() throws Exception {
        final JobResult dirty = Applications.failedJob(DIRTY, failure());
        store.createDirtyResultAsync(new JobResultEntry(dirty)).get();
        store.createDirtyResultAsync(new JobResultEntry(Applications.finishedJob(CLEAN))).get();
        store.markResultAsCleanAsync(CLEAN).get();
        final List<Object> results = new ArrayList<>();
        results.add(describe(dirty));
        return state(results);
    }

    private static SerializedThrowable failure() {
        final Exception failure = new IllegalStateException("This job has failed.");
        // Where it was thrown is not what this is about.
        failure.setStackTrace(new StackTraceElement[0]);
        return new SerializedThrowable(failure);
    }

    @Override
    public Object read() throws Exception {
        final List<Object> results = new ArrayList<>();
        for (JobResult result : store.getDirtyResults()) {
            results.add(describe(result));
        }
        return state(results);
    }

    private Object state(List<Object> dirtyResults) throws Exception {
        final Map<String, Object> state = new LinkedHashMap<>();
        state.put("dirty results", dirtyResults);
        for (JobID job : new JobID[] {DIRTY, CLEAN}) {
            state.put("dirty " + job, store.hasDirtyJobResultEntryAsync(job).get());
            state.put("clean " + job, store.hasCleanJobResultEntryAsync(job).get());
        }
        return state;
    }

    private static Object describe(JobResult result) throws Exception {
        final ClassLoader loader = JobResults.class.getClassLoader();
        final Map<String, Object> seen = new LinkedHashMap<>(Applications.describe(result));
        seen.put("job", result.getJobId().toString());
        seen.put("runtime", result.getNetRuntime());
        seen.put("success", result.isSuccess());
        seen.put("accumulators", result.getAccumulatorResults().keySet().toString());
        seen.put(
                "failure",
                result.getSerializedThrowable()
                        .map(failure -> failure.deserializeError(loader).toString())
                        .orElse("none"));
        return seen;
    }

    @Override
    public Object finish() throws Exception {
        store.markResultAsCleanAsync(DIRTY).get();
        return read();
    }
}
