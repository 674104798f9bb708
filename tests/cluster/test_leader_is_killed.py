"""kill -9 of the leader under load: the standby goes on where it was, exactly once."""

from rig.counting import CountingJob
from rig.flink import RESTORED, STANDS_BY

from . import base



class LeaderIsKilled(base.ClusterTest):
    """Twice in a row, ten times with --full."""

    def test_again_and_again(self) -> None:
        cluster = self.flink()
        cluster.start()
        job = CountingJob(cluster, rate=2000).submit()
        job.wait_for("RUNNING")
        for turn in range(10 if base.FULL else 2):
            leader, standby = cluster.wait_for_leader(30), cluster.standby()
            standby.wait_for_log(STANDS_BY, 60)
            job.wait_for_checkpoints(leader, 3)

            killed = leader.kill()
            completed = job.completed_checkpoint(leader)
            stored = cluster.stored_pointers(job.id)
            granted = standby.wait_for_grant(2 * base.LEASE + 10, killed)
            # Not before: a stock JobManager that has just started wins the race now and then.
            leader.start()
            restored = standby.wait_for_log(RESTORED, 30, killed)
            job.wait_for("RUNNING")

            self.report(
                f"turn {turn + 1}: granted after {granted.at - killed:.2f} s, "
                f"restored from checkpoint {restored[2]} after {restored.at - killed:.2f} s"
            )
            self.assertEqual(job.id, restored[1])
            self.assertEqual(stored[-1], int(restored[2]), "the newest stored checkpoint was not restored")
            self.assertGreaterEqual(int(restored[2]), completed, "a completed checkpoint was lost")
            if not base.STOCK:
                self.assertLessEqual(granted.at - killed, base.LEASE + base.MARGIN)
        job.wait_for_checkpoints(cluster.wait_for_leader(30), 2)
        output = job.stop()
        self.report(f"{output.records} records")
        self.assertEqual([], output.problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)
