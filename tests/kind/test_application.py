"""A standalone application as in the manifests: its JobManager ends, its job goes on; its job ends, nothing is left."""

from rig import waiting

from . import base, manifests
from .fleet import PodJob

CLASS = "io.flinkkubeha.tests.CountingJob"


class Application(base.KindTest):
    """With the documented Role; the job is in the image."""

    def test_goes_on_after_its_job_manager_and_leaves_nothing(self) -> None:
        fleet = self.fleet("application")
        job = PodJob(fleet, rate=500)

        def edit(one: dict[str, object]) -> None:
            if one["kind"] == "Job":
                container = manifests.template(one)["containers"][0]
                container["args"] = [word.replace("com.example.MyJob", CLASS) for word in container["args"]]
                container["args"] += job.arguments

        fleet.apply("application.yaml", edit)
        fleet.wait_for_leader()
        fleet.wait_for_task_managers()
        job.find()
        job.wait_for("RUNNING", 300)
        self.take_over(fleet, job, "the only JobManager's process killed", lambda leader: leader.kill_container())
        job.cancel()
        waiting.wait_until(
            lambda: fleet.kubectl("get", "job/application-jobmanager", "-o", "jsonpath={.status.conditions[*].type}"),
            "the Job to be complete",
            180,
            0.5,
            fleet.tails,
        )
        self.assertEqual([], [name for name in fleet.ha_config_maps() if job.id in name])
        self.assert_one_leader_at_a_time(fleet)
        self.assert_documented_role_suffices(fleet)
