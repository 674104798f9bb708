"""What a fault did, computed from logs, the audit log, REST and storage, the same way for any implementation."""

import contextlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from cluster.base import STOCK
from rig import oracles
from rig.audit import AuditLog
from rig.counting import CountingJob
from rig.flink import COMPLETED, LOST_BECAUSE, RESTORED, FlinkCluster, JobManager
from rig.oracles import Leadership
from rig.pointers import dangling
from rig.waiting import WaitedTooLong, wait_until

CHECKPOINT = "checkpointID-"
# A process that goes on after it stood still is told of the end of its leadership within that, or counts as a leader.
# No measurement, which a busy machine would spoil: it tells a revoke by the clock from one that waits for an answer.
REACTION = 1.0
_FAILED = r"Failed to trigger or complete checkpoint \d+ for job (\w+)"
_STARTED = r"Job .*{job}.* switched from state \w+ to RUNNING"


@dataclass(frozen=True)
class Standstill:
    """A time in which a process could do nothing, in seconds since the epoch."""

    process: str
    start: float
    end: float


@dataclass
class Observation:
    """One fault and what came of it, from its beginning to when it was looked at."""

    # O1: two JobManagers led at the same time, counting only time in which the first could run; grants and revokes in turn.
    overlap_ms: int
    out_of_turn: list[str]
    # From the end of a standstill to the revoke; None where nothing stood still or nothing was lost.
    revoked_after_thaw_ms: int | None
    # Grants to the dispatcher of any JobManager.
    transitions: int
    # O2: writes of a job's ConfigMap by a former leader after its successor was granted; None without an audit log.
    stale_accepted: int | None
    stale_refused: int | None
    # O3: sentences.
    lost: list[str]
    # O6: pointers without a file.
    dangling: list[str]
    # O7: the job completed checkpoints again under one leader in time; the longest time without a completed checkpoint.
    available: bool
    downtime: float
    # O8.
    restarts: int
    failed_checkpoints: int
    # JobManagers that ended by themselves, and were started again as Kubernetes would.
    exits: int
    # O4 and O5, known when the job was stopped.
    not_exactly_once: list[str] | None = None
    leaks: list[str] | None = None
    # O2 of the whole history in etcd: writes of pointers and counters by others than the holder of the lock.
    foreign_writes: list[str] | None = None
    # Why leaderships were lost, as the jar says it; whoever was killed says nothing.
    causes: list[str] | None = None
    # Leaderships whose end is not reported exactly once, as sentences; None for Flink's own services, which report nothing.
    misreported: list[str] | None = None


def observe(
    cluster: FlinkCluster,
    job: CountingJob,
    since: float,
    standstills: Sequence[Standstill],
    audit: AuditLog | None,
    available: bool,
    exits: int,
) -> Observation:
    """Everything that can be known while the job still runs, since that time."""
    reports = None if STOCK else misreported(cluster)
    terms = oracles.leaderships(cluster)
    stale = None if audit is None else _stale_writes(cluster, job, terms, since, audit)
    return Observation(
        overlap_ms=round(1000 * overlap(terms, since, standstills)),
        out_of_turn=oracles.not_alternating(cluster),
        revoked_after_thaw_ms=revoked_after_thaw(terms, since, standstills),
        transitions=sum(len(process_grants(one, since)) for one in cluster.job_managers),
        stale_accepted=None if stale is None else sum(code < 300 for code in stale),
        stale_refused=None if stale is None else sum(code >= 300 for code in stale),
        lost=_lost(cluster, job, since),
        dangling=dangling_pointers(cluster, job),
        available=available,
        downtime=_downtime(cluster, job, since),
        restarts=_starts(cluster, job, since),
        failed_checkpoints=_count(cluster, _FAILED, job.id, since),
        exits=exits,
        causes=causes_of_losses(cluster, since),
        misreported=reports,
    )


