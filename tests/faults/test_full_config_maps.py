"""The cluster ConfigMap is nearly as large as a ConfigMap can be."""

import re

from rig.counting import CountingJob
from rig.flink_rest import RestFailure
from rig.kubernetes import ApiFailure

from . import base
from .fleet import PATIENCE, Fleet

# What the API server allows for all keys and values of one ConfigMap.
_LIMIT = 1 << 20
_FILLER = "filler-of-somebody-else"
# Less than a pointer needs.
_ROOM = 64
# As the API server or the client puts it.
_REASON = r"[^\n]*(?:Too long|too large|1048576)[^\n]*"


class F22FullConfigMap(base.FaultTest):
    """Somebody else has put much into it: what fits goes on, a new job is refused with a reason, and nobody else is hurt."""

    row = "F-22"

    def test_new_jobs_are_refused_and_the_others_go_on(self) -> None:
        fleet = self.fleet(settings={"taskmanager.numberOfTaskSlots": "6"})
        leader, _ = fleet.running()
        self._fill(fleet, round(0.95 * _LIMIT))
        more = CountingJob(fleet.cluster, rate=10, parallelism=1, name="more").submit()
        more.wait_for("RUNNING", PATIENCE)
        fleet.settle()
        seen = fleet.observe()
        self._fill(fleet, _LIMIT - _ROOM)
        fleet.begin()
        with self.assertRaises(RestFailure) as refused:
            CountingJob(fleet.cluster, rate=10, parallelism=1, name="too-much").submit()
        reason = re.search(_REASON, leader.log.text())
        self.report(f"the reason: {reason and reason[0]}")
        # Some renewals of a ConfigMap of that size.
        fleet.wait(2 * base.LEASE)
        fleet.settle()
        full = fleet.observe()
        fleet.begin()
        leader.kill()
        fleet.wait(base.LEASE)
        fleet.settle()
        handed_over = fleet.observe()
        self._fill(fleet, 0)
        more.wait_for("RUNNING", PATIENCE)
        more.cancel()
        more.wait_for("CANCELED", PATIENCE)
        fleet.finish()
        self.expect(seen)
        self.expect(full)
        self.expect(handed_over, transitions=1, restarts=1, failed_checkpoints=None)
        if not base.STOCK:
            self.assertIsNotNone(reason, f"no reason is logged\n{refused.exception}")
        self.record("0.95 MiB, a job is submitted", seen)
        self.record("1 MiB, a job is submitted", full, the_job_is="refused")
        self.record("1 MiB, the leader is killed", handed_over)

    @staticmethod
    def _fill(fleet: Fleet, size: int) -> None:
        """Makes all keys and values of the cluster ConfigMap that large, as an administrator."""
        admin, namespace = base.kubernetes().admin, fleet.cluster.namespace
        path = f"/api/v1/namespaces/{namespace.name}/configmaps/{fleet.cluster.cluster_config_map}"
        while True:
            config_map = admin.request("GET", path)
            data = config_map.setdefault("data", {})
            data.pop(_FILLER, None)
            room = size - sum(len(key) + len(value.encode()) for key, value in data.items()) - len(_FILLER)
            if room > 0:
                data[_FILLER] = "x" * room
            try:
                admin.request("PUT", path, config_map)
                return
            except ApiFailure as failure:
                if failure.code != 409:
                    raise
