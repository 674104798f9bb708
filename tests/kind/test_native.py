"""Flink's native integration in real pods: JobManagers make the pods of TaskManagers, and what is left starts again."""

import time

from rig import waiting

from . import base, native
from .fleet import PodJob


class Native(base.KindTest):
    """By the commands in the manifests, under the Roles that stand beside them."""

    # Five minutes; the cluster tier has what of it runs without pods.
    in_ci = False

    def commands(self, cluster_id: str) -> native.NativeCommands:
        """A namespace with the rights of the integration."""
        fleet = self.fleet(cluster_id)
        return native.NativeCommands(fleet, base.directory() / fleet.name)

    def start_again(self, commands: native.NativeCommands, job: PodJob, script: str, *arguments: str) -> None:
        """The Deployment is deleted, its HA data stays, and the same command goes on from it."""
        fleet = commands.fleet
        before = fleet.ha_config_maps()
        newest = fleet.newest_checkpoint(job.id)
        fleet.kubectl("delete", "deployment", fleet.cluster_id, "--wait=true")
        waiting.wait_until(lambda: not any(pod.read() for pod in fleet.pods()), "all pods to be gone", 300, 0.3)
        self.assertEqual(before, fleet.ha_config_maps(), "HA data was lost with the Deployment")
        began = time.time()
        commands.run(script, *arguments)
        fleet.wait_for_restored(began)
        job.wait_for("RUNNING", 300)
        job.wait_for_progress()
        restored = fleet.restored(began)[0]
        self.report(
            f"Deployment deleted, HA data kept, started again: checkpoint {restored[1]} restored after {restored[0] - began:.1f} s"
        )
        self.assertGreaterEqual(restored[1], newest)

    def cancel(self, fleet: base.Fleet, job: PodJob) -> None:
        """Nothing of the job is left, once it is cancelled."""
        job.cancel()
        mine = f"{fleet.cluster_id}-{job.id}-config-map"
        waiting.wait_until(lambda: mine not in fleet.ha_config_maps(), "the job's ConfigMap to go", 300, 0.3, fleet.tails)

    def test_session(self) -> None:
        commands = self.commands("native-session")
        fleet = commands.fleet
        commands.run("native-session.sh")
        fleet.wait_for_leader()
        job = PodJob(fleet).submit()
        job.wait_for_progress()
        self.assertTrue(fleet.task_managers, "no TaskManager's pod was made")
        self.take_over(fleet, job, "native session, leader's pod deleted without grace", lambda one: one.delete(grace=0))
        if base.FULL:
            self.start_again(commands, job, "native-session.sh")
        self.assertEqual([], job.stop(300).problems)
        self.assert_nothing_refused(fleet)

    def test_application(self) -> None:
        commands = self.commands("native-application")
        fleet = commands.fleet
        job = PodJob(fleet, rate=500)
        start = ("native-application.sh", native.JOB_IN_IMAGE, *job.arguments)
        commands.run(*start)
        fleet.wait_for_leader()
        job.find()
        job.wait_for("RUNNING", 300)
        self.take_over(fleet, job, "native application, leader's pod deleted without grace", lambda one: one.delete(grace=0))
        self.start_again(commands, job, *start)
        self.cancel(fleet, job)
        waiting.wait_until(
            lambda: not any(pod.running for pod in fleet.pods()), "the application to be gone", 300, 0.5, fleet.tails
        )
        self.assert_nothing_refused(fleet)
