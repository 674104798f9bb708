"""All ConfigMaps of a cluster are deleted by accident: what they pointed to is restored from the mirror, and nothing that has ended."""

import re
import shlex
import time
from pathlib import Path

from rig.counting import CountingJob
from rig.flink import RESTORED, FlinkCluster
from rig.flink_ha import FlinkHa, Said
from rig.tampering import Tampering
from rig.waiting import wait_until

from . import base

_COMMAND = r"run 'flink-ha (.+?)'"


@base.ours_only("stock keeps no mirror")
class Mirror(base.ClusterTest):
    """One JobManager with a job that runs and one that has finished."""

    def test_what_was_deleted_is_restored(self) -> None:
        cluster = self.flink(job_managers=1)
        cluster.start()
        (leader,) = cluster.job_managers
        finished = CountingJob(cluster, name="finished", records=1000).submit()
        job = CountingJob(cluster).submit()
        finished.wait_for("FINISHED")
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 3)
        wait_until(lambda: not self._mirrored(cluster, finished.id), "the mirror of the finished job to go", 20, 0.1)
        command = FlinkHa(cluster.namespace.kubeconfig(), cluster.namespace.name)
        storage = f"file:{cluster.storage}/default"
        self._refused(command.run("restore", "--from-storage", storage, "counting"), "is led by")

        Tampering(cluster).delete_all()
        leader.wait_for_log("This is taken for the clean-up of the cluster", 15)
        completed = job.completed_checkpoint(leader)
        leader.terminate()
        wait_until(lambda: not leader.running, "the leader to end", 30)
        self.assertEqual({}, cluster.namespace.config_maps())
        mirrored = self._mirrored(cluster)
        self.report("left in the mirror: " + ", ".join(f"{path.name} ({path.stat().st_size} bytes)" for path in mirrored))

        # Whoever starts then says what can be done, and begins with nothing.
        leader.start()
        told = leader.wait_for_log(_COMMAND, 60)
        self.assertIn(job.id, told.line.message)
        self.assertNotIn(finished.id, told.line.message)
        self.report(told.line.message)
        cluster.wait_for_leader(30)
        self.assertEqual([], cluster.rest.request("GET", "/jobs")["jobs"])
        leader.stop()
        self.assertEqual(mirrored, self._mirrored(cluster))

        # The namespace is named by whatever runs the command here.
        arguments = shlex.split(told[1].replace(f"--namespace {cluster.namespace.name} ", ""))
        before = cluster.namespace.config_maps()
        dry = command.run(*arguments, "--dry-run")
        self.assertEqual((0, before), (dry.code, cluster.namespace.config_maps()), dry.errors)
        restored = command.run(*arguments)
        self.assertEqual(0, restored.code, restored.errors)
        self.report(restored.out)
        self.assertIn(f"job {job.id}: goes on from checkpoint {completed} ", restored.out)
        self.assertNotIn(finished.id, restored.out)
        again = command.run(*arguments)
        self._refused(again, "Nothing of counting is missing")

        started = time.time()
        leader.start()
        from_checkpoint = leader.wait_for_log(RESTORED, 60, started)
        self.assertEqual((job.id, completed), (from_checkpoint[1], int(from_checkpoint[2])))
        self.assertIsNone(leader.log.first(_COMMAND), "what was restored is said to be missing")
        cluster.wait_for_leader(30)
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        self.assertEqual([], job.stop().problems)
        self.assertIsNone(leader.log.first(rf"Initializing job .*{finished.id}"), "the finished job was run again")
        wait_until(lambda: not cluster.stored_files(), "no file to be left", 20, 0.1, lambda: str(cluster.stored_files()))
        leader.stop()
        self._refused(command.run(*arguments, "--overwrite"), "There is no mirror of counting")
        self.assert_documented_role_suffices(cluster.namespace, "jm-1")

    def _refused(self, said: Said, why: str) -> None:
        self.assertEqual(2, said.code, said)
        self.assertIn(why, said.errors)

    def _mirrored(self, cluster: FlinkCluster, part: str = "") -> list[Path]:
        """The manifests whose name holds that."""
        directory = cluster.storage / "default" / "flink-kube-ha-mirror" / cluster.namespace.name
        return sorted(path for path in directory.glob("*.json") if re.search(part, path.name))
