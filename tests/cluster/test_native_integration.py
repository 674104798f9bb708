"""Flink's native Kubernetes integration runs on our services, which it knows nothing of."""

import time

from rig.counting import CountingJob
from rig.flink import RESTORED
from rig.native_session import CLUSTER_ID, NativeSession

from . import base

_ACTIVE = r"flink-kube-ha .* as (\w+): cluster-id native"


@base.ours_only("is what the integration was made with")
@base.on_lines("2.2.1")
class NativeIntegration(base.ClusterTest):
    """A session: its client, its JobManagers, and TaskManagers that they ask for as pods."""

    def check_session(self, version: str) -> None:
        cluster = NativeSession(self.namespace(), self.directory / "flink", base.our_jars(), version=version)
        self.addCleanup(cluster.stop)
        deployed = cluster.deploy()
        self.assertEqual(0, deployed.exit_code, deployed.output)
        self.assertEqual(2, len(cluster.job_managers))
        # The client of the integration goes to the REST service and asks for no leader.
        self.assertNotIn(cluster.cluster_config_map, cluster.namespace.config_maps())

        for process in cluster.job_managers:
            process.start()
        leader = cluster.wait_for_leader(90)
        standby = cluster.standby()
        for process in cluster.job_managers:
            self.assertEqual("jobmanager", process.wait_for_log(_ACTIVE, 60)[1])

        cluster.expose(leader)
        job = CountingJob(cluster).submit()
        pods = cluster.wait_for_pods(60)
        self.report(f"pods: {', '.join(pods)}")
        job.wait_for("RUNNING", 90)
        task_manager = cluster.task_managers[0]
        self.assertEqual("taskmanager", task_manager.wait_for_log(_ACTIVE, 60)[1])
        job.wait_for_checkpoints(leader, 2)
        target = ("-t", "kubernetes-session", f"-Dkubernetes.cluster-id={CLUSTER_ID}")
        listed = cluster.client("list", *target)
        self.assertEqual(0, listed.exit_code, listed.output)
        self.assertIn(f"{job.id} : counting (RUNNING)", listed.output)

        stopped = time.time()
        leader.terminate()
        granted = standby.wait_for_grant(3 * base.LEASE, stopped)
        restored = standby.wait_for_log(RESTORED, 60, stopped)
        job.wait_for("RUNNING", 60)
        self.report(f"granted after {granted.at - stopped:.2f} s, checkpoint {restored[2]} restored")
        self.assertGreaterEqual(int(restored[2]), job.completed_checkpoint(leader))
        job.wait_for_checkpoints(standby, 2)
        # The pod of before was recognised and is still the only one.
        self.assertEqual(pods, cluster.run_new_pods())
        self.assertTrue(task_manager.running)
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)
        self._assert_no_patch(cluster)

    def _assert_no_patch(self, cluster: NativeSession) -> None:
        audit = base.kubernetes().audit
        if audit is None:
            return
        counts = audit.counts(cluster.runner.user)
        self.report("requests: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        self.assertEqual([], [kind for kind in counts if kind.startswith("patch") or kind.endswith(("401", "403"))])
