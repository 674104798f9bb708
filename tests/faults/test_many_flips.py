"""Leadership is lost and regained again and again with many jobs."""

import time

from rig.counting import CountingJob
from rig.waiting import WaitedTooLong, wait_until

from . import base
from .fleet import PATIENCE, Fleet
from .flips import LEASE, SETTINGS, flip, kill_whoever_leads

_FLIPS, _JOBS = (200, 50) if base.FULL else (8, 6)
# Seconds after which no further flip is made: on two cores it takes about a quarter of a minute until fifty jobs run again.
_BUDGET = 3600
_COMPONENTS = ("dispatcher", "resourcemanager", "restserver")
_LEADER = "org.apache.flink.k8s.leader."


class F25ManyFlips(base.FaultTest):
    """After each: every leader is published, and every job runs."""

    row = "F-25"

    def test_everything_is_there_after_each(self) -> None:
        # Fifty jobs with a checkpoint every half second are more than two cores can do.
        interval = "5 s" if base.FULL else "500 ms"
        settings = {"taskmanager.numberOfTaskSlots": str(_JOBS + 2), "execution.checkpointing.interval": interval}
        fleet = self.fleet(settings={**SETTINGS, **settings})
        fleet.running()
        others = [CountingJob(fleet.cluster, 10, parallelism=1, name=f"more-{n}").submit() for n in range(_JOBS - 1)]
        jobs = [fleet.job, *others]
        self._wait_until_whole(fleet, jobs)
        fleet.begin()
        flips, took, incomplete = 0, [], 0
        while flips < _FLIPS and time.time() - fleet.began < _BUDGET:
            flips, began = flips + 1, time.time()
            flip(fleet)
            wait_until(lambda: self._regained(fleet, began), "a leader", 10 * LEASE + PATIENCE, 0.1)  # type: ignore[misc]
            granted = time.time()
            if self._wait_until_whole(fleet, jobs):
                took.append(time.time() - granted)
            else:
                incomplete += 1
                kill_whoever_leads(fleet)
        fleet.settle()
        seen = fleet.observe()
        self._cancel(fleet, others)
        fleet.finish()
        self.expect(seen, transitions=None, restarts=None, failed_checkpoints=None, causes={"stolen"})
        if not base.STOCK:
            self.assertEqual(0, incomplete, "a job does not run, or a leader is not published")
        figures = {"from_grant_to_all_jobs_running": f"{max(took, default=0):.1f} s", "incomplete": incomplete}
        if base.FULL:
            figures = {"flips": flips, "mean": f"{sum(took) / max(1, len(took)):.1f} s", **figures}
        times = f"{_FLIPS} times" if flips == _FLIPS else f"as often as {_BUDGET // 60} minutes allow"
        self.record(f"{times}, {_JOBS} jobs", seen, **figures)

    @staticmethod
    def _regained(fleet: Fleet, since: float) -> bool:
        fleet.start_again()
        return any(process.grants(since) for process in fleet.cluster.job_managers)

    @staticmethod
    def _wait_until_whole(fleet: Fleet, jobs: list[CountingJob]) -> bool:
        """Whether all jobs run and all leaders are published in time."""
        ids = {job.id for job in jobs}

        def missing() -> set[str]:
            fleet.start_again()
            data = (fleet.cluster.namespace.config_map(fleet.cluster.cluster_config_map) or {}).get("data") or {}
            keys = {_LEADER + name for name in (*_COMPONENTS, *(f"job-{job}" for job in ids))}
            states = fleet.cluster.rest.job_states()
            return {key for key in keys if not data.get(key)} | {job for job in ids if states.get(job) != "RUNNING"}

        try:
            wait_until(lambda: not missing(), "all jobs and leaders", PATIENCE, 0.3)
            return True
        except WaitedTooLong:
            return False

    @staticmethod
    def _cancel(fleet: Fleet, jobs: list[CountingJob]) -> None:
        for job in jobs:
            job.cancel()
        ids = {job.id for job in jobs}

        def running() -> bool:
            states = fleet.cluster.rest.job_states()
            return any(states.get(job) == "RUNNING" for job in ids)

        wait_until(lambda: not running(), "the end of the other jobs", PATIENCE, 0.3)
