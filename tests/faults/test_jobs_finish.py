"""Jobs that come to their end while leadership changes."""

from rig.counting import CountingJob, check_output
from rig.flink import FlinkCluster
from rig.waiting import wait_until

from . import base
from .fleet import PATIENCE, Fleet
from .flips import SETTINGS, flip

_ROUNDS = 20 if base.FULL else 3
_JOBS = 4
_RATE = 100
# How much later each job of a round ends than the one before it, in records.
_APART = 40
_FINISHED = r"Job ({job}) reached terminal state FINISHED"
_RUNNING = r"Job .*({job}).* switched from state \w+ to RUNNING"


class F24JobsFinish(base.FaultTest):
    """The first of some jobs has finished when leadership goes; the others follow within a second or two."""

    row = "F-24"

    def test_each_ends_once_and_with_all_of_its_output(self) -> None:
        fleet = self.fleet(settings={**SETTINGS, "taskmanager.numberOfTaskSlots": str(_JOBS + 2)})
        fleet.running()
        cluster = fleet.cluster
        again, wrong, count = 0, [], 0
        for round_ in range(_ROUNDS):
            jobs = [
                CountingJob(cluster, _RATE, 6 * _RATE + _APART * n, parallelism=1, name=f"ends-{round_}-{n}").submit()
                for n in range(_JOBS)
            ]
            wait_until(lambda: self._count(cluster, _FINISHED, jobs[0].id), "the first job to end", PATIENCE, 0.02)  # type: ignore[misc]
            flip(fleet)
            wait_until(lambda: self._ended(fleet, jobs), "the end of all jobs", 2 * PATIENCE, 0.5, cluster.tails)  # type: ignore[misc]
            fleet.settle()
            for number, job in enumerate(jobs):
                output, count = check_output(job.output), count + 1
                again += self._runs_after_its_end(cluster, job.id)
                wrong += output.problems
                if output.records != 6 * _RATE + _APART * number:
                    wrong.append(f"{output.records} records of a job with {6 * _RATE + _APART * number}")
        seen = fleet.observe()
        fleet.finish()
        for sentence in wrong:
            self.report(sentence)
        self.expect(seen, transitions=None, restarts=None, failed_checkpoints=None)
        if not base.STOCK:
            self.assertEqual([], wrong)
        self.record("", seen, jobs=count, run_again_after_their_end=again, with_wrong_output=len(wrong))

    @staticmethod
    def _count(cluster: FlinkCluster, pattern: str, job: str, since: float = 0) -> int:
        found = (log.find(pattern.format(job=job), since) for one in cluster.job_managers for log in one.logs)
        return sum(1 for hits in found for _ in hits)

    def _runs_after_its_end(self, cluster: FlinkCluster, job: str) -> bool:
        """Whether it was started after somebody had seen it finish."""
        ends = [
            hit.at for one in cluster.job_managers for log in one.logs for hit in log.find(_FINISHED.format(job=job))
        ]
        return bool(ends) and self._count(cluster, _RUNNING, job, min(ends)) > 0

    @staticmethod
    def _ended(fleet: Fleet, jobs: list[CountingJob]) -> bool:
        """Whether nothing is left of these jobs in Kubernetes."""
        fleet.start_again()
        cluster = fleet.cluster
        names = list(cluster.namespace.config_maps())
        keys = list(((cluster.namespace.config_map(cluster.cluster_config_map) or {}).get("data") or {}))
        return not any(job.id in text for text in (*names, *keys) for job in jobs)
