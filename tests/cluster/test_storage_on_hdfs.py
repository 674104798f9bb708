"""The storage directory lies on HDFS, and nothing of Hadoop is installed."""

from rig import prepare
from rig.control_plane import STOCK_VERBS
from rig.counting import CountingJob
from rig.hdfs_server import HdfsServer
from rig.waiting import wait_until

from . import base
from .object_storage import OnObjectStore
from .turns import goes_on


class _OnHdfs(OnObjectStore):
    def setUp(self) -> None:
        super().setUp()
        self.serve(HdfsServer)


@base.ours_only("needs Hadoop's client")
class StorageOnHdfs(_OnHdfs):
    """Without Hadoop's client."""

    in_ci = False

    def test_leader_is_killed_and_the_job_cancelled(self) -> None:
        self.leader_is_killed_and_the_job_cancelled()


@base.ours_only("there is nobody to take turns with")
class StorageOnHdfsInTurns(_OnHdfs):
    """With Flink's own services and Hadoop's client, which is downloaded."""

    in_ci = False

    def test_flink_with_hadoop_goes_on_and_back(self) -> None:
        """Flink's own services with Hadoop's client read what was written here, and the other way round."""
        cluster = self.cluster(job_managers=1, namespace=self.namespace(STOCK_VERBS))
        with_hadoop = {"HADOOP_CLASSPATH": ":".join(map(str, prepare.hadoop_client()))}
        cluster.start()
        leader = cluster.wait_for_leader(30)
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        for name, jars, environment in (("stock", [], with_hadoop), ("ours", base.our_jars(), {})):
            for process in (*cluster.job_managers, *cluster.task_managers):
                process.environment = environment
            leader = goes_on(self, job, leader, name, jars)
        self.assertEqual([], job.stop().problems)
        wait_until(lambda: not self.objects_of_jobs(), "the clean-up of HDFS", 60, 0.2)
