"""The storage directory lies on S3, and no plug-in for it is installed."""

from rig import maven
from rig.control_plane import STOCK_VERBS
from rig.counting import CountingJob
from rig.flink import RESTORED, FlinkCluster
from rig.s3_gateway import BUCKET, S3Gateway
from rig.waiting import wait_until

from . import base
from .turns import goes_on

_ROOT = f"s3://{BUCKET}/ha"
# The newest of this line that every mirror has.
_PLUG_IN_VERSION = "2.2.0"
_ACTIVE = rf"serves high availability .*storage {_ROOT}/default served by native code"


class _OnS3(base.ClusterTest):
    """What Flink itself checkpoints stays in a local directory: that is the business of its own file systems."""

    def setUp(self) -> None:
        super().setUp()
        self.gateway = S3Gateway(self.directory / "s3")
        self.addCleanup(self.gateway.stop)

    def _cluster(self, job_managers: int, namespace: base.Namespace | None = None, **settings: str) -> FlinkCluster:
        storage = {"high-availability.storageDir": _ROOT, **self.gateway.settings, **settings}
        options = {"namespace": namespace} if namespace else {}
        return self.flink(job_managers=job_managers, settings=storage, **options)

    def _objects_of_jobs(self) -> list[str]:
        """All but the results of jobs, which Flink deletes by itself a little later."""
        return [name for name in self.gateway.objects() if "/job-result-store/" not in name]


@base.ours_only("needs a plug-in")
class StorageOnS3(_OnS3):
    """Without a plug-in."""

    def test_leader_is_killed_and_the_job_cancelled(self) -> None:
        cluster = self._cluster(job_managers=2)
        cluster.start()
        leader, standby = cluster.wait_for_leader(30), cluster.standby()
        leader.wait_for_log(_ACTIVE, 5)
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 3)
        names = self.gateway.objects()
        self.report(f"in the bucket: {len(names)} objects")
        for part in ("ha/default/blob/", "ha/default/completedCheckpoint", "ha/default/submittedExecutionPlan"):
            self.assertTrue(any(name.startswith(part) for name in names), f"no {part} in {names}")

        killed = leader.kill()
        completed = job.completed_checkpoint(leader)
        restored = standby.wait_for_log(RESTORED, 60, killed)
        self.assertGreaterEqual(int(restored[2]), completed, "a completed checkpoint was lost")
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(standby, 2)
        self.assertEqual([], job.stop().problems)
        wait_until(lambda: not self._objects_of_jobs(), "the clean-up of the bucket", 60, 0.2)

    def test_wrong_keys_are_named_before_anything_is_written(self) -> None:
        cluster = self._cluster(job_managers=1, **{"s3.secret-key": "wrong"})
        leader = cluster.job_managers[0]
        leader.start()
        assert leader.child
        self.assertNotEqual(0, leader.child.wait(60))
        text = leader.log.text()
        self.assertIn(f"high-availability.storageDir: {_ROOT}/default cannot be used (403 Forbidden: SignatureDoesNotMatch", text)
        self.assertNotIn(self.gateway.settings["s3.secret-key"], text)
        self.assertEqual({}, cluster.namespace.config_maps())


@base.ours_only("there is nobody to take turns with")
class StorageOnS3InTurns(_OnS3):
    """With Flink's own services and their plug-in, which is downloaded."""

    in_ci = False

    def test_plug_in_of_flink_goes_on_and_back(self) -> None:
        """Flink's own services with their plug-in read what was written here, and the other way round."""
        cluster = self._cluster(job_managers=1, namespace=self.namespace(STOCK_VERBS))
        plug_in = cluster.directory / "plugins" / "s3"
        plug_in.mkdir(parents=True)
        jar = maven.flink_jar("flink-s3-fs-hadoop", _PLUG_IN_VERSION)
        (plug_in / jar.name).symlink_to(jar)
        with_plug_in = {"FLINK_PLUGINS_DIR": str(plug_in.parent)}
        cluster.start()
        leader = cluster.wait_for_leader(30)
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        for name, jars, environment in (("stock", [], with_plug_in), ("ours", base.our_jars(), {})):
            for process in (*cluster.job_managers, *cluster.task_managers):
                process.environment = environment
            leader = goes_on(self, job, leader, name, jars)
        self.assertEqual([], job.stop().problems)
        wait_until(lambda: not self._objects_of_jobs(), "the clean-up of the bucket", 60, 0.2)
