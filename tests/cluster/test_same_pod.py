"""A JobManager that is restarted in its pod takes its lock back at once; whoever may live is waited for."""

import time

from rig.flink import STANDS_BY, FlinkCluster, JobManager
from rig.pods import BoundPod
from rig.waiting import holds_for

from . import base

_TAKEN_BACK = r"was a process of this pod, and none that held its seat is alive"


@base.ours_only("a restarted JobManager waits for its own lease")
class SamePod(base.ClusterTest):
    """Both JobManagers in one pod, or each in its own."""

    def cluster(self, *pods: str) -> FlinkCluster:
        namespace = self.namespace()
        cluster = self.flink(namespace=namespace, job_managers=len(pods), task_managers=0)
        made = {name: BoundPod(namespace, name) for name in sorted(set(pods))}
        for process, pod in zip(cluster.job_managers, pods):
            process.settings["kubernetes.config.file"] = str(made[pod].kubeconfig)
        return cluster

    def test_killed_and_restarted(self) -> None:
        cluster = self.cluster("a", "b")
        first, other = cluster.job_managers
        first.start()
        first.wait_for_grant(60)
        other.start()
        other.wait_for_log(STANDS_BY, 60)
        for turn in range(10 if base.FULL else 2):
            killed = first.kill()
            first.start()
            granted = first.wait_for_grant(60)
            self.assertTrue(first.log.first(_TAKEN_BACK), "the lock was not taken back, but waited for")
            contends = first.wait_for_log(r"LeaderContender has been registered under component", 5)
            self.report(
                f"turn {turn + 1}: granted {granted.at - contends.at:.3f} s after the election began, "
                f"{granted.at - killed:.2f} s after the kill"
            )
            self.assertLess(granted.at - contends.at, base.WELL_BELOW_LEASE)
        self.assertEqual([], other.grants(), "the standby in another pod has led")
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)

    def test_two_processes_with_the_token_of_one_pod(self) -> None:
        cluster = self.cluster("a", "a")
        leader, second = self._leader_and_second(cluster)
        holds_for(lambda: not second.grants(), "the leader being left alone", 3)
        killed = leader.kill()
        granted = second.wait_for_grant(60)
        self.report(f"the other process of the pod granted {granted.at - killed:.2f} s after the kill")
        self.assertTrue(second.log.first(_TAKEN_BACK))
        self.assertLess(granted.at - killed, base.WELL_BELOW_LEASE)
        self.assert_one_leader_at_a_time(cluster)

    def test_predecessor_is_frozen(self) -> None:
        cluster = self.cluster("a", "a")
        leader, second = self._leader_and_second(cluster)
        frozen = time.time()
        leader.freeze()
        granted = second.wait_for_grant(2 * base.LEASE + 5)
        self.report(f"beside a frozen predecessor granted after {granted.at - frozen:.2f} s: its lease")
        self.assertIsNone(second.log.first(_TAKEN_BACK))
        # It had renewed up to a retry period before.
        self.assertGreater(granted.at - frozen, base.LEASE - 6)
        leader.thaw()
        leader.wait_for_log(r"Revoking leadership", 10)
        holds_for(lambda: not leader.grants(granted.at), "the thawed process not taking anything back", 3)
        self.assertEqual(1, len(second.grants()))

    def _leader_and_second(self, cluster: FlinkCluster) -> tuple[JobManager, JobManager]:
        leader, second = cluster.job_managers
        leader.start()
        leader.wait_for_grant(60)
        second.start()
        second.wait_for_log(STANDS_BY, 60)
        second.wait_for_log(r"Another process of pod", 10)
        return leader, second
