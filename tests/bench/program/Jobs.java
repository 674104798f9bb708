package io.flinkkubeha.tests.bench;

import org.apache.flink.api.common.JobID;

/** The jobs of the measurements. */
final class Jobs {

    private Jobs() {}

    static JobID job(int number) {
        return JobID.fromHexString(String.format("%032x", number + 1));
    }
}
