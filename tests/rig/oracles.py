"""Judges a run from logs alone, not from what our own code believes of itself."""

import time
from dataclasses import dataclass

from .flink import GRANTED, LOST_BECAUSE, REVOKED, FlinkCluster, JobManager
from .logs import Log


@dataclass(frozen=True)
class Leadership:
    """One time of leadership of one JobManager, in seconds since the epoch."""

    holder: str
    start: float
    end: float


def leaderships(cluster: FlinkCluster) -> list[Leadership]:
    """From each grant to its revoke, or to the end of the process, as Flink's election service logged them."""
    found = []
    for process in cluster.job_managers:
        for log in process.logs:
            started = None
            for at, granted in _events(log):
                if granted:
                    started = at
                elif started is not None:
                    found.append(Leadership(process.name, started, at))
                    started = None
            if started is not None:
                found.append(Leadership(process.name, started, _end_of_run(process, log)))
    return sorted(found, key=lambda one: one.start)


def granted_at(process: JobManager) -> list[float]:
    """When its dispatcher was granted leadership, in all of its runs."""
    return [at for log in process.logs for at, granted in _events(log) if granted]


def overlaps(cluster: FlinkCluster) -> list[str]:
    """Sentences about every time at which two JobManagers led; empty is good."""
    ordered = leaderships(cluster)
    return [
        f"{after.holder} was granted {(before.end - after.start) * 1000:.0f} ms before {before.holder} ended"
        for before, after in zip(ordered, ordered[1:])
        if after.start < before.end
    ]


def not_alternating(cluster: FlinkCluster) -> list[str]:
    """Sentences about every grant after a grant, and every revoke without one; empty is good."""
    problems = []
    for process in cluster.job_managers:
        for log in process.logs:
            leading = False
            for at, granted in _events(log):
                if granted == leading:
                    problems.append(f"{process.name}: {'grant' if granted else 'revoke'} out of turn at {at:.3f}")
                leading = granted
    return problems


def misreported(cluster: FlinkCluster) -> list[str]:
    """Sentences about every leadership whose end the black box of this jar has not reported exactly once; empty is good.

    Who was killed says nothing, and who ends with an error may say nothing.
    """
    problems = []
    for process in cluster.job_managers:
        for log in process.logs:
            granted = [at for at, granted in _events(log) if granted]
            reported = [hit.at for hit in log.find(LOST_BECAUSE)]
            for start, end in zip(granted, [*granted[1:], float("inf")]):
                count = sum(start <= at < end for at in reported)
                allowed = (1,) if end < float("inf") else _reports_of_last_term(process, log)
                if count not in allowed:
                    problems.append(f"{process.name}: the end of the leadership granted at {start:.3f} is reported {count} times")
            if granted and any(at < granted[0] for at in reported):
                problems.append(f"{process.name}: the end of a leadership is reported before any began")
    return problems


def _reports_of_last_term(process: JobManager, log: Log) -> tuple[int, ...]:
    """How often the end of the last leadership in a log may be reported."""
    leads = _events(log)[-1][1]
    if log is process.log and process.running:
        return (0,) if leads else (1,)
    return (0,) if leads and log in process.killed else (0, 1)


def _events(log: Log) -> list[tuple[float, bool]]:
    """When the dispatcher was granted (true) and revoked (false) leadership, in the order of the log."""
    events = []
    for hit in log.find(f"{GRANTED}|{REVOKED}"):
        component, granted = (hit[1], True) if hit[1] else (hit[3], False)
        if component == "dispatcher":
            events.append((hit.at, granted))
    return events


def _end_of_run(process: JobManager, log: Log) -> float:
    if log in process.killed:
        return process.killed[log]
    if log is process.log and process.running:
        return time.time()
    return log.lines()[-1].at
