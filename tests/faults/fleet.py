"""A Flink cluster with the counting job, a path to the API server for each JobManager, and a seed."""

import contextlib
import math
import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from cluster.base import LEASE
from rig import jdwp
from rig.audit import AuditLog, Request
from rig.counting import CountingJob, check_output
from rig.flink import STANDS_BY, FlinkCluster, JobManager
from rig.flink_rest import RestFailure
from rig.pointers import pointers
from rig.processes import free_port
from rig.proxy import Mode
from rig.tampering import Tampering
from rig.waiting import WaitedTooLong, holds_for, wait_until
from rig.writers import foreign_writes

from .observation import CHECKPOINT, Observation, Standstill, completions, observe

# O7: the job runs again within that.
PATIENCE = 180
# What a completed checkpoint's metadata is stored in.
_METADATA = "completedCheckpoint*"
# What a JobManager ends with when it was told to.
_TOLD = (0, 128 + signal.SIGTERM, -signal.SIGTERM, -signal.SIGKILL)


class Path(Protocol):
    """A way to the API server that can be broken."""

    @property
    def server(self) -> str:
        """The URL for a kubeconfig."""

    def close(self) -> None:
        """Ends it."""


class Fleet:
    """One running cluster; `running`, then a fault, then `settle` and `observe`, again and again, at last `finish`."""

    def __init__(
        self,
        cluster: FlinkCluster,
        make_path: Callable[[], Path] | None,
        seed: int,
        audit: AuditLog | None,
        debug: bool = False,
    ) -> None:
        self.cluster = cluster
        self.random = random.Random(seed)
        self.paths: dict[str, Any] = {}
        self.began = time.time()
        self.observations: list[Observation] = []
        # The newest in etcd when the present fault, and each that was observed, began.
        self._revision = 0
        self._revisions: list[int] = []
        self._audit = audit
        self._standstills: list[Standstill] = []
        self._debug: dict[str, int] = {}
        self._available, self._exits = True, 0
        self.job: CountingJob
        for process in cluster.job_managers:
            if make_path:
                path = self.paths[process.name] = make_path()
                process.settings["kubernetes.config.file"] = cluster.kubeconfig(path.server, process.name)
            if debug:
                port = self._debug[process.name] = free_port()
                process.settings["env.java.opts.jobmanager"] = jdwp.option(port)

    def start(self, **job: Any) -> None:
        """Starts everything, and the counting job with these options."""
        self.cluster.start(PATIENCE)
        self.job = CountingJob(self.cluster, **job).submit()
        self.job.wait_for("RUNNING", PATIENCE)

    def running(self) -> tuple[JobManager, JobManager | None]:
        """Waits until the job runs and every other JobManager waits for the lock; the next fault begins now.

        The leader, and one that waits for the lock, if there is any.
        """
        assert self.settle(), f"the job does not run\n{self.cluster.tails()}"
        leader = self.cluster.wait_for_leader(PATIENCE)
        others = [one for one in self.cluster.job_managers if one.running and one is not leader]
        for one in others:
            one.wait_for_log(STANDS_BY, PATIENCE)
        self.job.wait_for_checkpoints(leader, 2, PATIENCE)
        self.begin()
        return leader, others[0] if others else None

    def begin(self) -> None:
        """What is observed begins now."""
        self._available, self._exits = True, 0
        history = self.cluster.namespace.kubernetes.history
        self._revision = history.newest() if history else 0
        self.began = time.time()

    def settle(self, limit: float = PATIENCE) -> bool:
        """Waits until the job runs and two more checkpoints were completed under one leader; whether they were.

        A JobManager that has ended is started again, as Kubernetes does.
        """
        seen: tuple[JobManager | None, int] = (None, 0)

        def steady() -> bool:
            nonlocal seen
            self.start_again()
            leader = self.cluster.leader()
            if leader is None or self.job.state() != "RUNNING":
                seen = (None, 0)
                return False
            completed = self.job.completed_checkpoint(leader)
            if seen[0] is not leader:
                seen = (leader, completed)
            return completed >= seen[1] + 2

        try:
            wait_until(steady, "a running job", limit, 0.2)
        except WaitedTooLong:
            self._available = False
        return self._available

    def start_again(self) -> None:
        """Starts what has ended, as Kubernetes does."""
        for process in self.cluster.job_managers:
            if process.child and not process.running:
                self._exits += process.child.exit_code not in _TOLD
                process.start()

    @contextlib.contextmanager
    def broken(self, mode: Mode, *processes: JobManager) -> Iterator[None]:
        """The paths of these JobManagers, of all if none is named, are in that mode; of a fleet with FaultProxies."""
        chosen = [self.paths[one.name] for one in processes] or list(self.paths.values())
        for path in chosen:
            path.mode = mode
        try:
            yield
        finally:
            for path in chosen:
                path.mode = Mode.FORWARD

    @contextlib.contextmanager
    def frozen(self, process: JobManager) -> Iterator[None]:
        """Its process is stopped."""
        process.freeze()
        start = time.time()
        try:
            yield
        finally:
            self._standstills.append(Standstill(process.name, start, time.time()))
            process.thaw()

    @contextlib.contextmanager
    def suspended(self, process: JobManager) -> Iterator[None]:
        """Its JVM is suspended; for a fleet made with `debug`."""
        debugger = jdwp.Debugger(self._debug[process.name])
        try:
            debugger.suspend()
            start = time.time()
            try:
                yield
            finally:
                self._standstills.append(Standstill(process.name, start, time.time()))
                debugger.resume()
        finally:
            debugger.close()

    @contextlib.contextmanager
    def caught(self, process: JobManager, class_name: str, method: str) -> Iterator[None]:
        """The next thread that enters the method stands still there; for a fleet made with `debug`."""
        debugger = jdwp.Debugger(self._debug[process.name])
        try:
            thread = debugger.catch(class_name, method, 30)
            yield
            debugger.let_go(thread)
        finally:
            debugger.close()

    def observe(self) -> Observation:
        """What came of the last fault."""
        seen = observe(
            self.cluster, self.job, self.began, self._standstills, self._audit, self._available, self._exits
        )
        self.observations.append(seen)
        self._revisions.append(self._revision)
        return seen

    def finish(self) -> Observation:
        """What came of the last fault; the job is stopped, which tells of all faults what it wrote and left."""
        seen = self.observations[-1] if self.observations else self.observe()
        self._wait_for_former_leaders()
        if self._available and not self._stop_job():
            seen.available = False
        if seen.available:
            output, leaks = check_output(self.job.output).problems, self._leaks()
            for one in self.observations:
                one.not_exactly_once, one.leaks = output, leaks
        self._judge_writers()
        return seen

    def _wait_for_former_leaders(self) -> None:
        """Gives them the time to find out which of their files nothing points to: after the job's end nothing tells them any more."""
        name = self.cluster.job_config_map(self.job.id)
        seen: set[str] | None = None

        def nothing_is_left() -> bool:
            nonlocal seen
            stored = {file.name for file in self.cluster.storage.rglob(_METADATA)}
            known = {one.file.name for one in pointers(self.cluster.namespace.config_map(name), CHECKPOINT)}
            # A checkpoint that is being completed has its file before its pointer: what counts is what stays.
            before, seen = seen, stored - known
            return not seen or (before is not None and not before & seen)

        with contextlib.suppress(WaitedTooLong):
            wait_until(nothing_is_left, "files that nothing points to", 45, 2)

    def _judge_writers(self) -> None:
        """Each change of a checkpoint pointer or counter, beside the fault in or after which it was made."""
        namespace = self.cluster.namespace
        if not namespace.kubernetes.history or not self._audit:
            return
        revisions = namespace.kubernetes.history.revisions(namespace.name)
        authors = self._audit.authors(namespace.name)
        for one, since, until in zip(self.observations, self._revisions, [*self._revisions[1:], math.inf]):
            one.foreign_writes = foreign_writes(revisions, authors, since=since, until=until)

    def _stop_job(self) -> bool:
        """Stops it with a savepoint, which commits what it wrote; whether that went well.

        Its end is read from logs: a leader can forget jobs that end.
        """
        asked, ended = time.time(), rf"Job {self.job.id} reached terminal state FINISHED"
        try:
            wait_until(self._asked_to_stop, "the job to take a savepoint", PATIENCE, 1)
            wait_until(
                lambda: any(one.log.first(ended, asked) for one in self.cluster.job_managers), "its end", PATIENCE, 0.1
            )
            return True
        except WaitedTooLong:
            return False

    def _asked_to_stop(self) -> bool:
        try:
            self.cluster.rest.request("POST", f"/jobs/{self.job.id}/stop", {"drain": False})
            return True
        except RestFailure:
            return False

    def _leaks(self) -> list[str]:
        """ConfigMaps and files that an ended job has left; the clean-up is given some time."""

        def left() -> list[str]:
            names = [name for name in self.cluster.namespace.config_maps() if name != self.cluster.cluster_config_map]
            return [*names, *self.cluster.stored_files()]

        with contextlib.suppress(WaitedTooLong):
            wait_until(lambda: not left(), "the clean-up of the job", 20, 0.2)
        return left()

    def after_first_lease(self, leader: JobManager) -> None:
        """Waits out one lease from its grant, in which it reckons with others whom it has not seen."""
        self.wait(leader.grants()[-1].at + LEASE + 1 - time.time())

    def after_renewal(self) -> None:
        """Waits for the next renewal of the lock, two leases at most."""
        tampering, name = Tampering(self.cluster), self.cluster.cluster_config_map
        before = tampering.lock(name)
        with contextlib.suppress(WaitedTooLong):
            wait_until(lambda: tampering.lock(name) != before, "a renewal", 2 * LEASE, 0.02)

    def wait_for_checkpoints(self, count: int, limit: float = 300) -> int:
        """Waits until so many were completed since the beginning of the fault, by anybody; how many there are."""

        def completed() -> int:
            return len(completions(self.cluster, self.job, self.began))

        with contextlib.suppress(WaitedTooLong):
            wait_until(lambda: completed() >= count, f"{count} checkpoints", limit, 0.2)
        return completed()

    def hold_up_a_write(self, leader: JobManager, limit: float = 20) -> None:
        """Black-holes the path of the leader, and waits until it has had the time to try to store a checkpoint."""
        path = self.paths[leader.name]
        path.mode = Mode.BLACK_HOLE
        sent = path.bytes_up
        wait_until(lambda: path.bytes_up > sent, "a request on its way", limit, 0.02)
        self.wait(5)

    def codes(self, process: JobManager, since: float) -> list[int]:
        """What the API server answered to that process."""
        # Whoever is not known has no name.
        requests = self._audit.requests(None, process.name, since) if self._audit else ()
        users = ("", self.cluster.namespace.user)
        return [one.code for one in requests if one.user in users and self._is_ours(one)]

    def _is_ours(self, request: Request) -> bool:
        return request.namespace in ("", self.cluster.namespace.name)

    def wait_for_code(self, process: JobManager, code: int, limit: float) -> float:
        """Waits until the API server has answered so; when it was seen."""
        wait_until(lambda: code in self.codes(process, self.began), f"an answer {code}", limit, 0.2)
        return time.time()

    @staticmethod
    def wait(seconds: float) -> None:
        """Lets a fault last."""
        if seconds > 0:
            holds_for(lambda: True, "time", seconds)
