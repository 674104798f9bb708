"""The way to the API server fails for the leader alone."""

import contextlib
import random

from rig.counting import CountingJob
from rig.flink import COMPLETED, RESTORED, JobManager
from rig.proxy import Mode
from rig.waiting import WaitedTooLong, wait_until

from . import base
from .fleet import Fleet
from .observation import together

_ROUNDS = 20 if base.FULL else 1


class F04PathIsBlackHoled(base.FaultTest):
    """At a moment that chance decides, with a standby; twenty times with --full."""

    row = "F-04"

    def test_revoked_before_the_standby_leads(self) -> None:
        fleet = self.fleet()
        for turn in range(_ROUNDS):
            leader, standby = fleet.running()
            assert standby
            fleet.wait(random.Random(base.SEED + turn).uniform(0, 5))
            fleet.begin()
            with fleet.broken(Mode.BLACK_HOLE, leader):
                standby.wait_for_log(RESTORED, 3 * base.LEASE, fleet.began)
                fleet.wait(5)
            fleet.settle()
            fleet.observe()
        fleet.finish()
        for seen in fleet.observations:
            self.expect(seen, transitions=1, restarts=1, failed_checkpoints=None, causes=["api-unreachable"])
        self.record(f"{_ROUNDS} times" if _ROUNDS > 1 else "", together(fleet.observations))


class F05PathIsSlow(base.FaultTest):
    """Each round trip takes longer; nothing happens up to what one attempt at a renewal is given, then a clean loss."""

    row = "F-05"
    in_ci = True
    # Two round trips make a new connection and an answer. In between, either may be: it is up to the moment.
    times = (1, 2, 4, 8) if base.FULL else (1, 8)
    held = 1
    # Longer than a lease.
    lasting = 20

    def test_slower_and_slower(self) -> None:
        fleet = self.fleet()
        for seconds in self.times:
            leader, _ = fleet.running()
            fleet.paths[leader.name].delay = seconds / 2
            fleet.wait(self.lasting)
            fleet.paths[leader.name].delay = 0
            fleet.settle()
            fleet.observe()
        fleet.finish()
        for seconds, seen in zip(self.times, fleet.observations):
            if seconds <= self.held:
                self.expect(seen)
            else:
                self.expect(seen, transitions=range(2), restarts=range(2), failed_checkpoints=None, causes={"api-unreachable"})
            self.record(f"{seconds} s more for each round trip, for {self.lasting} s", seen)


class F06RepliesAreLost(base.FaultTest):
    """After the request was carried out; ten thousand checkpoints of sixteen jobs with --full."""

    row = "F-06"
    checkpoints, jobs, interval = (10_000, 16, "10 ms") if base.FULL else (150, 1, "50 ms")
    _BAD = ("PossibleInconsistentStateException", "AlreadyExistException")

    def test_every_outcome_is_settled(self) -> None:
        settings = {
            "execution.checkpointing.interval": self.interval,
            "taskmanager.numberOfTaskSlots": str(self.jobs + 1),
            # By default one per core, and each that stores a checkpoint waits for its answers.
            **{f"jobmanager.{pool}-pool.size": str(2 * self.jobs) for pool in ("io", "future")},
        }
        fleet = self.fleet(job_managers=1, settings=settings)
        others = self._others(fleet)
        leader, _ = fleet.running()
        path = fleet.paths[leader.name]
        before = self._completed(leader)
        path.drop_replies = 0.3
        # Whatever came of it, the rest can be seen.
        with contextlib.suppress(WaitedTooLong):
            wait_until(lambda: self._completed(leader) >= before + self.checkpoints, "", max(300, self.checkpoints / 3), 1)
        completed, lost, passed = self._completed(leader) - before, path.dropped, path.passed
        path.drop_replies = 0
        fleet.settle()
        fleet.observe()
        text = "".join(log.text() for log in leader.logs)
        bad = {name: text.count(name) for name in self._BAD if name in text}
        outputs = [problem for job in others for problem in job.stop().problems]
        seen = fleet.finish()
        if not base.STOCK:
            self.assertGreaterEqual(completed, self.checkpoints)
            self.assertGreater(lost, self.checkpoints / 2, "the proxy has lost too little to show anything")
            self.assertEqual({}, bad)
            self.assertEqual([], outputs)
        self.expect(seen)
        variant = f"{self.checkpoints:,} checkpoints"
        self.record(variant, seen, completed=completed, replies_lost=f"{lost} of {lost + passed}", **bad)

    def _others(self, fleet: Fleet) -> list[CountingJob]:
        """Each job waits for its own answers, so that many of them lose more in the same time."""
        names = [f"more-{n}" for n in range(self.jobs - 1)]
        return [CountingJob(fleet.cluster, rate=100, parallelism=1, name=name).submit() for name in names]

    @staticmethod
    def _completed(leader: JobManager) -> int:
        """Of all jobs."""
        return sum(1 for _ in leader.log.find(COMPLETED))
