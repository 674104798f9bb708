"""SIGTERM of the leader: the lock is released, so the standby leads as soon as Flink has shut down."""

import time

from rig import metrics
from rig.counting import CountingJob
from rig.flink import RESTORED, JobManager

from . import base


class LeaderIsStopped(base.ClusterTest):
    """Stock takes its own release back, so that its standby waits out the lease."""

    def test_hands_over(self) -> None:
        cluster = self.flink(settings={metrics.PORT_SETTING: "0"})
        cluster.start()
        leader, standby = cluster.wait_for_leader(5), cluster.standby()
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)

        if not base.STOCK:
            self._assert_counted(leader, leads=True)
            self._assert_counted(standby, leads=False)
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
            self.assertEqual(["shutdown"], leader.losses())
        job.wait_for_checkpoints(standby, 2)
        if not base.STOCK:
            self._assert_counted(standby, leads=True)
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)

    def _assert_counted(self, process: JobManager, leads: bool) -> None:
        counted = metrics.samples(process)
        self.assertEqual(leads, counted["is_leader"] == 1)
        self.assertEqual(leads, counted["lease_remaining_seconds"] > 0)
        self.assertEqual(leads, counted["leadership_grants_total"] == 1)
        self.assertEqual(leads, counted['writes_total{config_map="job",outcome="applied"}'] > 0)
        losses = sum(value for name, value in counted.items() if name.startswith("leadership_losses_total{"))
        self.assertEqual(0, losses)
