"""A TaskManager finds the next job master through the ConfigMap, by watching and reading it and nothing else."""

import time

from rig.accounts import Account
from rig.counting import CountingJob

from . import base

_REGISTERED = r"Successful registration at job manager (\S+) for job (\w+)"


@base.on_lines("2.3.0")
class TaskManagerFindsJobMaster(base.ClusterTest):
    """With an account that may only get, list and watch."""

    def check_after_a_hand_over(self, version: str) -> None:
        cluster = self.flink(version=version)
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
        reader = Account(cluster.namespace, "reader", rules)
        task_manager = cluster.task_managers[0]
        task_manager.settings["kubernetes.config.file"] = str(reader.kubeconfig(base.STOCK))
        cluster.start()
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        leader, standby = cluster.wait_for_leader(5), cluster.standby()
        job.wait_for_checkpoints(leader, 2)

        lost = time.time()
        leader.terminate()
        granted = standby.wait_for_grant(3 * base.LEASE, lost)
        found = task_manager.wait_for_log(_REGISTERED, 60, granted.at)
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(standby, 2)
        self.report(f"registered {found.at - granted.at:.2f} s after the grant, at {found[1]}")
        self.assertEqual(job.id, found[2])
        self.assertIn(f":{standby.rpc_port}/", found[1])
        # The first run of the process is still the only one, and runs the job.
        self.assertEqual(1, len(task_manager.logs))
        self.assertTrue(task_manager.running)
        self.assertEqual(1, standby.rest.task_managers())

        audit = base.kubernetes().audit
        if audit:
            requests = list(audit.requests(reader.user))
            self.report(f"requests of the TaskManager: {', '.join(request.kind for request in requests)}")
            self.assertEqual({task_manager.name}, {request.user_agent for request in requests})
            self.assertLessEqual({request.verb for request in requests}, {"list", "watch", "get"})
            self.assertLess(max(request.code for request in requests), 300)
        self.assertEqual([], job.stop().problems)
