"""The API server is away, slow, or answers with errors."""

import time

from rig.flink import JobManager
from rig.proxy import Mode

from . import base
from .fleet import Fleet


def after_the_first_lease(leader: JobManager) -> None:
    """For a lease after a grant somebody else is reckoned with."""
    Fleet.wait(max(0.0, leader.grants()[-1].at + base.LEASE + 1 - time.time()))


class F01ApiServerIsAwayFromALoneLeader(base.FaultTest):
    """Connections are refused, with default settings; 5 minutes with the hold raised (`--full`)."""

    row = "F-01"

    def test_short_of_the_hold(self) -> None:
        self._check((5, 15, 30), {})

    def _check(self, durations: tuple[int, ...], settings: dict[str, str]) -> None:
        fleet = self.fleet(job_managers=1, settings=settings)
        leader, _ = fleet.running()
        after_the_first_lease(leader)
        for seconds in durations:
            fleet.running()
            fleet.paths[leader.name].mode = Mode.REFUSE
            fleet.wait(seconds)
            fleet.paths[leader.name].mode = Mode.FORWARD
            fleet.settle()
            fleet.observe()
        fleet.finish()
        for seconds, seen in zip(durations, fleet.observations):
            self.expect(seen)
            self.record(f"{seconds} s", seen)


class F01ApiServerIsAwayForMinutes(F01ApiServerIsAwayFromALoneLeader):
    """The same for as long as the hold allows."""

    def test_short_of_the_hold(self) -> None:
        seconds = 300 if base.FULL else 60
        self._check((seconds,), {"high-availability.native.outage-hold": "6 min"})
