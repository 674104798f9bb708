"""A planned switchover: the leader hands over between two checkpoints, and stays as a standby."""

import time
from pathlib import Path
from typing import Any

from rig.counting import CountingJob
from rig.flink import LOST_BECAUSE, RESTORED, FlinkCluster, JobManager
from rig.flink_ha import FlinkHa
from rig.waiting import wait_until

from . import base

TASK_RUNS = r"\(\w+_\d+_\d+\) switched from INITIALIZING to RUNNING\."


@base.ours_only("a leader cannot be asked for anything")
class Switchover(base.ClusterTest):
    """Once, twenty times with --full, to a standby that is named and to any."""

    def test_there_and_back(self) -> None:
        cluster = self.flink()
        cluster.start()
        flink_ha = FlinkHa(Path(cluster.kubeconfig()), cluster.namespace.name)
        cluster_id = str(cluster.settings["kubernetes.cluster-id"])
        job = CountingJob(cluster, rate=2000).submit()
        job.wait_for("RUNNING")
        for turn in range(20 if base.FULL else 1):
            leader, standby = cluster.wait_for_leader(30), cluster.standby()
            job.wait_for_checkpoints(leader, 3)
            waiting = self._who_waits(flink_ha, cluster_id)
            named = ["--to", waiting[0]] if turn % 2 == 0 else []
            asked = time.time()
            told = flink_ha.json("switchover", cluster_id, *named)

            self.assertEqual(waiting, [told["to"]])
            self.assertEqual([], told["notPublished"])
            self._check(cluster, job, leader, standby, asked, told)
        leader = cluster.wait_for_leader(30)
        self._who_waits(flink_ha, cluster_id)
        refused = flink_ha.run("switchover", cluster_id, "--to", "nobody")
        self.assertEqual(2, refused.code)
        self.assertIn("--to nobody is none of those who wait", refused.errors)
        job.wait_for_checkpoints(leader, 2)
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)

    @staticmethod
    def _who_waits(flink_ha: FlinkHa, cluster_id: str) -> list[str]:
        """A former leader stands back for a moment before it waits for the lock again."""
        return wait_until(
            lambda: flink_ha.json("who-leads", cluster_id)["lock"].get("standbys"), "a standby that waits", 30, 0.1
        )

    def _check(
        self, cluster: FlinkCluster, job: CountingJob, leader: JobManager, standby: JobManager, asked: float, told: Any
    ) -> None:
        lost = leader.wait_for_log(LOST_BECAUSE, 30, asked)
        granted = standby.wait_for_grant(30, asked)
        restored = standby.wait_for_log(RESTORED, 30, asked)
        completed = job.completed_checkpoint(leader)
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(standby, 1)
        running = [hit.at for hit in standby.log.find(TASK_RUNS, asked)]
        self.report(
            f"asked, ended after {lost.at - asked:.2f} s; from then: granted {granted.at - lost.at:.3f} s, "
            f"restored {restored.at - lost.at:.2f} s, all tasks running {max(running) - lost.at:.2f} s; "
            f"lock gap at most {told['lockGapMillisAtMost']} ms"
        )
        self.assertEqual("switchover", lost[1])
        self.assertGreaterEqual(int(restored[2]), completed, "a completed checkpoint was lost")
        self.assertTrue(leader.running)
        # Whoever had waited for a lease to end would have taken longer.
        self.assertLess(granted.at - lost.at, base.WELL_BELOW_LEASE)
