"""A cluster whose storage directory lies on an object store, without a plug-in for it."""

from rig.counting import CountingJob
from rig.flink import RESTORED, FlinkCluster
from rig.object_server import ObjectServer
from rig.waiting import wait_until

from . import base

# The end of the name of a file on HDFS that is not complete.
PART = ".flink-kube-ha.part"


class OnObjectStore(base.ClusterTest):
    """What Flink itself checkpoints stays in a local directory: that is the business of its own file systems."""

    server: ObjectServer

    def serve(self, make: type[ObjectServer]) -> None:
        """Starts the server, which ends with the test."""
        self.server = make(self.directory / "object-store")
        self.addCleanup(self.server.stop)

    def cluster(self, job_managers: int, namespace: base.Namespace | None = None, **settings: str) -> FlinkCluster:
        """A cluster that is told of the store as Flink's documentation says."""
        storage = {"high-availability.storageDir": self.server.root, **self.server.settings, **settings}
        options = {"namespace": namespace} if namespace else {}
        return self.flink(job_managers=job_managers, settings=storage, **options)

    def objects_of_jobs(self) -> list[str]:
        """All but the results of jobs, which Flink deletes by itself a little later."""
        return [name for name in self.server.objects() if "/job-result-store/" not in name]

    def _left(self) -> str:
        return "left: " + ", ".join(self.objects_of_jobs())

    def leader_is_killed_and_the_job_cancelled(self) -> None:
        """A standby goes on from what lies there, and nothing is left of a job that was stopped."""
        cluster = self.cluster(job_managers=2)
        cluster.start()
        leader, standby = cluster.wait_for_leader(30), cluster.standby()
        active = rf"serves high availability .*storage {self.server.root}/default served by native code"
        leader.wait_for_log(active, 5)
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 3)
        names = self.server.objects()
        self.report(f"in the store: {len(names)} objects")
        for part in ("ha/default/blob/", "ha/default/completedCheckpoint", "ha/default/submittedExecutionPlan"):
            self.assertTrue(any(name.startswith(part) for name in names), f"no {part} in {names}")

        killed = leader.kill()
        # What it was writing lies there under a name that nobody looks for, on a store that has no other way.
        parts = {name for name in self.server.objects() if name.endswith(PART)}
        completed = job.completed_checkpoint(leader)
        restored = standby.wait_for_log(RESTORED, 60, killed)
        self.assertGreaterEqual(int(restored[2]), completed, "a completed checkpoint was lost")
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(standby, 2)
        self.assertEqual([], job.stop().problems)
        wait_until(lambda: parts.issuperset(self.objects_of_jobs()), "the clean-up of the store", 60, 0.2, self._left)
