package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.JobID;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.apache.flink.runtime.checkpoint.CheckpointRecoveryFactory;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStore;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.jobgraph.JobResourceRequirements;
import org.apache.flink.runtime.jobmanager.ExecutionPlanStore;
import org.apache.flink.runtime.state.SharedStateRegistry;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.graph.ExecutionPlan;
import org.apache.flink.streaming.api.graph.StreamGraph;

import java.util.Collection;
import java.util.concurrent.Executor;

/** Flink 2: execution plans, which are job graphs or stream graphs. */
final class Plans extends AbstractPlans {

    private final ExecutionPlanStore store;
    private final Executor executor;

    Plans(HighAvailabilityServices services, HaFiles files, Executor executor) throws Exception {
        super(files);
        this.executor = executor;
        store = services.getExecutionPlanStore();
        store.start(
                new ExecutionPlanStore.ExecutionPlanListener() {
                    @Override
                    public void onAddedExecutionPlan(JobID job) {}

                    @Override
                    public void onRemovedExecutionPlan(JobID job) {}
                });
    }

    static CompletedCheckpointStore createCheckpointStore(
            CheckpointRecoveryFactory factory, JobID job, int retained, Executor executor)
            throws Exception {
        return factory.createRecoveredCompletedCheckpointStore(
                job,
                retained,
                SharedStateRegistry.DEFAULT_FACTORY,
                executor,
                RecoveryClaimMode.CLAIM);
    }

    @Override
    void put(JobID job, String name) throws Exception {
        store.putExecutionPlan(newJobGraph(job, name));
    }

    @Override
    void putOtherKind(JobID job, String name) throws Exception {
        final StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment();
        environment.fromSequence(1, 10).sinkTo(new DiscardingSink<>());
        final StreamGraph graph = environment.getStreamGraph();
        graph.setJobName(name);
        graph.setJobId(job);
        graph.serializeUserDefinedInstances();
        store.putExecutionPlan(graph);
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
        final ExecutionPlan plan = store.recoverExecutionPlan(job);
        return plan == null
                ? null
                : describe(
                        plan.getJobID(),
                        plan.getName(),
                        plan.getClass(),
                        JobResourceRequirements.readFromExecutionPlan(plan));
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