def misreported(cluster: FlinkCluster) -> list[str]:
    """What the oracle says once everything is logged: native records may come a moment later than Flink's own."""
    with contextlib.suppress(WaitedTooLong):
        wait_until(lambda: not oracles.misreported(cluster), "a report for each end of a leadership", 10, 0.2)
    return oracles.misreported(cluster)


def causes_of_losses(cluster: FlinkCluster, since: float) -> list[str]:
    """Of all JobManagers, in order; without the name of whoever has stolen a lock."""
    hits = [hit for process in cluster.job_managers for log in process.logs for hit in log.find(LOST_BECAUSE, since)]
    return [hit[1].split(" by ")[0] for hit in sorted(hits, key=lambda hit: hit.at)]


def process_grants(process: JobManager, since: float) -> list[float]:
    """When its dispatcher was granted leadership, in every run of it."""
    terms = oracles.granted_at(process)
    return [at for at in terms if at >= since]


def _pieces(start: float, end: float, holes: Sequence[tuple[float, float]]) -> float:
    """The length of an interval without its holes, which do not overlap."""
    return max(0.0, end - start) - sum(max(0.0, min(end, b) - max(start, a)) for a, b in holes)


def _excused(term: Leadership, standstills: Sequence[Standstill]) -> list[tuple[float, float]]:
    """Times in which that leader could do nothing, with its reaction to going on if it was at once."""
    holes = []
    for one in standstills:
        if one.process == term.holder:
            reacts = one.end <= term.end <= one.end + REACTION
            holes.append((one.start, term.end if reacts else one.end))
    return holes


def overlap(terms: Sequence[Leadership], since: float, standstills: Sequence[Standstill]) -> float:
    """Seconds in which a leader led although another one had been granted leadership."""
    total = 0.0
    for index, before in enumerate(terms):
        for after in terms[index + 1 :]:
            start, end = max(before.start, after.start, since), min(before.end, after.end)
            if before.holder != after.holder and start < end:
                total += _pieces(start, end, _excused(before, standstills))
    return max(0.0, total)


def revoked_after_thaw(terms: Sequence[Leadership], since: float, standstills: Sequence[Standstill]) -> int | None:
    """Milliseconds from when a leader that had been followed could run again to its revoke; the longest of them."""
    reactions = [
        term.end - one.end
        for one in standstills
        for term in terms
        if term.holder == one.process and one.end >= since and term.start < one.start and one.end <= term.end
        # Only where it was followed meanwhile: else the leadership went on.
        if any(one.start < other.start < one.end and other.holder != one.process for other in terms)
    ]
    return round(1000 * max(reactions)) if reactions else None


def _stale_writes(
    cluster: FlinkCluster, job: CountingJob, terms: Sequence[Leadership], since: float, audit: AuditLog
) -> list[int]:
    """The codes of what JobManagers wrote to the job's ConfigMap after another was granted, before they were again."""
    writes = [
        one
        for one in audit.writes(cluster.namespace.user, since=since)
        if one.name == cluster.job_config_map(job.id)
    ]
    codes = []
    for write in writes:
        holders = [term.holder for term in terms if term.start <= write.received]
        if holders and write.user_agent.split("/")[0] != holders[-1]:
            codes.append(write.code)
    return codes


def completions(cluster: FlinkCluster, job: CountingJob, since: float = 0) -> list[tuple[float, int]]:
    """When each checkpoint was completed, and its number."""
    hits = (hit for process in cluster.job_managers for log in process.logs for hit in log.find(COMPLETED, since))
    return sorted((hit.at, int(hit[1])) for hit in hits if hit[2] == job.id)


def _lost(cluster: FlinkCluster, job: CountingJob, since: float) -> list[str]:
    """What was not restored although it was complete."""
    completed = completions(cluster, job)
    problems, restores = [], 0
    for process in cluster.job_managers:
        for log in process.logs:
            for hit in log.find(RESTORED, since):
                restores += hit[1] == job.id
                newest = max((number for at, number in completed if at < hit.at), default=0)
                if hit[1] == job.id and int(hit[2]) < newest:
                    problems.append(f"{process.name} restored checkpoint {hit[2]}, not {newest}")
    starts = _starts(cluster, job, since)
    if starts > restores:
        problems.append(f"started {starts} times, but restored {restores} times")
    return problems


