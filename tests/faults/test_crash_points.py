"""A JobManager is killed at each step of a job's life: submission, checkpoints, cancellation, clean-up."""

import contextlib
import secrets
import time
from typing import Any

from rig import prepare
from rig.counting import CountingJob, check_output
from rig.crash_points import CrashingPath, CrashPoint, Steps
from rig.flink import FlinkCluster
from rig.flink_rest import RestFailure
from rig.waiting import WaitedTooLong, wait_until

from . import base
from .fleet import PATIENCE
from .observation import Observation, observe, together

_ELECTION = "high-availability.kubernetes.leader-election."
# Take-overs wait for it, and there are many.
_LEASE = 8 if base.FULL else 6
_SETTINGS = {
    _ELECTION + "lease-duration": f"{_LEASE} s",
    _ELECTION + "renew-deadline": f"{_LEASE} s",
    _ELECTION + "retry-period": "2 s",
}
_GONE = (None, "CANCELED", "FINISHED")


class F23CrashPoints(base.FaultTest):
    """The steps are those that a job without a crash is seen to take; each is crashed at from both sides."""

    row = "F-23"

    def setUp(self) -> None:
        super().setUp()
        self.steps = Steps()

    def flink(self, *arguments: Any, **options: Any) -> FlinkCluster:
        cluster = super().flink(*arguments, **options)
        kubernetes = base.kubernetes()
        certificate, key = map(str, kubernetes.certificate)  # type: ignore[attr-defined]
        for process in cluster.job_managers:
            path = CrashingPath(kubernetes.access, certificate, key, self.steps, process.kill)
            self.addCleanup(path.close)
            process.settings["kubernetes.config.file"] = cluster.kubeconfig(path.server, process.name)
        return cluster

    def test_each_step(self) -> None:
        self.cluster = self.flink(settings=_SETTINGS)
        self.cluster.start(PATIENCE)
        jar = self.cluster.rest.upload_jar(prepare.counting_job(self.cluster.version))
        del jar
        steps = self._dry_run()
        self.report(f"steps: {steps}")
        points = [CrashPoint(step, after) for step in steps for after in (False, True)]
        seen: list[Observation] = []
        left: dict[str, list[str]] = {}
        for point in points:
            one, leaks = self._crash(point)
            seen.append(one)
            if leaks:
                left[str(point)] = leaks
            self.report(f"{point}: {leaks or 'nothing left'}")
        whole = together(seen)
        for point, leaks in left.items():
            self.report(f"left after a crash {point}: {leaks}")
        self.expect(whole, transitions=None, restarts=None, failed_checkpoints=None, exits=None)
        self.record(
            "crash points",
            whole,
            crash_points=len(points),
            points_that_left_something=len(left),
        )

    def _dry_run(self) -> list[str]:
        """The steps of a life without a crash."""
        job = self._submit(None)
        assert job
        self._wait_for_checkpoints(job)
        self._cancel(job)
        self._wait_until_gone(job)
        self._leaks()
        return list(dict.fromkeys(self.steps.seen))

    def _crash(self, point: CrashPoint) -> tuple[Observation, list[str]]:
        """One life with a crash in it; what came of it, and what is left when the job is gone."""
        self._restart_what_ended()
        began = time.time()
        job = self._submit(point)
        cancelled = False
        if not self.steps.crashed.is_set():
            self._wait_for_checkpoints(job)
        if not self.steps.crashed.is_set():
            cancelled = self._cancel(job)
            self.steps.crashed.wait(30)
        self.assertTrue(self.steps.crashed.is_set(), f"there was no crash {point}")
        self._restart_what_ended()
        leader = self.cluster.wait_for_leader(PATIENCE)
        leader.wait_for_grant(PATIENCE)
        self._wait_for_task_managers()
        known = self.cluster.rest.job_state(job.id) not in _GONE
        if self.accepted and not cancelled:
            job.wait_for("RUNNING", PATIENCE)
            known = True
        if known:
            self._wait_for_checkpoints(job)
            self._cancel(job)
        self._wait_until_gone(job)
        leaks = self._leaks()
        seen = observe(self.cluster, job, began, [], base.kubernetes().audit, True, 0)
        seen.not_exactly_once = check_output(job.output).problems
        seen.leaks = leaks
        return seen, leaks

    def _submit(self, point: CrashPoint | None) -> CountingJob:
        """Submits a job; `accepted` says whether the client was told that it is."""
        job = CountingJob(self.cluster, rate=200, parallelism=1, name=f"life-{secrets.token_hex(3)}")
        job.id = secrets.token_hex(16)
        self.steps.follow(job.id, point)
        self.accepted = False
        rest = self.cluster.wait_for_leader(PATIENCE).rest
        with contextlib.suppress(RestFailure):
            jar = rest.upload_jar(prepare.counting_job(self.cluster.version))
            body = {"programArgsList": job.arguments, "jobId": job.id}
            rest.request("POST", f"/jars/{jar}/run", body, limit=60)
            self.accepted = True
        return job

    def _cancel(self, job: CountingJob) -> bool:
        """Asks for it; whether it was heard."""
        try:
            job.cancel()
            return True
        except (RestFailure, StopIteration):
            return False

    def _wait_for_checkpoints(self, job: CountingJob) -> None:
        """Two of them, or the crash."""

        def done() -> bool:
            if self.steps.crashed.is_set() and not job.state():
                return True
            return any(job.completed_checkpoint(one) >= 3 for one in self.cluster.job_managers if one.logs)

        wait_until(done, "checkpoints", PATIENCE, 0.1, self.cluster.tails)

    def _wait_until_gone(self, job: CountingJob) -> None:
        wait_until(lambda: job.state() in _GONE, f"the end of {job.id}", PATIENCE, 0.2, self.cluster.tails)

    def _wait_for_task_managers(self) -> None:
        self.cluster.wait_for_task_managers(PATIENCE)

    def _leaks(self) -> list[str]:
        def left() -> list[str]:
            names = [name for name in self.cluster.namespace.config_maps() if name != self.cluster.cluster_config_map]
            return [*names, *self.cluster.stored_files()]

        with contextlib.suppress(WaitedTooLong):
            wait_until(lambda: not left(), "the clean-up of the job", 20, 0.2)
        found = left()
        for name in found:
            # What this point has left is not counted at the next one.
            (self.cluster.storage / name).unlink(missing_ok=True)
        return found

    def _restart_what_ended(self) -> None:
        for process in self.cluster.job_managers:
            if process.child and not process.running:
                process.start()
