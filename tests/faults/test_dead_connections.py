"""Connections that are dead without anybody being told, as when a NAT forgets them."""

from typing import Any

from rig.flink import FlinkCluster
from rig.proxy import FaultProxy

from . import base

_CONNECTING = r"Connecting to ResourceManager \S+:{port}/"


class F20TaskManagerIsCutOff(base.FaultTest):
    """What watches of a TaskManager stand on dies silently, then the leader changes; new connections work."""

    row = "F-20"
    minutes = 0
    variant = "connections of a TaskManager, then a change of leader"

    def setUp(self) -> None:
        super().setUp()
        self.proxy = FaultProxy(base.kubernetes().access.server)
        self.addCleanup(self.proxy.close)

    def flink(self, *arguments: Any, **options: Any) -> FlinkCluster:
        cluster = super().flink(*arguments, **options)
        (process,) = cluster.task_managers
        process.settings["kubernetes.config.file"] = cluster.kubeconfig(self.proxy.server, process.name)
        return cluster

    def test_the_next_leader_is_found(self) -> None:
        fleet = self.fleet()
        leader, standby = fleet.running()
        assert standby
        (task_manager,) = fleet.cluster.task_managers
        self.assertGreater(self.proxy.silence(), 0, "the TaskManager had no connection")
        fleet.wait(60 * self.minutes)
        killed = leader.kill()
        granted = standby.wait_for_grant(3 * base.LEASE, killed)
        found = task_manager.wait_for_log(_CONNECTING.format(port=standby.rpc_port), 180, granted.at)
        fleet.settle()
        seen = fleet.observe()
        fleet.finish()
        self.expect(seen, transitions=1, restarts=1, failed_checkpoints=None)
        self.record(self.variant, seen, found_after=f"{found.at - granted.at:.1f} s")


class F20TaskManagerIsCutOffForLong(F20TaskManagerIsCutOff):
    """Between the two there is time."""

    minutes = 10
    variant = f"connections of a TaskManager, {minutes} min before a change of leader"


class F20bJobManagersAreCutOff(base.FaultTest):
    """All connections of all JobManagers die silently, again and again; new ones work."""

    row = "F-20"
    in_ci = True

    def test_nobody_loses_leadership(self) -> None:
        fleet = self.fleet()
        fleet.running()
        dead = 0
        for _ in range(12 if base.FULL else 3):
            dead += sum(path.silence() for path in fleet.paths.values())
            # No multiple of anything that is done periodically.
            fleet.wait(11 + fleet.random.random())
        fleet.settle()
        seen = fleet.observe()
        fleet.finish()
        self.assertGreater(dead, 2, "there were hardly any connections")
        self.expect(seen)
        self.record("F-20b: connections of JobManagers", seen, dead_connections=dead)
