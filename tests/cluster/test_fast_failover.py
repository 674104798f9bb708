"""Fast failover: a leader whose process has ended is followed at once; one that only looks so is fenced."""

import json
import time
from pathlib import Path

from rig.counting import CountingJob
from rig.flink import RESTORED, REVOKED, STANDS_BY, FlinkCluster, JobManager
from rig.processes import free_port
from rig.proxy import FaultProxy, Mode
from rig.waiting import holds_for, wait_until

from . import base
from .test_leader_is_frozen import accepted_writes

_OPTION = "high-availability.native.fast-failover"
_ANNOTATION = "ha.flinkkubeha.io/failover-address"
_SEEN = r"the connection to \S+ was closed, and its port refuses a new one"


@base.ours_only("a death is not seen")
class FastFailover(base.ClusterTest):
    """Two JobManagers and a job. Each is reached through a proxy in the tests of what only looks like a death."""

    def start(self, through_proxies: bool) -> None:
        self.cluster = self.flink(settings={_OPTION: "true"})
        self.proxies: dict[str, FaultProxy] = {}
        for process in self.cluster.job_managers if through_proxies else ():
            port = free_port()
            process.settings |= {f"{_OPTION}-port": str(port), f"{_OPTION}-host": "127.0.0.2"}
            proxy = FaultProxy(f"http://127.0.0.1:{port}", listen=("127.0.0.2", port))
            self.addCleanup(proxy.close)
            self.proxies[process.name] = proxy
        self.cluster.start()
        self.job = CountingJob(self.cluster).submit()
        self.job.wait_for("RUNNING")
        self.leader, self.standby = self.roles()

    def roles(self) -> tuple[JobManager, JobManager]:
        """The leader and a standby that watches it."""
        leader, standby = self.cluster.wait_for_leader(30), self.cluster.standby()
        standby.wait_for_log(STANDS_BY, 60)
        self.job.wait_for("RUNNING")
        self.job.wait_for_checkpoints(leader, 2)
        wait_until(lambda: _connections(_port(self.cluster)) > 0, "the standby's connection to the leader", 30)
        return leader, standby

    def test_killed(self) -> None:
        self.start(through_proxies=False)
        for turn in range(20 if base.FULL else 2):
            leader, standby = self.roles()
            killed = leader.kill()
            granted = standby.wait_for_grant(2 * base.LEASE, killed)
            leader.start()
            restored = standby.wait_for_log(RESTORED, 30, killed)
            self.job.wait_for("RUNNING")
            self.report(
                f"turn {turn + 1}: granted {granted.at - killed:.2f} s after kill -9, "
                f"job restored after {restored.at - killed:.2f} s"
            )
            self.assertTrue(standby.log.first(_SEEN, killed), "the lease was waited for")
            self.assertLess(granted.at - killed, base.WELL_BELOW_LEASE)
        output = self.job.stop()
        self.report(f"{output.records} records")
        self.assertEqual([], output.problems)
        self.assert_one_leader_at_a_time(self.cluster)
        self.assert_documented_role_suffices(self.cluster.namespace)

    def test_looks_dead_and_lives(self) -> None:
        self.start(through_proxies=True)
        leader, standby = self.leader, self.standby
        refused = time.time()
        self.proxies[leader.name].mode = Mode.REFUSE
        granted = standby.wait_for_grant(2 * base.LEASE, refused)
        self.assertTrue(standby.log.first(_SEEN, refused), "the lease was waited for")
        revoked = leader.wait_for_log(REVOKED.replace("(.+)", "(dispatcher)"), 30, refused)
        self.report(
            f"false evidence: granted after {granted.at - refused:.2f} s, "
            f"two leaders for {max(0.0, revoked.at - granted.at) * 1000:.0f} ms"
        )
        standby.wait_for_log(RESTORED, 30, refused)
        self.job.wait_for("RUNNING")
        self.job.wait_for_checkpoints(standby, 2)
        stale = accepted_writes(self.cluster, leader, granted.at, float("inf"))
        # What it may write is its note that it waits, into the ConfigMap of the lock.
        stale = [name for name in stale if name != self.cluster.cluster_config_map]
        self.report(f"{len(stale)} stale writes accepted")
        self.assertEqual([], stale)
        self.assertIs(standby, self.cluster.leader())
        output = self.job.stop()
        self.report(f"{output.records} records")
        self.assertEqual([], output.problems)

    def test_what_is_no_evidence(self) -> None:
        self.start(through_proxies=True)
        leader, standby = self.leader, self.standby
        proxy = self.proxies[leader.name]
        for mode in (Mode.BLACK_HOLE, Mode.RESET):
            proxy.mode = mode
            holds_for(lambda: not standby.grants(), f"the leader being left alone ({mode.value})", 4)
            proxy.mode = Mode.FORWARD
        # Shorter than a lease: neither its connection nor its port is gone.
        leader.freeze()
        holds_for(lambda: not standby.grants(), "a leader that stands still being left alone", 4)
        leader.thaw()
        self.job.wait_for_checkpoints(leader, 2)
        self.assertEqual([], standby.grants() + leader.revokes())
        self.assertEqual([], self.job.stop().problems)


def _port(cluster: FlinkCluster) -> int:
    """The port that the leader has announced."""
    annotations = (cluster.namespace.config_map(cluster.cluster_config_map) or {})["metadata"]["annotations"]
    address = json.loads(annotations[_ANNOTATION].removeprefix("v1 "))
    assert address["holderIdentity"] in annotations["control-plane.alpha.kubernetes.io/leader"]
    return int(address["port"])


def _connections(port: int) -> int:
    """Connections that stand at this port on this machine, from the kernel's tables."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return sum(line[1].endswith(f":{port:04X}") and line[3] == "01" for line in lines)
