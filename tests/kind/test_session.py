"""A standalone session as in the manifests, with two JobManagers: it holds while nothing is done, and goes on after every end of its leader."""

import time

from rig import waiting

from . import base, flink_image, manifests
from .fleet import PodJob


class Session(base.KindTest):
    """Under the documented Role, with the pod's own configuration and a token of ten minutes."""

    def session(self, image: str = flink_image.OURS) -> tuple[base.Fleet, PodJob]:
        """A session with a running job."""
        fleet = self.fleet("session", image)

        def edit(one: dict[str, object]) -> None:
            if one["kind"] == "Deployment":
                manifests.with_short_token(one)

        fleet.apply("session.yaml", edit)
        fleet.wait_for_leader()
        fleet.wait_for_standby()
        fleet.wait_for_task_managers()
        job = PodJob(fleet).submit()
        job.wait_for("RUNNING", 120)
        job.wait_for_progress()
        return fleet, job

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
        self.assertEqual([], job.stop(180).problems)

    def test_holds_and_every_take_over_is_exactly_once(self) -> None:
        fleet, job = self.session()
        seconds = 20 * 60 if base.FULL else 3 * 60
        before = fleet.grants(0)
        waiting.holds_for(lambda: job.state() == "RUNNING", "a running job", seconds, 5)
        self.assertEqual(before, fleet.grants(0), "leadership changed while nothing was done")
        self.report(f"{seconds / 60:g} minutes: no transition")
        self.take_overs(fleet, job)
        self.assert_one_leader_at_a_time(fleet)
        self.assert_documented_role_suffices(fleet)


class StockSession(Session):
    """The same ends of the leader with Flink's own services, for comparison."""

    in_ci = False

    def test_holds_and_every_take_over_is_exactly_once(self) -> None:
        fleet, job = self.session(flink_image.STOCK)
        self.take_overs(fleet, job)


class NodePaused(Session):
    """The leader's node stands still for 40 s."""

    in_ci = False

    def test_holds_and_every_take_over_is_exactly_once(self) -> None:
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
        job.wait_for("RUNNING", 180)
        job.wait_for_progress()
        self.assertEqual([], job.stop(180).problems)
        if image == flink_image.OURS:
            self.assert_one_leader_at_a_time(fleet)

    def session_on_two_workers(self, image: str) -> tuple[base.Fleet, PodJob]:
        """The session, with one JobManager on each worker; the TaskManager is where the standby is."""
        fleet = self.fleet("session", image)
        apart = {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"component": "jobmanager"}}}
                ]
            }
        }
        held_back = []

        def edit(one: dict[str, object]) -> None:
            if one["kind"] == "Deployment":
                manifests.template(one)["affinity"] = apart
                if "taskmanager" in str(one["metadata"]):
                    held_back.append(one)

        for one in fleet.load("session.yaml"):
            edit(one)
            if one not in held_back:
                fleet.create(one)
        fleet.wait_for_leader()
        fleet.wait_for_standby()
        leader = fleet.wait_for_leader()
        (standby,) = [pod for pod in fleet.job_managers if pod.uid != leader.uid]
        for one in held_back:
            spec = manifests.template(one)
            del spec["affinity"]
            spec["nodeName"] = standby.node
            fleet.create(one)
        fleet.wait_for_task_managers()
        job = PodJob(fleet).submit()
        job.wait_for("RUNNING", 120)
        return fleet, job
