"""Three API servers on one etcd, behind a balancer."""

import itertools
import time
from typing import Any

from rig.control_plane import EmbeddedKubernetes
from rig.flink import FlinkCluster
from rig.proxy import FaultProxy

from . import base

_SERVERS = 3
_APART = 30
# A server has to be ready again before the next one goes; shorter holds no matter of chance back.
_APART_IN_CI = 10


class F03RollingRestart(base.FaultTest):
    """Each API server is stopped as an upgrade does it, and started again; everybody goes to those that are left."""

    row = "F-03"

    def setUp(self) -> None:
        super().setUp()
        self.api = EmbeddedKubernetes(self.directory / "kubernetes", api_servers=_SERVERS, audit_bodies=True)
        self.addCleanup(self.api.stop)
        self.turns = itertools.count()

    def balancer(self) -> FaultProxy:
        """A path of a process of its own, which begins with another server than the last one."""
        return FaultProxy([server.url for server in self.api.api_servers], next(self.turns))

    def flink(self, *arguments: Any, **options: Any) -> FlinkCluster:
        cluster = super().flink(*arguments, **options)
        for process in cluster.task_managers:
            path = self.balancer()
            self.addCleanup(path.close)
            process.settings["kubernetes.config.file"] = cluster.kubeconfig(path.server, process.name)
        return cluster

    def test_one_after_the_other(self) -> None:
        fleet = self.fleet(namespace=self.api.namespace(base.VERBS), path=self.balancer)
        fleet.running()
        watched = []
        for number in range(_SERVERS):
            stopped = time.time()
            self.api.stop_api_server(number)
            gone = time.time()
            self.api.start_api_server(number)
            fleet.wait(stopped + (_APART if base.FULL else _APART_IN_CI) - time.time())
            watched += self._watches(fleet.cluster, stopped, gone)
        fleet.settle()
        seen = fleet.observe()
        fleet.finish()
        self.expect(seen)
        self.record("30 s apart" if base.FULL else "10 s apart", seen, longest_without_a_watch=f"{max(watched):.2f} s")

    def _watches(self, cluster: FlinkCluster, stopped: float, gone: float) -> list[float]:
        """For each process that had to begin a watch anew: seconds since the end of the server that had it."""
        assert self.api.audit
        began: dict[str, float] = {}
        for one in self.api.audit.requests(cluster.namespace.user, since=stopped):
            if one.verb == "watch" and one.code < 300:
                began[one.user_agent] = min(one.received, began.get(one.user_agent, one.received))
        return [max(0.0, at - gone) for at in began.values()] or [0.0]
