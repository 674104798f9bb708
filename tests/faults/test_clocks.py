"""Wall clocks that are wrong: nothing that matters is measured by them."""

from typing import Any

from rig.clocks import Clock
from rig.flink import FlinkCluster

from . import base
from .fleet import PATIENCE, Fleet

# Long enough for a rival that compares clocks to take a lease of 15 s more than once.
_WHILE = 40


class ClockTest(base.FaultTest):
    """Each JobManager has a wall clock of its own; monotonic clocks are right."""

    row = "F-15"

    def flink(self, *arguments: Any, **options: Any) -> FlinkCluster:
        cluster = super().flink(*arguments, **options)
        for process in cluster.job_managers:
            process.clock = Clock(process.directory / "clock")
        return cluster

    def judge(self, fleet: Fleet, variant: str) -> None:
        """Nothing has come of it."""
        fleet.settle()
        seen = fleet.observe()
        fleet.finish()
        self.expect(seen)
        self.record(variant, seen)


class F15Clocks(ClockTest):
    """One JobManager is started with a clock that is wrong."""

    def test_standby_is_ahead(self) -> None:
        self._check(False, 20, 1, "standby ahead by 20 s")

    def test_leader_is_behind(self) -> None:
        self._check(True, -20, 1, "leader behind by 20 s")

    def test_standby_goes_fast(self) -> None:
        self._check(False, 0, 1.2, "standby 1.2 times as fast")

    def _check(self, of_leader: bool, offset: float, rate: float, variant: str) -> None:
        fleet = self.fleet()
        leader, standby = fleet.running()
        assert standby and standby.clock
        standby.clock.set(offset, rate)
        standby.kill()
        standby.start()
        if of_leader:
            # It leads once the other one has been gone for a lease.
            leader.kill()
            standby.wait_for_grant(PATIENCE)
            leader.start()
        fleet.running()
        fleet.wait(_WHILE)
        self.judge(fleet, variant)


class F15ClockSteps(ClockTest):
    """Clocks are set while the processes run."""

    in_ci = True

    def test_steps_while_it_runs(self) -> None:
        fleet = self.fleet()
        leader, standby = fleet.running()
        for process, offset in ((leader, -30), (standby, 30), (leader, 30), (standby, -30)):
            assert process and process.clock
            process.clock.set(offset)
            fleet.wait(_WHILE / 2)
        self.judge(fleet, "steps of 30 and 60 s while they run")
