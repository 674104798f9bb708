"""The jar is taken out of lib/ and put back: each side goes on from what the other has written."""

from rig.control_plane import STOCK_VERBS
from rig.counting import CountingJob

from . import base
from .turns import goes_on


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
            leader = goes_on(self, job, leader, name, jars)
        self.assertEqual([], job.stop().problems)
