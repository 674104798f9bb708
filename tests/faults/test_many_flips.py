"""Leadership is lost and regained again and again with many jobs."""

import time

from rig.counting import CountingJob
from rig.waiting import wait_until

from . import base
from .fleet import PATIENCE, Fleet
from .flips import LEASE, SETTINGS, flip

# What two cores can run with honest checkpoints: the matrix asks for 200 and 50.
_FLIPS, _JOBS = (40, 12) if base.FULL else (5, 4)
_COMPONENTS = ("dispatcher", "resourcemanager", "restserver")
_LEADER = "org.apache.flink.k8s.leader."


class F25ManyFlips(base.FaultTest):
    """After each: every leader is published, and every job runs."""

    row = "F-25"

    def test_everything_is_there_after_each(self) -> None:
        settings = {**SETTINGS, "taskmanager.numberOfTaskSlots": str(_JOBS + 2)}
        fleet = self.fleet(settings=settings)
        fleet.running()
        jobs = [
            CountingJob(fleet.cluster, rate=10, parallelism=1, name=f"more-{n}").submit() for n in range(_JOBS - 1)
        ]
        self._wait_until_whole(fleet, jobs)
        fleet.begin()
        took = []
        for _ in range(_FLIPS):
            began = time.time()
            flip(fleet)
            wait_until(lambda: self._regained(fleet, began), "a leader", 10 * LEASE + PATIENCE, 0.1)
            granted = time.time()
            self._wait_until_whole(fleet, jobs)
            took.append(time.time() - granted)
            fleet.settle()
        seen = fleet.observe()
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.wait_for("CANCELED", PATIENCE)
        fleet.finish()
        self.expect(seen, transitions=None, restarts=None, failed_checkpoints=None)
        self.record(
            "", seen, flips=_FLIPS, jobs=_JOBS, longest_from_grant_to_all_jobs_running=f"{max(took):.1f} s"
        )

    @staticmethod
    def _regained(fleet: Fleet, since: float) -> bool:
        fleet.start_again()
        return any(process.grants(since) for process in fleet.cluster.job_managers)

    @staticmethod
    def _wait_until_whole(fleet: Fleet, jobs: list[CountingJob]) -> None:
        ids = {fleet.job.id, *(job.id for job in jobs)}

        def missing() -> set[str]:
            fleet.start_again()
            data = (fleet.cluster.namespace.config_map(fleet.cluster.cluster_config_map) or {}).get("data") or {}
            keys = {_LEADER + name for name in (*_COMPONENTS, *(f"job-{job}" for job in ids))}
            states = fleet.cluster.rest.job_states()
            return {key for key in keys if not data.get(key)} | {job for job in ids if states.get(job) != "RUNNING"}

        wait_until(lambda: not missing(), "all jobs and leaders", PATIENCE, 0.3, lambda: str(missing()))
