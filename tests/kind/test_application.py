"""A standalone application as in the manifests: its JobManager ends, its job goes on; its job ends, nothing is left."""

from collections.abc import Mapping

from rig import waiting

from . import base, manifests, s3_gateway
from .fleet import PodJob

CLASS = "io.flinkkubeha.tests.CountingJob"


class Application(base.KindTest):
    """With the documented Role; the job is in the image. Both start at once."""

    on_volume: tuple[base.Fleet, PodJob]
    on_s3: tuple[base.Fleet, PodJob]
    gateway: s3_gateway.GatewayPod

    @classmethod
    def setUpClass(cls) -> None:
        cls.on_volume = cls.start(base.new_fleet("application"))
        cls.gateway = s3_gateway.GatewayPod(base.kubernetes())
        cls.addClassCleanup(cls.gateway.delete)
        fleet = base.new_fleet("application")

        def with_keys(one: dict[str, object]) -> None:
            one["stringData"] = s3_gateway.KEYS

        fleet.apply("s3.yaml", with_keys)
        cls.on_s3 = cls.start(fleet, cls.gateway.settings)

    @classmethod
    def start(cls, fleet: base.Fleet, settings: Mapping[str, str] | None = None) -> tuple[base.Fleet, PodJob]:
        """Makes the application; does not wait."""
        cls.addClassCleanup(fleet.delete)
        job = PodJob(fleet, rate=500)

        def edit(one: dict[str, object]) -> None:
            if one["kind"] == "Job":
                container = manifests.template(one)["containers"][0]
                container["args"] = [word.replace("com.example.MyJob", CLASS) for word in container["args"]]
                container["args"] += job.arguments

        fleet.apply("application.yaml", edit, settings)
        return fleet, job

    def wait_until_it_runs(self, fleet: base.Fleet, job: PodJob) -> None:
        """Waits until the job has checkpoints."""
        fleet.wait_for_leader()
        fleet.wait_for_task_managers()
        job.find()
        job.wait_for("RUNNING", 300)
        job.wait_for_progress()

    def cancel(self, fleet: base.Fleet, job: PodJob) -> None:
        """And wait until the application has ended; its JobManagers did what they may, and left nothing of the job."""
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

    def test_goes_on_after_its_job_manager_and_leaves_nothing(self) -> None:
        fleet, job = self.on_volume
        self.wait_until_it_runs(fleet, job)
        self.take_over(fleet, job, "the only JobManager's process killed", lambda leader: leader.kill_container())
        self.cancel(fleet, job)

    def test_goes_on_from_s3_and_leaves_nothing_in_the_bucket(self) -> None:
        """No plug-in of Flink is there; the keys are in a Secret, and in no configuration."""
        fleet, job = self.on_s3
        self.wait_until_it_runs(fleet, job)
        self.assertTrue([name for name in self.gateway.objects() if "completedCheckpoint" in name], self.gateway.objects())
        what = "storage on S3, the only JobManager's pod deleted without grace"
        self.take_over(fleet, job, what, lambda leader: leader.delete(grace=0))
        self.cancel(fleet, job)
        self.assertEqual([], self.gateway.objects())
        self.assertEqual([], list((fleet.directory / "ha").iterdir()))
        self.assertNotIn(s3_gateway.SECRET_KEY, "".join(log.text() for pod in fleet.pods() for log in pod.logs))
