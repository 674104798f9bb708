"""SIGTERM of the leader: the lock is released, so the standby leads as soon as Flink has shut down."""

import time

from rig.counting import CountingJob
from rig.flink import RESTORED

from . import base


class LeaderIsStopped(base.ClusterTest):
    """Stock takes its own release back, so that its standby waits out the lease."""

    def test_hands_over(self) -> None:
        cluster = self.flink()
        cluster.start()
        leader, standby = cluster.wait_for_leader(5), cluster.standby()
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)

        stopped = time.time()
        leader.terminate()
        granted = standby.wait_for_grant(3 * base.LEASE, stopped)
        standby.wait_for_log(RESTORED, 30, stopped)
        job.wait_for("RUNNING")
        assert leader.child
        code = leader.child.wait(30)
        ended = leader.log.lines()[-1].at
        self.report(
            f"granted {granted.at - stopped:.2f} s after SIGTERM, "
            f"{granted.at - ended:.2f} s after the last line of the leader, which ended with {code}"
        )
        if not base.STOCK:
            self.assertLess(granted.at - stopped, base.WELL_BELOW_LEASE)
        job.wait_for_checkpoints(standby, 2)
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)
