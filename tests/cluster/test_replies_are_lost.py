"""The API server carries out what it is asked, and three of ten answers are lost on their way back."""

import time

from rig.counting import CountingJob
from rig.flink import COMPLETED, FlinkCluster, JobManager
from rig.pointers import dangling, pointers
from rig.proxy import FaultProxy
from rig.waiting import wait_until

from . import base

# Each waits for its own answers, so that many of them lose more in the same time.
JOBS = 8
CHECKPOINTS = 10_000 if base.FULL else 500
LOST = 0.3
PREFIX = "checkpointID-"
# In messages and in stack traces.
_BAD = ("PossibleInconsistentStateException", "AlreadyExistException", "Could not complete the pending checkpoint")


class RepliesAreLost(base.ClusterTest):
    """No write ends as a guess: nothing is left over, nothing is missing, and the job does not notice."""

    def test_every_outcome_is_settled(self) -> None:
        settings = {"execution.checkpointing.interval": "10 ms", "taskmanager.numberOfTaskSlots": str(JOBS)}
        cluster = self.flink(job_managers=1, settings=settings)
        proxy = FaultProxy(base.kubernetes().access.server)
        self.addCleanup(proxy.close)
        (leader,) = cluster.job_managers
        leader.settings["kubernetes.config.file"] = cluster.kubeconfig(proxy.server, leader.name)
        cluster.start()
        jobs = [CountingJob(cluster, rate=100, parallelism=1, name=f"counting-{n}").submit() for n in range(JOBS)]
        for job in jobs:
            job.wait_for("RUNNING")
            job.wait_for_checkpoints(leader, 2)

        began, before = time.time(), self._completed(leader)
        proxy.drop_replies = LOST
        wait_until(
            lambda: self._completed(leader) >= before + CHECKPOINTS,
            f"{CHECKPOINTS} checkpoints",
            max(300, CHECKPOINTS / 3),
            0.5,
            leader.log.tail,
        )
        lost, took = proxy.dropped, time.time() - began
        missing = self._look_at_pointers(cluster, jobs, leader)
        proxy.drop_replies = 0
        text = leader.log.text()
        bad = {name: text.count(name) for name in _BAD if name in text}
        self.report(
            f"{self._completed(leader) - before} checkpoints in {took:.0f} s, {lost} of {lost + proxy.passed} replies lost, "
            f"{sum(bad.values())} bad outcomes, {len(missing)} dangling"
        )
        if (audit := base.kubernetes().audit) is not None:
            counts = audit.counts(cluster.namespace.user, leader.name, began)
            self.report("requests: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        if base.STOCK:
            return
        self.assertGreater(lost, CHECKPOINTS / 2, "the proxy has lost too little to show anything")
        self.assertEqual({}, bad)
        self.assertEqual([], missing)
        self.assertEqual((1, 0), (len(leader.grants()), len(leader.revokes())))
        for job in jobs:
            self.assertEqual([], job.stop().problems)
        wait_until(lambda: not cluster.stored_files(), "no file to be left", 20, 0.2, lambda: str(cluster.stored_files()))
        self.assertEqual([cluster.cluster_config_map], list(cluster.namespace.config_maps()))

    @staticmethod
    def _completed(leader: JobManager) -> int:
        """So many were stored: an id whose write was lost is left out, so ids say nothing."""
        return sum(1 for _ in leader.log.find(COMPLETED))

    def _look_at_pointers(self, cluster: FlinkCluster, jobs: list[CountingJob], leader: JobManager) -> list[str]:
        """Pointers and files beside each other while the leader stands still; every job has one that can be restored."""
        leader.freeze()
        try:
            time.sleep(0.5)  # what it had sent is carried out
            maps = [cluster.namespace.config_map(cluster.job_config_map(job.id)) for job in jobs]
            missing = [key for one in maps for key in dangling(one, PREFIX)]
            for one in maps:
                self.assertTrue(any(not pointer.marked for pointer in pointers(one, PREFIX)))
            return missing
        finally:
            leader.thaw()
