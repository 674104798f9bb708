"""The jar is taken out of lib/ and put back: each side goes on from what the other has written."""

from rig.control_plane import STOCK_VERBS
from rig.counting import CountingJob
from rig.flink import RESTORED

from . import base


@base.ours_only("there is no jar to take away")
class JarIsTakenAway(base.ClusterTest):
    """With one JobManager, stopped by SIGTERM and started again, and a job that runs all the while."""

    def test_and_put_back(self) -> None:
        cluster = self.flink(namespace=self.namespace(STOCK_VERBS), job_managers=1)
        cluster.start()
        leader = cluster.wait_for_leader(5)
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        for name, jars in (("stock", []), ("ours", base.our_jars())):
            completed = job.completed_checkpoint(leader)
            cluster.stop()
            cluster.use_jars(jars)
            cluster.start()
            leader = cluster.wait_for_leader(5)
            restored = leader.wait_for_log(RESTORED, 60)
            self.report(f"{name} restored checkpoint {restored[2]}; {completed} was completed before")
            self.assertGreaterEqual(int(restored[2]), completed)
            job.wait_for("RUNNING")
            job.wait_for_checkpoints(leader, 2)
        self.assertEqual([], job.stop().problems)
