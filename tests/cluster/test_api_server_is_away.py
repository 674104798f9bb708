"""Nobody can reach the API server: a leader that nobody could follow goes on, with a standby one hands over."""

import time

from rig.counting import CountingJob, check_output
from rig.flink import RESTORED, STANDS_BY, FlinkCluster, JobManager
from rig.proxy import FaultProxy, Mode
from rig.waiting import holds_for

from . import base

_HELD = r"Leadership is held on to"
# The default of high-availability.native.outage-hold.
_HOLD = 30


class ApiServerIsAway(base.ClusterTest):
    """With default settings."""

    @base.ours_only("loses leadership when connections are refused for 30 s")
    def test_with_one_job_manager_nothing_happens(self) -> None:
        cluster, proxies = self._cluster(1)
        leader = cluster.job_managers[0]
        job = self._running_job(cluster, leader)
        # For a lease after a grant somebody else is reckoned with.
        granted = leader.grants()[-1].at
        holds_for(lambda: leader.granted or time.time() > granted + base.LEASE + 1, "leadership", base.LEASE + 1)
        for seconds in (5, _HOLD, *((15, _HOLD, _HOLD) if base.FULL else ())):
            failed, lost = self._failed_checkpoints(job, leader), time.time()
            proxies[leader.name].mode = Mode.REFUSE
            holds_for(lambda: leader.granted, "leadership without the API server", seconds)
            proxies[leader.name].mode = Mode.FORWARD
            self._assert_went_on(job, leader, lost, failed, f"connections refused for {seconds} s")
        if base.kubernetes().audit is not None:
            self._kill_api_server(job, leader, _HOLD if base.FULL else 5)
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)

    @base.ours_only("changes hands more often, and not always in time")
    def test_with_two_job_managers_there_is_never_more_than_one_leader(self) -> None:
        cluster, proxies = self._cluster(2)
        leader, standby = cluster.wait_for_leader(30), cluster.standby()
        standby.wait_for_log(STANDS_BY, 60)
        job = self._running_job(cluster, leader)
        lost = time.time()
        for proxy in proxies.values():
            proxy.mode = Mode.REFUSE
        revoked = leader.wait_for_log(r"Revoking leadership .* component 'dispatcher'", base.LEASE, lost).at
        self.assertIsNone(leader.log.first(_HELD), "held on to although another JobManager waits")
        back = time.time()
        for proxy in proxies.values():
            proxy.mode = Mode.FORWARD
        after = cluster.wait_for_leader(base.LEASE + 10)
        granted = after.wait_for_grant(10, back).at
        self.report(
            f"with a standby: revoked {revoked - lost:.1f} s after the API server was lost, "
            f"{'kept' if after is leader else 'handed over'} {granted - back:.1f} s after it was back"
        )
        after.wait_for_log(RESTORED, 30, back)
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(after, 2)
        after.rest.request("POST", f"/jobs/{job.id}/stop", {"drain": False})
        # Not from REST: a JobManager that leads for the second time forgets the jobs that end.
        after.wait_for_log(rf"Job {job.id} reached terminal state FINISHED", 60, back)
        self.assertEqual([], check_output(job.output).problems)
        self.assert_one_leader_at_a_time(cluster)

    def _cluster(self, job_managers: int) -> tuple[FlinkCluster, dict[str, FaultProxy]]:
        """Each JobManager has a path of its own."""
        cluster = self.flink(job_managers=job_managers)
        proxies = {}
        for process in cluster.job_managers:
            proxy = FaultProxy(base.kubernetes().access.server)
            self.addCleanup(proxy.close)
            proxies[process.name] = proxy
            process.settings["kubernetes.config.file"] = cluster.kubeconfig(proxy.server, process.name)
        cluster.start()
        return cluster, proxies

    def _running_job(self, cluster: FlinkCluster, leader: JobManager) -> CountingJob:
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        return job

    def _kill_api_server(self, job: CountingJob, leader: JobManager, seconds: int) -> None:
        kubernetes = base.kubernetes()
        failed, lost = self._failed_checkpoints(job, leader), time.time()
        kubernetes.stop_api_server()  # type: ignore[attr-defined]
        holds_for(lambda: leader.granted, "leadership without an API server", seconds)
        kubernetes.start_api_server()  # type: ignore[attr-defined]
        self._assert_went_on(job, leader, lost, failed, f"no API server for {time.time() - lost:.0f} s")

    def _failed_checkpoints(self, job: CountingJob, leader: JobManager) -> int:
        """Those that were asked for before every task ran count, too."""
        return int(leader.rest.checkpoints(job.id)["counts"]["failed"])

    def _assert_went_on(self, job: CountingJob, leader: JobManager, lost: float, before: int, what: str) -> None:
        back = time.time()
        completed = job.completed_checkpoint(leader)
        job.wait_for_checkpoints(leader, 1, 30)
        again = time.time()
        job.wait_for_checkpoints(leader, 2)
        restarts = len(list(leader.log.find(rf"Job .*{job.id}.* switched from state \w+ to RESTARTING")))
        failed = self._failed_checkpoints(job, leader) - before
        self.report(
            f"{what}: {restarts} restarts, {failed} failed checkpoints, "
            f"checkpoint {completed} was followed {again - back:.1f} s after the API server was back"
        )
        self.assertEqual([], leader.revokes(lost) + leader.grants(lost))
        self.assertEqual(0, failed)
        self.assertEqual(0, restarts)
