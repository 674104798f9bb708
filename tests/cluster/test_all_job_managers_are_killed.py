"""All JobManagers die at once; whoever starts later leads at once and recovers every job."""

import time

from rig.counting import CountingJob
from rig.flink import ELECTION_STARTS, RESTORED
from rig.waiting import wait_until

from . import base



class AllJobManagersAreKilled(base.ClusterTest):
    """Restarted after the lease of the dead has run out: 20 s later, 60 s with --full."""

    def test_and_restarted_later(self) -> None:
        cluster = self.flink()
        cluster.start()
        leader = cluster.wait_for_leader(5)
        jobs = [CountingJob(cluster, name=name, rate=500).submit() for name in ("one", "two")]
        for job in jobs:
            job.wait_for("RUNNING")
            job.wait_for_checkpoints(leader, 2)
        for process in cluster.job_managers:
            killed = process.kill()
        stored = {job.id: cluster.stored_pointers(job.id)[-1] for job in jobs}
        later = killed + (60 if base.FULL else 20)
        wait_until(lambda: time.time() >= later, "the lease to run out", 70)

        for process in cluster.job_managers:
            process.start()
        new = cluster.wait_for_leader(60)
        began, granted = new.wait_for_log(ELECTION_STARTS, 5), new.wait_for_grant(5)
        assert new.started_at
        self.report(
            f"granted {granted.at - began.at:.2f} s after the election began, "
            f"{granted.at - new.started_at:.2f} s after the first log line of the JVM"
        )
        self.assertLess(granted.at - began.at, base.WELL_BELOW_LEASE, "waited for the lease of the dead leader")
        for job in jobs:
            job.wait_for("RUNNING")
            job.wait_for_checkpoints(new, 2)
        restored = {hit[1]: int(hit[2]) for hit in new.log.find(RESTORED)}
        self.assertEqual(stored, restored)
        for job in jobs:
            self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)
