package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.JobID;
import org.apache.flink.core.execution.RestoreMode;
import org.apache.flink.runtime.checkpoint.CheckpointRecoveryFactory;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStore;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.JobResourceRequirements;
import org.apache.flink.runtime.jobmanager.JobGraphStore;
import org.apache.flink.runtime.state.SharedStateRegistry;

import java.util.Collection;
import java.util.concurrent.Executor;

/** Flink 1.20: job graphs. */
final class Plans extends AbstractPlans {

    private final JobGraphStore store;
    private final Executor executor;

    Plans(HighAvailabilityServices services, HaFiles files, Executor executor) throws Exception {
        super(files);
        this.executor = executor;
        store = services.getJobGraphStore();
        store.start(
                new JobGraphStore.JobGraphListener() {
                    @Override
                    public void onAddedJobGraph(JobID job) {}

                    @Override
                    public void onRemovedJobGraph(JobID job) {}
                });
    }

    static CompletedCheckpointStore createCheckpointStore(
            CheckpointRecoveryFactory factory, JobID job, int retained, Executor executor)
            throws Exception {
        return factory.createRecoveredCompletedCheckpointStore(
                job, retained, SharedStateRegistry.DEFAULT_FACTORY, executor, RestoreMode.CLAIM);
    }

    @Override
    void put(JobID job, String name) throws Exception {
        store.putJobGraph(newJobGraph(job, name));
    }

    @Override
    void putOtherKind(JobID job, String name) throws Exception {
        put(job, name);
    }

    @Override
    void require(JobID job, JobResourceRequirements requirements) throws Exception {
        store.putJobResourceRequirements(job, requirements);
    }

    @Override
    Collection<JobID> jobs() throws Exception {
        return store.getJobIds();
    }

    @Override
    String recover(JobID job) throws Exception {
        final JobGraph graph = store.recoverJobGraph(job);
        return graph == null
                ? null
                : describe(
                        graph.getJobID(),
                        graph.getName(),
                        graph.getClass(),
                        JobResourceRequirements.readFromJobGraph(graph));
    }

    @Override
    void remove(JobID job) throws Exception {
        store.globalCleanupAsync(job, executor).get();
    }

    @Override
    public void suspend() throws Exception {
        store.stop();
    }
}
