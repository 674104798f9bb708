"""The session of the manifests, with two JobManagers: it holds while nothing is done, and survives every end of its leader."""

import time

from rig import oracles, waiting
from rig.kubernetes import Json

from . import base, flink_image, manifests
from .fleet import PodJob

_APART = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"component": "jobmanager"}}}
        ]
    }
}


def start(fleet: base.Fleet, node: str | None = None) -> PodJob:
    """Makes the session of the manifest, with short tokens, and a running job in it; all on one node, if that is named."""

    def edit(one: Json) -> None:
        if one["kind"] == "Deployment":
            manifests.with_short_token(one)
            if node:
                manifests.template(one)["nodeName"] = node

    fleet.apply("session.yaml", edit)
    fleet.wait_for_leader()
    fleet.wait_for_standby()
    fleet.wait_for_task_managers()
    job = PodJob(fleet).submit()
    job.wait_for("RUNNING", 300)
    job.wait_for_progress()
    return job


class Session(base.KindTest):
    """Under the documented Role, with the pod's own configuration and a token of ten minutes."""

    def take_overs(self, fleet: base.Fleet, job: PodJob) -> None:
        """The leader's end in every way that pods know; exactly once all the same."""
        self.take_over(fleet, job, "leader's pod deleted", lambda leader: leader.delete())
        fleet.wait_for_standby()
        self.take_over(fleet, job, "leader's pod deleted without grace", lambda leader: leader.delete(grace=0))
        fleet.wait_for_standby()
        leader = fleet.wait_for_leader()
        restarts = leader.container()["restartCount"]
        self.take_over(fleet, job, "leader's process killed", lambda leader: leader.kill_container())
        leader.wait_for_restarts(restarts + 1)
        self.assertEqual([], job.stop(300).problems)


class Holding(Session):
    """It is left alone while the other tests run, and then is not."""

    _begun: tuple[base.Fleet, PodJob, float] | None = None

    @classmethod
    def begin(cls) -> None:
        """Before the first test."""
        fleet = base.new_fleet("session")
        # Other tests pause workers.
        (node,) = [name for name in base.kubernetes().nodes if name.endswith("control-plane")]
        cls._begun = fleet, start(fleet, node), time.time()

    @classmethod
    def tearDownClass(cls) -> None:
        if cls._begun:
            cls._begun[0].delete()

    def test_holds_and_every_take_over_is_exactly_once(self) -> None:
        assert self._begun
        fleet, job, began = self._begun
        seconds = 20 * 60 if base.FULL else 3 * 60
        # None: no answer in time, on a machine with much to do.
        waiting.holds_for(lambda: job.state() in ("RUNNING", None), "a running job", began + seconds - time.time(), 2)
        self.assertEqual([], fleet.grants(began), "leadership changed while nothing was done")
        self.assertEqual([], fleet.restored(began), "the job was restored while nothing was done")
        self.report(f"{(time.time() - began) / 60:.1f} minutes: no transition")
        self.take_overs(fleet, job)
        self.assert_one_leader_at_a_time(fleet)
        self.assert_documented_role_suffices(fleet)


class BesideStock(Session):
    """The same ends of the leader with this jar and with Flink's own services, one after the other."""

    in_ci = False

    def test_take_overs(self) -> None:
        for image in (flink_image.OURS, flink_image.STOCK):
            with self.subTest(image):
                fleet = self.fleet("session", image)
                self.take_overs(fleet, start(fleet))


class NodePaused(base.KindTest):
    """The leader's node stands still for 40 s."""

    in_ci = False

    def test_goes_on_exactly_once(self) -> None:
        if len(base.kubernetes().nodes) < 3:
            self.skipTest("the cluster has no two workers; tests/kind/up --workers 2 makes one that has")
        for image in (flink_image.OURS, flink_image.STOCK):
            with self.subTest(image):
                self.pause(image)

    def pause(self, image: str) -> None:
        """One JobManager on each worker, the TaskManager with the standby."""
        fleet, job = self.session_on_two_workers(image)
        leader = fleet.wait_for_leader()
        docker = base.kubernetes().docker
        node = leader.node
        paused = time.time()
        docker.run("pause", node)
        try:
            time.sleep(40)
        finally:
            docker.run("unpause", node)
        fleet.wait_for_restored(paused)
        granted, restored = fleet.grants(paused)[0], fleet.restored(paused)[0]
        whose = "the same pod" if granted[1].uid == leader.uid else "another pod"
        self.report(
            f"{image}, node paused for 40 s: granted to {whose} after {granted[0] - paused:.2f} s, "
            f"checkpoint {restored[1]} restored after {restored[0] - paused:.2f} s"
        )
        job.wait_for("RUNNING", 300)
        job.wait_for_progress()
        self.assertEqual([], job.stop(300).problems)
        # What stands still writes its revoke when it goes on.
        self.assertEqual([], oracles.not_alternating(fleet))  # type: ignore[arg-type]

    def session_on_two_workers(self, image: str) -> tuple[base.Fleet, PodJob]:
        """The session, with one JobManager on each worker; the TaskManager is where the standby is."""
        fleet = self.fleet("session", image)
        objects = fleet.load("session.yaml")
        (task_manager,) = [one for one in objects if one["metadata"]["name"] == "session-taskmanager"]
        for one in objects:
            if one["kind"] == "Deployment":
                manifests.template(one)["affinity"] = _APART
            if one is not task_manager:
                fleet.create(one)
        fleet.wait_for_leader()
        fleet.wait_for_standby()
        leader = fleet.wait_for_leader()
        (standby,) = [pod for pod in fleet.job_managers if pod.uid != leader.uid]
        spec = manifests.template(task_manager)
        del spec["affinity"]
        spec["nodeName"] = standby.node
        fleet.create(task_manager)
        fleet.wait_for_task_managers()
        job = PodJob(fleet).submit()
        job.wait_for_progress()
        return fleet, job
