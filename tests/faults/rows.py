"""The rows of the matrix: what is broken, and for rows that no test here runs, what shows them or why nothing does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row; `ours` and `stock` stand in for results that there are not, with figures of the README's table of Flink lines whose rows
    begin with `lines`."""

    fault: str
    ours: str = ""
    stock: str = ""
    lines: str = ""


ROWS = {
    "F-01": Row("API server away, one JobManager, default settings"),
    "F-02": Row("API server away, two JobManagers, back for both at once"),
    "F-03": Row("rolling restart of three API servers"),
    "F-04": Row("API path of the leader black-holed, the standby's is fine"),
    "F-05": Row("latency on the path of the leader"),
    "F-06": Row("3 of 10 replies lost after the request was carried out"),
    "F-07": Row("an outsider annotates the ConfigMaps 50 times a second"),
    "F-08": Row("429 with Retry-After, 500, 503; etcd stands still"),
    "F-09": Row("401 until the token is rotated; 403; certificate authority rotated"),
    "F-10": Row("`kill -9` of the leader, two JobManagers"),
    "F-11": Row("SIGTERM of the leader, two JobManagers"),
    "F-12": Row("`kill -9` of the only JobManager, started again at once in its pod"),
    "F-13": Row("JVM of the leader suspended by a debugger, two JobManagers"),
    "F-14": Row("leader stopped (SIGSTOP) while it stores a checkpoint, two JobManagers"),
    "F-15": Row("clocks of leader and standby apart, stepping, too fast"),
    "F-16": Row("API server away for all, while leader and standby cannot reach each other either"),
    "F-17": Row("cluster ConfigMap deleted, emptied, garbled, taken; all ConfigMaps deleted"),
    "F-18": Row("ConfigMap of a running job deleted"),
    "F-19": Row("stored metadata missing or garbled when a standby has to restore it; storage away, full"),
    "F-20": Row("established connections die silently"),
    "F-21": Row("410 Gone, compaction, restart of the watch cache"),
    "F-22": Row("ConfigMaps near and at 1 MiB"),
    "F-23": Row("JobManager killed at each step of submission, checkpoint, cancellation, clean-up"),
    "F-24": Row(
        "jobs that finish while leadership changes",
        stock="**led again without a dispatcher**: leadership was lost during the clean-up of a finished job, `DefaultResourceCleaner` "
        "repeats it on the executor of a dispatcher that has ended, and that dispatcher never came to its end; nobody led the jobs in the six "
        "minutes that were waited (first of four changes; the run went no further)",
    ),
    "F-25": Row("leadership lost and regained again and again, as soon as all jobs run; fifty take a checkpoint every 5 s"),
    "F-26": Row(
        "panic, poison input, pending exceptions, stale handles in native code",
        "an exception each time, under `-Xcheck:jni`: `NativeBoundaryTest`, `NativeHandleTest`, `EventPumpTest` in `java/src/test`",
        "has no native code",
    ),
    "F-27": Row(
        "HA services opened and closed 1,000 times in one JVM",
        "threads and file descriptors stay as they are: `NativeSessionTest.openingAndClosingLeavesNothing`, "
        "`NativeBoundaryTest.thousandStoragesLeaveNothing` in `java/src/test`",
        "is not tested by it",
    ),
    "M-1": Row(
        "JobManagers with and without the jar side by side",
        "never two leaders, each restores what the other wrote: `tests/lines/run test_mixed_fleet`, twenty times each way with `--full`",
        "is the other half",
        "mixed fleet",
    ),
    "M-2": Row(
        "a cluster is moved to the jar and back with a running job",
        "one process after the other: `tests/lines/run test_rolling_migration`",
        "is where it comes from and goes to",
        "rolling migration",
    ),
    "M-3": Row(
        "Flink's own services edit ConfigMaps that carry our annotations",
        "each side goes on with what the other has edited: `tests/lines/run test_mixed_fleet test_matrix`",
        "is not affected",
    ),
    "M-4": Row(
        "what the Flink Kubernetes Operator does to ConfigMaps",
        "the same outcome: `tests/cluster/run test_operator_contract`",
        "`tests/cluster/run --stock test_operator_contract`",
    ),
}
