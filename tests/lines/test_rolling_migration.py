"""A cluster is moved to our jar and back under a running job, one process at a time."""

import time

from rig.counting import CountingJob
from rig.flink import RESTORED, FlinkCluster

from . import base, fleet

_RESTARTS = r"switched from state RUNNING to (RESTARTING|FAILING)"


@base.on_lines(*base.FLEET_LINES)
@base.ours_only("there is no jar to move to")
class RollingMigration(fleet.FleetTest):
    """The standby first, then the leader, then the TaskManager; SIGTERM each, as a rolling update does."""

    def check_both_ways(self, version: str) -> None:
        cluster = self.fleet(version, ["stock", "stock"], ["stock"])
        self.start(cluster, leader=cluster.job_managers[0])
        job = CountingJob(cluster, rate=500, parallelism=1).submit()
        job.wait_for("RUNNING", fleet.PATIENCE)
        began = time.time()
        for kind in ("ours", "stock"):
            self._replace_standby(kind, cluster, job)
            self._replace_leader(kind, cluster, job)
            self._replace_task_manager(kind, cluster, job)
        took = time.time() - began
        output = job.stop()
        self.assertEqual([], output.problems)
        self.assert_one_leader_at_a_time(cluster)

        # For each kind: the leader was replaced, and the TaskManager.
        self.assertEqual(4, self._count(cluster, RESTORED), "restored")
        self.assertEqual(2, self._count(cluster, _RESTARTS), "restarted under the same leader")
        self.report(f"{version}: six processes replaced within {took:.0f} s, {output.records} records")
        self.record(version, "rolling migration to the jar and back", "exactly once")

    def _replace_standby(self, kind: str, cluster: FlinkCluster, job: CountingJob) -> None:
        leader, standby = cluster.wait_for_leader(30), cluster.standby()
        self.restart_as(kind, standby)
        standby.wait_for_log(fleet.STANDS_BY, fleet.PATIENCE)
        self.assertIs(leader, cluster.wait_for_leader(30))
        job.wait_for_checkpoints(leader, 1, fleet.PATIENCE)

    def _replace_leader(self, kind: str, cluster: FlinkCluster, job: CountingJob) -> None:
        leader = cluster.wait_for_leader(30)
        done = self.hand_over(job, fleet.terminate)
        self.report(f"{cluster.version}, to {kind}: {done}")
        self.restart_as(kind, leader)
        leader.wait_for_log(fleet.STANDS_BY, fleet.PATIENCE)

    def _replace_task_manager(self, kind: str, cluster: FlinkCluster, job: CountingJob) -> None:
        (task_manager,) = cluster.task_managers
        leader = cluster.wait_for_leader(30)
        stopped = time.time()
        self.restart_as(kind, task_manager)
        completed = job.completed_checkpoint(leader)
        restored = leader.wait_for_log(RESTORED, fleet.PATIENCE, stopped)
        self.assertGreaterEqual(int(restored[2]), completed)
        job.wait_for_checkpoints(leader, 1, fleet.PATIENCE)

    @staticmethod
    def _count(cluster: FlinkCluster, pattern: str) -> int:
        return sum(len(list(log.find(pattern))) for process in cluster.job_managers for log in process.logs)
