"""JobManagers with and without our jar in one fleet: each takes over from the other, never at the same time."""

from collections import defaultdict

from rig.counting import CountingJob

from . import base, fleet
from .fleet import HandOver

_TURNS = 20 if base.FULL else 1
_WAYS = (("kill -9", fleet.kill), ("SIGTERM", fleet.terminate))


@base.on_lines(*base.FLEET_LINES)
@base.ours_only("there is no fleet to mix")
class MixedFleet(fleet.FleetTest):
    """Leadership to and fro under a running job; twenty times each with --full."""

    def check_to_and_fro(self, version: str) -> None:
        cluster = self.fleet(version, ["stock", "ours"], ["stock", "ours"])
        stock, ours = cluster.job_managers
        self.start(cluster, leader=stock)
        job = CountingJob(cluster, rate=500).submit()
        job.wait_for("RUNNING", fleet.PATIENCE)
        shown: dict[str, list[HandOver]] = defaultdict(list)
        for turn in range(_TURNS):
            for name, end in _WAYS:
                for leader, direction in ((stock, "stock to ours"), (ours, "ours to stock")):
                    self.assertIs(leader, cluster.wait_for_leader(30))
                    done = self.hand_over(job, end)
                    leader.start()
                    self.report(f"{version}, {direction} by {name}, {turn + 1} of {_TURNS}: {done}")
                    shown[f"{direction} by {name}"].append(done)
        output = job.stop()
        self.report(f"{output.records} records")
        self.assertEqual([], output.problems)
        self.assert_one_leader_at_a_time(cluster)
        for process in (ours, cluster.task_managers[1]):
            self.assert_documented_role_suffices(cluster.namespace, process.name)
        for done in shown["stock to ours by kill -9"]:
            self.assertLessEqual(done.granted, fleet.LEASE + base.MARGIN)
        # It finds a lock that was released.
        for done in shown["ours to stock by SIGTERM"]:
            self.assertLessEqual(done.granted_after_end, fleet.STOCK_POLL + base.MARGIN)
        for way, all_done in shown.items():
            took = fleet.figures([done.granted for done in all_done])
            self.record(version, f"mixed fleet, {way}: granted (lease {fleet.LEASE:g} s)", took)
