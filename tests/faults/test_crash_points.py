"""A JobManager is killed at each step of a job's life: submission, checkpoints, cancellation, clean-up."""

import contextlib
import random
import secrets
from typing import Any

from rig import prepare
from rig.counting import CountingJob, check_output
from rig.crash_points import CrashingPath, CrashPoint, Steps
from rig.flink import FlinkCluster
from rig.flink_rest import RestFailure
from rig.waiting import WaitedTooLong, wait_until

from . import base
from .fleet import PATIENCE
from .observation import Observation, completions, observe, together

_ELECTION = "high-availability.kubernetes.leader-election."
# Take-overs wait for it, and there are many.
_LEASE = 6
_SETTINGS = {
    _ELECTION + "lease-duration": f"{_LEASE} s",
    _ELECTION + "renew-deadline": f"{_LEASE} s",
    _ELECTION + "retry-period": "2 s",
}
# Without --full, of all points, by the seed.
_SAMPLE = 4
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
        steps = self._dry_run()
        self.report(f"steps: {steps}")
        points = [CrashPoint(step, after) for step in steps for after in (False, True)]
        chosen = points if base.FULL else random.Random(base.SEED).sample(points, _SAMPLE)
        seen: list[Observation] = []
        with_files: dict[str, int] = {}
        for point in chosen:
            one, files = self._crash(point)
            seen.append(one)
            if files:
                with_files[str(point)] = len(files)
            self.report(f"{point}: {one.leaks or 'nothing'} left in Kubernetes, {files or 'nothing'} in storage")
        whole = together(seen)
        self.expect(whole, transitions=None, restarts=None, failed_checkpoints=None, exits=None)
        left = "; ".join(f"{count} killed {point}" for point, count in with_files.items()) or "none"
        self.record("", whole, crash_points=f"{len(chosen)} of {len(points)}", files_that_nobody_points_to=left)

    def _dry_run(self) -> list[str]:
        """The steps of a life without a crash."""
        job = self._submit(None)
        assert job
        self._wait_for_checkpoints(job)
        self._cancel(job)
        self._wait_until_gone(job)
        self._leaks(job)
        return list(dict.fromkeys(self.steps.seen))

    def _crash(self, point: CrashPoint) -> tuple[Observation, list[str]]:
        """One life with a crash in it; what came of it, and the files that are left when the job is gone."""
        self._restart_what_ended()
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
        self.cluster.wait_for_task_managers(PATIENCE)
        known = self.cluster.rest.job_state(job.id) not in _GONE
        if self.accepted and not cancelled:
            job.wait_for("RUNNING", PATIENCE)
            known = True
        if known:
            self._wait_for_checkpoints(job)
            self._cancel(job)
        self._wait_until_gone(job)
        crashed = self.steps.crashed_at
        seen = observe(self.cluster, job, crashed, [], base.kubernetes().audit, True, 0)
        if not any(at < crashed for at, _ in completions(self.cluster, job)):
            seen.lost = []  # there was nothing to restore
        seen.not_exactly_once = check_output(job.output).problems
        seen.leaks, files = self._leaks(job)
        return seen, files

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

    def _leaks(self, job: CountingJob) -> tuple[list[str], list[str]]:
        """What is left of a job in Kubernetes, and which files are left that nothing there points to."""
        namespace, name = self.cluster.namespace, self.cluster.cluster_config_map

        def in_kubernetes() -> list[str]:
            keys = list((namespace.config_map(name) or {}).get("data") or {})
            return [one for one in (*namespace.config_maps(), *keys) if job.id in one]

        with contextlib.suppress(WaitedTooLong):
            wait_until(lambda: not in_kubernetes() and not self.cluster.stored_files(), "the clean-up", 20, 0.2)
        files = self.cluster.stored_files()
        for file in files:
            # What this point has left is not counted at the next one.
            (self.cluster.storage / file).unlink(missing_ok=True)
        return in_kubernetes(), files

    def _restart_what_ended(self) -> None:
        for process in self.cluster.job_managers:
            if process.child and not process.running:
                process.start()
