"""A TaskManager watches the metadata alone while a JobManager with our jar leads, and everything while stock does."""

from rig.counting import CountingJob
from rig.http_proxy import Asked, HttpFaultProxy
from rig.waiting import wait_until

from . import base, fleet

_METADATA = "PartialObjectMetadata"


class _Path(HttpFaultProxy):
    """The path of one process, which notes what its watches ask for."""

    watches: list[str]

    def passing(self, asked: Asked) -> None:
        if "watch=true" in asked.path:
            self.watches.append("metadata" if _METADATA in asked.accept else "everything")


@base.on_lines("2.2.1")
@base.ours_only("it watches everything")
class TaskManagerFollowsByMetadata(fleet.FleetTest):
    """Leadership goes from ours to stock and back under a running job."""

    def check_beside_stock(self, version: str) -> None:
        cluster = self.fleet(version, ["ours", "stock"], ["ours", "ours"])
        ours, stock = cluster.job_managers
        task_manager = cluster.task_managers[0]
        kubernetes = base.kubernetes()
        certificate, key = map(str, kubernetes.certificate)  # type: ignore[attr-defined]
        path = _Path(kubernetes.access, certificate, key)
        path.watches = []
        self.addCleanup(path.close)
        task_manager.settings["kubernetes.config.file"] = str(
            cluster.namespace.kubeconfig(path.server, task_manager.name)
        )
        self.start(cluster, leader=ours)
        job = CountingJob(cluster, rate=500).submit()
        job.wait_for("RUNNING", fleet.PATIENCE)
        job.wait_for_checkpoints(ours, 2, fleet.PATIENCE)
        self.assertEqual({"metadata"}, set(path.watches))

        self.report(f"ours to stock: {self.hand_over(job, fleet.kill)}")
        wait_until(lambda: path.watches[-1] == "everything", "a watch of everything", 30)
        ours.start()
        self.report(f"stock to ours: {self.hand_over(job, fleet.kill)}")
        wait_until(lambda: path.watches[-1] == "metadata", "a watch of metadata", 30)
        self.report(f"watches: {', '.join(path.watches)}")
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace, task_manager.name)
