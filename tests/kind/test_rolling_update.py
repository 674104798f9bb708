"""A running cluster is moved to the jar and back by nothing but another image."""

import time

from rig import waiting

from . import base, flink_image
from .fleet import PodJob


class RollingUpdate(base.KindTest):
    """Stock's image, ours, stock's: the job goes on each time from what was there."""

    def test_to_the_jar_and_back_with_a_running_job(self) -> None:
        # Stock renews with PATCH, so the Role has to have it for as long as stock runs.
        fleet = self.fleet("session", flink_image.STOCK, also_stock=True)
        fleet.apply("session.yaml")
        fleet.wait_for_leader()
        fleet.wait_for_standby()
        fleet.wait_for_task_managers()
        job = PodJob(fleet).submit()
        job.wait_for("RUNNING", 300)
        job.wait_for_progress()
        for image in (flink_image.OURS, flink_image.STOCK):
            self.roll(fleet, job, image)
        self.assertEqual([], job.stop(300).problems)

    def roll(self, fleet: base.Fleet, job: PodJob, image: str) -> None:
        """JobManagers first, then TaskManagers, as a Deployment does it."""
        # Finding its jar, each process says by itself whose services it runs.
        for component in ("jobmanager", "taskmanager"):
            began = time.time()
            newest = max(fleet.newest_checkpoint(job.id), 0)
            fleet.kubectl("set", "image", f"deployment/session-{component}", f"{component}={image}")
            fleet.kubectl("rollout", "status", f"deployment/session-{component}", "--timeout=300s", limit=320)
            rolled = time.time()
            waiting.wait_until(
                lambda: fleet.are_gone(component, but=image), f"old {component} pods to be gone", 300, 0.3, fleet.tails
            )
            fleet.wait_for_leader()
            fleet.wait_for_task_managers()
            if component == "jobmanager":
                fleet.wait_for_restored(began)
            job.wait_for("RUNNING", 300)
            job.wait_for_progress()
            restored = [at_and_id[1] for at_and_id in fleet.restored(began)]
            self.report(
                f"{component} to {image}: rolled out after {rolled - began:.1f} s, job running and with new checkpoints "
                f"after {time.time() - began:.1f} s, {len(fleet.grants(began))} grants, restored from {restored or 'memory'}"
            )
            if restored:
                self.assertGreaterEqual(restored[0], newest)
