"""The API server is away for everybody."""

from rig.proxy import Mode

from . import base


class F01ApiServerIsAwayFromALoneLeader(base.FaultTest):
    """Connections are refused, with default settings."""

    row = "F-01"
    durations: tuple[int, ...] = (5, 15, 30)
    settings: dict[str, str] = {}

    def test_within_the_hold(self) -> None:
        fleet = self.fleet(job_managers=1, settings=self.settings)
        leader, _ = fleet.running()
        fleet.after_first_lease(leader)
        for seconds in self.durations:
            fleet.running()
            with fleet.broken(Mode.REFUSE):
                fleet.wait(seconds)
            fleet.settle()
            fleet.observe()
        fleet.finish()
        for seconds, seen in zip(self.durations, fleet.observations):
            self.expect(seen)
            self.record(self.variant(seconds), seen)

    @staticmethod
    def variant(seconds: int) -> str:
        """As the table says it."""
        return f"{seconds} s"


class F01ApiServerIsAwayForMinutes(F01ApiServerIsAwayFromALoneLeader):
    """With a hold of six minutes; for a minute, with --full for five too."""

    durations = (60, 300) if base.FULL else (60,)
    settings = {"high-availability.native.outage-hold": "6 min"}

    @staticmethod
    def variant(seconds: int) -> str:
        return f"{seconds} s, `high-availability.native.outage-hold: 6 min`"


class F02ApiServerIsAwayFromTwo(base.FaultTest):
    """Longer than the renew deadline, back for both at once."""

    row = "F-02"
    in_ci = True

    def test_one_leads_when_it_is_back(self) -> None:
        fleet = self.fleet()
        fleet.running()
        with fleet.broken(Mode.REFUSE):
            fleet.wait(20)
        fleet.settle()
        fleet.observe()
        seen = fleet.finish()
        self.expect(seen, transitions=range(2), restarts=range(2), failed_checkpoints=None, causes={"api-unreachable"})
        self.record("20 s", seen)


class F16EverybodyIsAlone(base.FaultTest):
    """Whatever anybody sends to the API server vanishes. A standby is known, so nothing is held on to."""

    row = "F-16"

    def test_revoked_before_anybody_could_lead(self) -> None:
        fleet = self.fleet()
        leader, _ = fleet.running()
        with fleet.broken(Mode.BLACK_HOLE):
            fleet.wait(25)
            revokes = leader.revokes(fleet.began)
        fleet.settle()
        fleet.observe()
        seen = fleet.finish()
        after = f"{revokes[0].at - fleet.began:.1f} s" if revokes else "never while it lasted"
        if not base.STOCK:
            self.assertTrue(revokes, "held on to although another JobManager waits")
            self.assertLess(revokes[0].at - fleet.began, base.LEASE)
        # The lock of both has ended, so either may be the first to see that.
        self.expect(seen, transitions=1, restarts=1, failed_checkpoints=None, causes=["api-unreachable"])
        self.record("25 s", seen, revoked_after=after)
