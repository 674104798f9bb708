"""Jobs that come to their end while leadership changes."""

from rig.counting import CountingJob, check_output
from rig.flink import FlinkCluster
from rig.waiting import WaitedTooLong, wait_until

from . import base
from .fleet import PATIENCE, Fleet
from .flips import SETTINGS, flip, kill_whoever_leads

_ROUNDS = 20 if base.FULL else 4
_JOBS = 4
_RATE = 100
_RECORDS = 6 * _RATE
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
        again, wrong, stuck, count = 0, list[str](), 0, 0
        for round_ in range(_ROUNDS):
            jobs = self._submit(fleet, round_)
            flip(fleet)
            if not self._wait_until_ended(fleet, jobs):
                stuck += 1
                kill_whoever_leads(fleet)
                self._wait_until_ended(fleet, jobs)
            fleet.settle()
            for number, job in enumerate(jobs):
                count += 1
                again += self._runs_after_its_end(fleet.cluster, job.id)
                wrong += self._wrong_output(job, number)
        seen = fleet.observe()
        fleet.finish()
        for sentence in wrong:
            self.report(sentence)
        figures = {"jobs": count, "run_again_after_their_end": again, "with_wrong_output": len(wrong)}
        self.record(f"{_ROUNDS} changes of leader", seen, **figures, leaders_without_a_dispatcher=stuck)
        # How often leadership changes and jobs are restarted is a matter of the moment at which it went.
        self.expect(seen, transitions=None, restarts=None, failed_checkpoints=None, causes={"stolen"})
        if not base.STOCK:
            self.assertEqual(0, stuck, "a leader without a dispatcher")
            self.assertEqual([], wrong)

    def _submit(self, fleet: Fleet, round_: int) -> list[CountingJob]:
        """Jobs that end one soon after the other, when the first has ended."""
        cluster = fleet.cluster
        jobs = [
            CountingJob(cluster, _RATE, _RECORDS + _APART * n, parallelism=1, name=f"ends-{round_}-{n}").submit()
            for n in range(_JOBS)
        ]
        wait_until(lambda: self._count(cluster, _FINISHED, jobs[0].id), "the first job to end", PATIENCE, 0.02)
        return jobs

    @staticmethod
    def _wait_until_ended(fleet: Fleet, jobs: list[CountingJob]) -> bool:
        """Whether nothing is left of these jobs in Kubernetes in time."""

        def ended() -> bool:
            fleet.start_again()
            cluster = fleet.cluster
            names = list(cluster.namespace.config_maps())
            keys = list((cluster.namespace.config_map(cluster.cluster_config_map) or {}).get("data") or {})
            return not any(job.id in text for text in (*names, *keys) for job in jobs)

        try:
            wait_until(ended, "the end of all jobs", PATIENCE, 0.5)
            return True
        except WaitedTooLong:
            return False

    @staticmethod
    def _wrong_output(job: CountingJob, number: int) -> list[str]:
        output, expected = check_output(job.output), _RECORDS + _APART * number
        if output.records == expected:
            return output.problems
        return [*output.problems, f"{output.records} records of a job with {expected}"]

    @staticmethod
    def _count(cluster: FlinkCluster, pattern: str, job: str, since: float = 0) -> int:
        found = (log.find(pattern.format(job=job), since) for one in cluster.job_managers for log in one.logs)
        return sum(1 for hits in found for _ in hits)

    def _runs_after_its_end(self, cluster: FlinkCluster, job: str) -> bool:
        """Whether it was started after somebody had seen it finish."""
        pattern = _FINISHED.format(job=job)
        ends = [hit.at for one in cluster.job_managers for log in one.logs for hit in log.find(pattern)]
        return bool(ends) and self._count(cluster, _RUNNING, job, min(ends)) > 0
