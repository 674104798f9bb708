"""Somebody deletes or damages the ConfigMaps of a running cluster: the leader puts them right, and says what it did."""

import time

from rig.counting import CountingJob, check_output
from rig.flink import COMPLETED, RESTORED, FlinkCluster, JobManager
from rig.tampering import Tampering
from rig.waiting import holds_for, wait_until

from . import base


@base.ours_only("a deleted ConfigMap ends the process, one of a job is lost")
class ConfigMapsAreTamperedWith(base.ClusterTest):
    """One JobManager with a job that runs through all of it, up to the clean-up."""

    def test_a_running_leader_puts_them_right(self) -> None:
        cluster = self.flink(job_managers=1)
        cluster.start()
        (leader,) = cluster.job_managers
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 3)

        self._delete_the_job_config_map(cluster, leader, job)
        self._garble_the_lock(cluster, leader, job)
        self._delete_the_cluster_config_map(cluster, leader, job)
        self.assertEqual([], leader.revokes())
        self.assertIsNone(leader.log.first(RESTORED), "the job was restarted")
        ids = [int(hit[1]) for hit in leader.log.find(COMPLETED)]
        self.assertEqual(sorted(set(ids)), ids, "a checkpoint id was used twice")

        # TaskManagers see that there is no leader for a moment, and a job whose leader is gone is restored.
        self._empty_the_cluster_config_map(cluster, leader, job)
        self.assertEqual([], leader.revokes())
        self._clean_up(cluster, leader, job)

    def _delete_the_job_config_map(self, cluster: FlinkCluster, leader: JobManager, job: CountingJob) -> None:
        name = cluster.job_config_map(job.id)
        completed, at = job.completed_checkpoint(leader), time.time()
        Tampering(cluster).delete(name)
        repaired = leader.wait_for_log(f"ConfigMap {name} had been deleted from outside", 15, at)
        counter = int((cluster.namespace.config_map(name) or {})["data"]["counter"])
        self.assertGreater(counter, completed)
        job.wait_for_checkpoints(leader, 2)
        self.report(f"job ConfigMap: there again after {repaired.at - at:.2f} s, next checkpoint id {counter}")

    def _garble_the_lock(self, cluster: FlinkCluster, leader: JobManager, job: CountingJob) -> None:
        at, tampering, name = time.time(), Tampering(cluster), cluster.cluster_config_map
        holder = tampering.lock(name).split('"holderIdentity":"')[1].split('"')[0]
        tampering.put_lock(name, "garbage")
        repaired = leader.wait_for_log("Writing the lock again", 10, at)
        wait_until(lambda: holder in tampering.lock(name), "the lock to be there again", 10, 0.05)
        job.wait_for_checkpoints(leader, 2)
        self.report(f"lock: written again after {repaired.at - at:.2f} s")

    def _empty_the_cluster_config_map(self, cluster: FlinkCluster, leader: JobManager, job: CountingJob) -> None:
        name, at = cluster.cluster_config_map, time.time()
        before = Tampering(cluster).empty(name)
        leader.wait_for_log("has been emptied from outside", 10, at)
        wait_until(
            lambda: (cluster.namespace.config_map(name) or {}).get("data") == before,
            "every entry to be there again",
            10,
            0.05,
        )
        self.report(f"cluster ConfigMap: filled again after {time.time() - at:.2f} s at most")
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)

    def _delete_the_cluster_config_map(self, cluster: FlinkCluster, leader: JobManager, job: CountingJob) -> None:
        name, at = cluster.cluster_config_map, time.time()
        before = (cluster.namespace.config_map(name) or {})["data"]
        Tampering(cluster).delete(name)
        wait_until(lambda: cluster.namespace.config_map(name), "the cluster ConfigMap to be there again", 10, 0.05)
        leader.wait_for_log("Writing the lock again, because the ConfigMap has been deleted from outside", 10, at)
        self.report(f"cluster ConfigMap: there again after {time.time() - at:.2f} s")
        self.assertEqual(before, (cluster.namespace.config_map(name) or {})["data"])
        job.wait_for_checkpoints(leader, 2)

    def _clean_up(self, cluster: FlinkCluster, leader: JobManager, job: CountingJob) -> None:
        at = time.time()
        Tampering(cluster).delete_all()
        told = leader.wait_for_log("This is taken for the clean-up of the cluster", 15, at)
        revoked = leader.wait_for_log("the cluster was cleaned up", 5, at)
        self.assertEqual(["deleted"], leader.losses())
        self.report(f"clean-up: noticed after {told.at - at:.2f} s, revoked after {revoked.at - at:.2f} s")
        # Longer than a renewal, a checkpoint and a lease take.
        holds_for(lambda: not cluster.namespace.config_maps(), "that nothing is made again", base.LEASE + 5)
        self.assertTrue(leader.running, f"the leader has ended\n{leader.log.tail()}")
        self.assertEqual(1, len(leader.grants()))
        self.assertEqual([], check_output(job.output).problems)
