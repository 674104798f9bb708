"""The storage directory lies on S3, and no plug-in for it is installed."""

from rig import maven
from rig.control_plane import STOCK_VERBS
from rig.counting import CountingJob
from rig.s3_gateway import S3Gateway
from rig.waiting import wait_until

from . import base
from .object_storage import OnObjectStore
from .turns import goes_on

# The newest of this line that every mirror has.
_PLUG_IN_VERSION = "2.2.0"


class _OnS3(OnObjectStore):
    def setUp(self) -> None:
        super().setUp()
        self.serve(S3Gateway)


@base.ours_only("needs a plug-in")
class StorageOnS3(_OnS3):
    """Without a plug-in."""

    def test_leader_is_killed_and_the_job_cancelled(self) -> None:
        self.leader_is_killed_and_the_job_cancelled()

    def test_wrong_keys_are_named_before_anything_is_written(self) -> None:
        cluster = self.cluster(job_managers=1, **{"s3.secret-key": "wrong"})
        leader = cluster.job_managers[0]
        leader.start()
        assert leader.child
        self.assertNotEqual(0, leader.child.wait(180))
        text = leader.log.text()
        self.assertIn(f"high-availability.storageDir: {self.server.root}/default cannot be used (403 Forbidden: SignatureDoesNotMatch", text)
        self.assertNotIn(self.server.settings["s3.secret-key"], text)
        self.assertEqual({}, cluster.namespace.config_maps())


@base.ours_only("there is nobody to take turns with")
class StorageOnS3InTurns(_OnS3):
    """With Flink's own services and their plug-ins, which are downloaded: they read what was written here, and the other way round."""

    in_ci = False

    def test_plug_in_on_hadoops_client_goes_on_and_back(self) -> None:
        self.goes_on_and_back("flink-s3-fs-hadoop")

    def test_plug_in_on_prestos_client_goes_on_and_back(self) -> None:
        self.server.root = self.server.root.replace("s3://", "s3p://")
        self.goes_on_and_back("flink-s3-fs-presto")

    def goes_on_and_back(self, name: str) -> None:
        cluster = self.cluster(job_managers=1, namespace=self.namespace(STOCK_VERBS))
        plug_in = cluster.directory / "plugins" / "s3"
        plug_in.mkdir(parents=True)
        jar = maven.flink_jar(name, _PLUG_IN_VERSION)
        (plug_in / jar.name).symlink_to(jar)
        with_plug_in = {"FLINK_PLUGINS_DIR": str(plug_in.parent)}
        cluster.start()
        leader = cluster.wait_for_leader(30)
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        for side, jars, environment in (("stock", [], with_plug_in), ("ours", base.our_jars(), {})):
            for process in (*cluster.job_managers, *cluster.task_managers):
                process.environment = environment
            leader = goes_on(self, job, leader, side, jars)
        self.assertEqual([], job.stop().problems)
        wait_until(lambda: not self.objects_of_jobs(), "the clean-up of the bucket", 60, 0.2)
