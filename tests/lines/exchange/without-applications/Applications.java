package io.flinkkubeha.tests.exchange;

import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.clusterframework.ApplicationStatus;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.util.SerializedThrowable;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;

/** Flink before 2.3: no applications, and job results with the status of one. */
final class Applications {

    private Applications() {}

    static List<Exchanged> of(
            HighAvailabilityServices services, Path shared, HaFiles files, Executor executor) {
        return List.of();
    }

    static JobResult failedJob(JobID job, SerializedThrowable failure) {
        return new JobResult.Builder()
                .jobId(job)
                .applicationStatus(ApplicationStatus.FAILED)
                .netRuntime(4711)
                .serializedThrowable(failure)
                .build();
    }

    static JobResult finishedJob(JobID job) {
        return new JobResult.Builder()
                .jobId(job)
                .applicationStatus(ApplicationStatus.SUCCEEDED)
                .netRuntime(815)
                .build();
    }

    static Map<String, Object> describe(JobResult result) {
        return Map.of("status", result.getApplicationStatus().toString());
    }
}
