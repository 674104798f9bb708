"""A leader that nothing happens to goes on leading, with no more than the documented Role."""

from rig.counting import CountingJob
from rig.waiting import holds_for

from . import base


class LeadershipIsHeld(base.ClusterTest):
    """20 s, 5 minutes with --full; stock without `patch` loses leadership every 20 s."""

    def test_with_a_running_job(self) -> None:
        cluster = self.flink()
        cluster.start()
        leader, standby = cluster.wait_for_leader(5), cluster.standby()
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        first = job.wait_for_checkpoints(leader, 2)
        audit = base.kubernetes().audit
        requests = audit.counts(cluster.namespace.user) if audit else None
        duration = 300 if base.FULL else 25

        def steady() -> bool:
            return leader.granted and not leader.revokes() and not standby.grants() and cluster.leader() is leader

        listed = cluster.client("list")
        self.assertIn(job.id, listed.output)
        self.assertEqual(0, listed.exit_code)
        holds_for(steady, f"leadership of {leader.name}", duration)
        self.assertEqual(1, len(leader.grants()))
        self.assertEqual("RUNNING", job.state())
        last = job.completed_checkpoint(leader)
        if audit and requests is not None:
            during = audit.counts(cluster.namespace.user) - requests
            self.report(f"{during.total() / (last - first):.2f} requests per checkpoint, renewals included")
        output = job.stop()
        self.assertEqual([], output.problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)
