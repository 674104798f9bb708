"""Everything that a leader sends to the API server vanishes: it is revoked before a rival can lead."""

import time

from rig.counting import CountingJob
from rig.flink import RESTORED, JobManager
from rig.proxy import FaultProxy, Mode
from rig.waiting import wait_until

from . import base


@base.ours_only("believes itself leader for more than 40 s")
class ApiPathIsBlackHoled(base.ClusterTest):
    """With another JobManager waiting; each has a path of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.cluster = self.flink()
        self.proxies = {}
        for process in self.cluster.job_managers:
            proxy = FaultProxy(base.kubernetes().access.server)
            self.addCleanup(proxy.close)
            self.proxies[process.name] = proxy
            process.settings["kubernetes.config.file"] = self.cluster.kubeconfig(proxy.server, process.name)

    def test_while_leadership_is_confirmed(self) -> None:
        first, second = self.cluster.job_managers
        # Slow enough that what is published at the grant cannot have arrived when the path goes.
        self.proxies[first.name].delay = 0.2
        first.start()
        first.wait_for_grant(60)
        lost = time.time()
        self.proxies[first.name].mode = Mode.BLACK_HOLE
        second.start()
        data = (self.cluster.namespace.config_map(self.cluster.cluster_config_map) or {}).get("data", {})
        self.assertNotIn("org.apache.flink.k8s.leader.dispatcher", data)
        self._assert_handed_over(first, second, lost)

    def test_while_a_job_runs(self) -> None:
        self.cluster.start()
        leader, standby = self.cluster.wait_for_leader(5), self.cluster.standby()
        job = CountingJob(self.cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        lost = time.time()
        self.proxies[leader.name].mode = Mode.BLACK_HOLE
        completed = job.completed_checkpoint(leader)
        standby.wait_for_grant(3 * base.LEASE, lost)
        restored = standby.wait_for_log(RESTORED, 30)
        self.assertGreaterEqual(int(restored[2]), completed)
        healed = time.time()
        self._assert_handed_over(leader, standby, lost)
        self._assert_stale_writes_are_refused(leader, self.cluster.job_config_map(job.id), healed)
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(standby, 2)
        self.assertEqual([], job.stop().problems)

    def _assert_handed_over(self, leader: JobManager, standby: JobManager, lost: float) -> None:
        taken_over = standby.wait_for_grant(3 * base.LEASE, lost)
        revoked = leader.log.first(r"Revoking leadership .* component 'dispatcher'")
        self.assertIsNotNone(revoked, "the old leader was never told")
        assert revoked
        self.report(
            f"revoked {revoked.at - lost:.2f} s after the path was lost, "
            f"the standby granted {taken_over.at - revoked.at:.2f} s later"
        )
        self.assertLess(revoked.at - lost, base.LEASE)
        self.assertLess(revoked.at, taken_over.at)
        self.assertEqual(["api-unreachable"], leader.losses(lost))
        self.proxies[leader.name].mode = Mode.FORWARD
        self.assertIs(standby, self.cluster.wait_for_leader(10))
        self.assertTrue(leader.running, "the old leader has ended")
        self.assert_one_leader_at_a_time(self.cluster)

    def _assert_stale_writes_are_refused(self, leader: JobManager, name: str, healed: float) -> None:
        """What the old leader had sent into the black hole reaches the API server when another has claimed the job."""
        audit = base.kubernetes().audit
        if audit is None:
            self.report("no audit log: the API server is not ours")
            return
        user = self.cluster.namespace.user

        def stale() -> list[int]:
            return [one.code for one in audit.writes(user, leader.name, healed) if one.name == name]

        codes = wait_until(stale, "the write that was held up to arrive", 20, 0.2)
        self.report(f"stale writes of the job's ConfigMap, and what became of them: {codes}")
        self.assertEqual([], [code for code in codes if code < 400])
