"""A parallelism set while the job runs is stored: the next leader runs the job with it."""

import time

from rig.counting import CountingJob
from rig.flink import RESTORED, FlinkCluster
from rig.flink_rest import Json
from rig.waiting import wait_until

from . import base

_ADAPTIVE = {
    "jobmanager.scheduler": "adaptive",
    # Rescaled at once: these say how soon after the last change, and after how much waiting for more slots.
    "jobmanager.adaptive-scheduler.scaling-interval.min": "0 s",
    "jobmanager.adaptive-scheduler.resource-stabilization-timeout": "0 s",
    "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout": "0 s",
}


@base.on_lines("1.20.5")
class RescalingSurvives(base.ClusterTest):
    """The leader is stopped right after the new requirements were accepted; with --full it is killed."""

    def check_a_fail_over(self, version: str) -> None:
        cluster = self.flink(settings=_ADAPTIVE, version=version)
        cluster.start()
        leader, standby = cluster.wait_for_leader(5), cluster.standby()
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        self.assertEqual(2, _widest(cluster, job))
        before = _plan_pointer(cluster, job)

        requirements = cluster.rest.request("GET", f"/jobs/{job.id}/resource-requirements")
        for vertex in requirements.values():
            if vertex["parallelism"]["upperBound"] == 2:
                vertex["parallelism"]["upperBound"] = 3
        cluster.rest.request("PUT", f"/jobs/{job.id}/resource-requirements", requirements)
        self.assertNotEqual(before, _plan_pointer(cluster, job), "the stored job was not replaced")

        lost = time.time()
        if base.FULL:
            leader.kill()
        else:
            leader.terminate()
        standby.wait_for_grant(3 * base.LEASE, lost)
        restored = standby.wait_for_log(RESTORED, 30, lost)
        job.wait_for("RUNNING")
        wait_until(lambda: _widest(cluster, job) == 3, "the job to run three abreast", 30, 0.2, cluster.tails)
        self.assertEqual(requirements, cluster.rest.request("GET", f"/jobs/{job.id}/resource-requirements"))
        self.report(f"checkpoint {restored[2]} restored and three abreast {time.time() - lost:.2f} s after the loss")

        job.wait_for_checkpoints(standby, 2)
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)


def _widest(cluster: FlinkCluster, job: CountingJob) -> int:
    """The parallelism of the widest vertex that runs."""
    vertices: list[Json] = cluster.rest.request("GET", f"/jobs/{job.id}")["vertices"]
    return max(int(vertex["parallelism"]) for vertex in vertices)


def _plan_pointer(cluster: FlinkCluster, job: CountingJob) -> str:
    """The value under which the cluster's ConfigMap stores the job, whatever its line calls it."""
    data: Json = (cluster.namespace.config_map(cluster.cluster_config_map) or {}).get("data", {})
    return next(str(value) for key, value in data.items() if key.endswith(f"-{job.id}") and "leader" not in key)
