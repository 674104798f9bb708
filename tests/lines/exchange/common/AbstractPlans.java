package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.JobResourceRequirements;
import org.apache.flink.runtime.jobgraph.JobVertex;
import org.apache.flink.runtime.jobgraph.JobVertexID;

import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;

/**
 * Plans of jobs: two that are stored, one of them replaced meanwhile, and two whose removal was
 * begun.
 */
abstract class AbstractPlans implements Exchanged {

    private static final JobID REPLACED = Checkpoints.JOB;
    private static final JobID OTHER_KIND = JobID.fromHexString("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    private static final JobID ADDED_AGAIN =
            JobID.fromHexString("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
    private static final JobID REMOVED = JobID.fromHexString("ffffffffffffffffffffffffffffffff");
    private static final JobVertexID VERTEX = new JobVertexID(1, 2);

    private final HaFiles files;

    AbstractPlans(HaFiles files) {
        this.files = files;
    }

    abstract void put(JobID job, String name) throws Exception;

    /** Where Flink knows another kind of plan than job graphs. */
    abstract void putOtherKind(JobID job, String name) throws Exception;

    abstract void require(JobID job, JobResourceRequirements requirements) throws Exception;

    abstract Collection<JobID> jobs() throws Exception;

    /** A description; null if there is no such plan. */
    abstract String recover(JobID job) throws Exception;

    abstract void remove(JobID job) throws Exception;

    static JobGraph newJobGraph(JobID job, String name) {
        final JobVertex vertex = new JobVertex("a vertex", VERTEX);
        vertex.setParallelism(1);
        vertex.setInvokableClass(org.apache.flink.runtime.jobgraph.tasks.AbstractInvokable.class);
        return new JobGraph(job, name, vertex);
    }

    static String describe(
            JobID job, String name, Class<?> type, Optional<JobResourceRequirements> requirements) {
        return type.getSimpleName() + " " + job + " " + name + " " + requirements;
    }

    @Override
    public String name() {
        return "plans";
    }

    @Override
    public Object write() throws Exception {
        put(REPLACED, "a job that is rescaled");
        require(
                REPLACED,
                JobResourceRequirements.newBuilder()
                        .setParallelismForJobVertex(VERTEX, 3, 5)
                        .build());
        putOtherKind(OTHER_KIND, "a job of the other kind");
        for (JobID job : new JobID[] {ADDED_AGAIN, REMOVED}) {
            beginRemoval(job);
        }
        return state();
    }

    private void beginRemoval(JobID job) throws Exception {
        final Path file =
                files.writtenBy(
                        () -> {
                            put(job, "a job that goes away");
                            return null;
                        });
        try (HaFiles.Obstacle obstacle = new HaFiles.Obstacle(file)) {
            remove(job);
        } catch (ExecutionException e) {
            return;
        }
        throw new IllegalStateException("A plan was removed without its file: " + file);
    }

    @Override
    public Object read() throws Exception {
        return state();
    }

    private Object state() throws Exception {
        final Map<String, String> live = new TreeMap<>();
        for (JobID job : jobs()) {
            live.put(job.toString(), recover(job));
        }
        final Map<String, Object> state = new LinkedHashMap<>();
        state.put("live", live);
        state.put("recovery of what is being added again", String.valueOf(recover(ADDED_AGAIN)));
        state.put("recovery of what is being removed", String.valueOf(recover(REMOVED)));
        return state;
    }

    @Override
    public Object finish() throws Exception {
        put(ADDED_AGAIN, "a job that is back");
        remove(REMOVED);
        remove(OTHER_KIND);
        require(
                REPLACED,
                JobResourceRequirements.newBuilder()
                        .setParallelismForJobVertex(VERTEX, 1, 2)
                        .build());
        return state();
    }

    @Override
    public void clean() throws Exception {
        remove(REPLACED);
        remove(ADDED_AGAIN);
        suspend();
    }
}
