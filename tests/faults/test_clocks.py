"""Wall clocks that are wrong: nothing that matters is measured by them."""

from typing import Any

from rig.clocks import Clock
from rig.flink import FlinkCluster, JobManager

from . import base

# Long enough for a rival that compares clocks to take a lease of 15 s more than once.
_WHILE = 40


class F15Clocks(base.FaultTest):
    """One JobManager has a wall clock of its own; monotonic clocks are right."""

    row = "F-15"

    def flink(self, *arguments: Any, **options: Any) -> FlinkCluster:
        cluster = super().flink(*arguments, **options)
        for process in cluster.job_managers:
            process.clock = Clock(process.directory / "clock")
        return cluster

    def test_standby_is_ahead(self) -> None:
        self._check(False, 20, 1, "standby ahead by 20 s")

    def test_leader_is_behind(self) -> None:
        self._check(True, -20, 1, "leader behind by 20 s")

    def test_standby_goes_fast(self) -> None:
        self._check(False, 0, 1.2, "standby 1.2 times as fast")

    def test_steps_while_it_runs(self) -> None:
        fleet = self.fleet()
        leader, standby = fleet.running()
        for process, offset in ((leader, -30), (standby, 30), (leader, 30), (standby, -30)):
            assert process and process.clock
            process.clock.set(offset)
            fleet.wait(_WHILE / 2)
        fleet.settle()
        self._judge(fleet, "steps of 30 and 60 s while they run")

    def _check(self, of_leader: bool, offset: float, rate: float, variant: str) -> None:
        """Started with that clock."""
        fleet = self.fleet()
        leader, standby = fleet.running()
        assert standby
        process = standby
        assert process.clock
        process.clock.set(offset, rate)
        self._start_again(process)
        if of_leader:
            # It leads when the other one is gone for a while.
            leader.kill()
            process.wait_for_grant(3 * base.LEASE)
            leader.start()
        fleet.running()
        fleet.wait(_WHILE)
        fleet.settle()
        self._judge(fleet, variant)

    @staticmethod
    def _start_again(process: JobManager) -> None:
        process.kill()
        process.start()

    def _judge(self, fleet: Any, variant: str) -> None:
        seen = fleet.observe()
        fleet.finish()
        self.expect(seen)
        self.record(variant, seen)