def _count(cluster: FlinkCluster, pattern: str, job: str, since: float) -> int:
    hits = (hit for process in cluster.job_managers for log in process.logs for hit in log.find(pattern, since))
    return sum(hit[1] == job for hit in hits)


def _starts(cluster: FlinkCluster, job: CountingJob, since: float) -> int:
    """How often the job began to run."""
    return _count(cluster, _STARTED.format(job=f"({job.id})"), job.id, since)


def _downtime(cluster: FlinkCluster, job: CountingJob, since: float) -> float:
    """The longest time without a completed checkpoint, in seconds."""
    times = [at for at, _ in completions(cluster, job)]
    gaps = [(after - before) for before, after in zip(times, times[1:]) if after >= since]
    return round(max(gaps, default=0.0), 2)


def dangling_pointers(cluster: FlinkCluster, job: CountingJob) -> list[str]:
    """Pointers whose file is gone, and which are still there and not marked when they are looked at once more."""
    name = cluster.job_config_map(job.id)
    first = dangling(cluster.namespace.config_map(name), CHECKPOINT)
    again = dangling(cluster.namespace.config_map(name), CHECKPOINT) if first else []
    return [key for key in first if key in again]


def together(observations: Sequence[Observation]) -> Observation:
    """Several of the same fault: the worst of each figure, and all problems."""
    first, *others = [asdict(one) for one in observations]
    for other in others:
        for name, value in other.items():
            mine = first[name]
            if value is None or mine is None:
                first[name] = value if mine is None else mine
            elif name == "available":
                first[name] = mine and value
            else:
                # What is judged of a whole run stands in each of its faults.
                first[name] = list(dict.fromkeys([*mine, *value])) if isinstance(value, list) else max(mine, value)
    return Observation(**first)


def settling_times(
    audit: AuditLog | None, user: str, process: str, since: float, until: float
) -> list[float]:
    """For each write of a process that was applied: seconds since it was first tried; sorted."""
    tried: dict[str, float] = {}
    took = []
    for one in audit.writes(user, process, since, until) if audit else ():
        first = tried.setdefault(one.name, one.received)
        if one.code < 300:
            took.append(one.received - tried.pop(one.name, first))
    return sorted(took)


def missed(seen: Observation, expected: Mapping[str, Any]) -> list[str]:
    """A sentence for each oracle that was not met and each figure that is not as expected."""
    sentences = []
    if seen.overlap_ms:
        sentences.append(f"O1: two leaders for {seen.overlap_ms} ms")
    if seen.out_of_turn:
        sentences.append(f"O1: {seen.out_of_turn}")
    if seen.stale_accepted:
        sentences.append(f"O2: {seen.stale_accepted} writes of a former leader accepted")
    judges = (
        *(("O2", seen.foreign_writes), ("O3", seen.lost), ("O4", seen.not_exactly_once)),
        *(("O5", seen.leaks), ("O6", seen.dangling), ("black box", seen.misreported)),
    )
    for name, problems in judges:
        if problems:
            sentences.append(f"{name}: {problems}")
    if not seen.available:
        sentences.append("O7: not available again in time")
    expected = dict(expected)
    causes = expected.pop("causes", None)
    if isinstance(causes, Set):
        if others := [cause for cause in seen.causes or () if cause not in causes]:
            sentences.append(f"causes: {others}, expected none but {sorted(causes)}")
    elif causes is not None:
        expected["causes"] = causes
    for name, allowed in expected.items():
        found = getattr(seen, name)
        if found != allowed and not (isinstance(allowed, (range, tuple, set)) and found in allowed):
            sentences.append(f"{name}: {found}, expected {allowed}")
    return sentences
