"""The leader stands still and comes back: its process by SIGSTOP, its JVM alone by a debugger."""

import time

from rig import jdwp
from rig.counting import CountingJob
from rig.flink import RESTORED, REVOKED, STANDS_BY, FlinkCluster, JobManager
from rig.processes import free_port
from rig.waiting import holds_for, wait_until

from . import base

_REVOKED = REVOKED.replace("(.+)", "(dispatcher)")
# From the thaw to Flink's own record of the revoke, reported to the millisecond. The limit is no measurement, which a
# machine with more to run than it has cores would spoil: it tells a revoke by the clock, at once, from one that had to
# wait for an answer of the API server or for the watch to be opened again.
_REVOKE_LIMIT = 2.5
# Longer than a lease, so that without a renewal another would lead by then.
_PAUSE = 30 if base.FULL else 18
_FREEZES = (20, 40, 120) if base.FULL else (20,)
_STALL_TIMEOUT = 60 if base.FULL else 20


def _wait(seconds: float) -> None:
    until = time.time() + seconds
    wait_until(lambda: time.time() >= until, "the time to pass", seconds + 1)


class LeaderIsFrozen(base.ClusterTest):
    """With a standby, and a job."""

    def setUp(self) -> None:
        super().setUp()
        self.cluster = self.flink(
            settings={"high-availability.native.jvm-stall-timeout": f"{_STALL_TIMEOUT} s"},
        )
        self.ports = {}
        for process in self.cluster.job_managers:
            self.ports[process.name] = port = free_port()
            process.settings["env.java.opts.jobmanager"] = jdwp.option(port)
        self.cluster.start()
        self.job = CountingJob(self.cluster).submit()
        self.job.wait_for("RUNNING")

    @base.ours_only("a checkpoint of the old leader is accepted after the thaw")
    def test_process_is_stopped(self) -> None:
        for seconds in _FREEZES:
            leader, standby = self._leader_and_standby()
            frozen = time.time()
            leader.freeze()
            completed = self.job.completed_checkpoint(leader)
            granted = standby.wait_for_grant(2 * base.LEASE + 5, frozen).at
            _wait(frozen + seconds - time.time())
            thawed = time.time()
            leader.thaw()
            self._assert_revoked_at_once(leader, thawed, f"stopped for {seconds} s")
            self.assertEqual(["freeze"], leader.losses(frozen))
            self.assertLess(granted, thawed)
            self._assert_taken_over(leader, standby, granted, completed)
        self._assert_exactly_once()

    @base.ours_only("leadership is lost with the first pause that is longer than the lease")
    def test_jvm_is_suspended(self) -> None:
        leader, standby = self._leader_and_standby()
        debugger = jdwp.Debugger(self.ports[leader.name])
        self.addCleanup(debugger.close)

        suspended = time.time()
        debugger.suspend()
        holds_for(lambda: not standby.grants(suspended), "the leader being kept through the pause", _PAUSE)
        resumed = time.time()
        debugger.resume()
        self.job.wait_for_checkpoints(leader, 2)
        renewals = self._writes(leader, suspended, resumed)
        self.report(f"JVM suspended for {resumed - suspended:.1f} s: no transition, {len(renewals)} renewals meanwhile")
        self.assertEqual([], leader.revokes() + standby.grants())
        self.assertGreaterEqual(len(renewals), (_PAUSE - 5) // 5)
        self.assertEqual({self.cluster.cluster_config_map}, set(renewals))

        completed = self.job.completed_checkpoint(leader)
        suspended = time.time()
        debugger.suspend()
        granted = standby.wait_for_grant(_STALL_TIMEOUT + base.LEASE + 5, suspended).at
        if base.FULL:
            _wait(suspended + 90 - time.time())
        resumed = time.time()
        debugger.resume()
        self.report(f"JVM suspended for good: standby granted after {granted - suspended:.1f} s")
        self.assertGreater(granted - suspended, _STALL_TIMEOUT - 2, "not before the JVM counts as hanging")
        self._assert_revoked_at_once(leader, resumed, f"suspended for {resumed - suspended:.1f} s")
        self.assertEqual(["jvm-stall"], leader.losses(suspended))
        warnings = [line for line in leader.log.lines() if "no sign of life" in line.message]
        self.assertEqual(["WARN"], [line.level for line in warnings], "one warning, with the cause")
        self._assert_taken_over(leader, standby, granted, completed)
        self._assert_exactly_once()

    def _leader_and_standby(self) -> tuple[JobManager, JobManager]:
        leader, standby = self.cluster.wait_for_leader(30), self.cluster.standby()
        standby.wait_for_log(STANDS_BY, 60)
        self.job.wait_for("RUNNING")
        self.job.wait_for_checkpoints(leader, 3)
        return leader, standby

    def _assert_revoked_at_once(self, leader: JobManager, thawed: float, what: str) -> None:
        revoked = leader.wait_for_log(_REVOKED, 10, thawed).at
        self.report(f"{what}: revoked {(revoked - thawed) * 1000:.0f} ms after it could run again")
        self.assertLess(revoked - thawed, _REVOKE_LIMIT)

    def _assert_taken_over(self, leader: JobManager, standby: JobManager, granted: float, completed: int) -> None:
        restored = standby.wait_for_log(RESTORED, 30, granted)
        self.assertGreaterEqual(int(restored[2]), completed)
        self.job.wait_for("RUNNING")
        self.job.wait_for_checkpoints(standby, 2)
        # What it may write is its note that it waits, into the ConfigMap of the lock.
        stale = [name for name in self._writes(leader, granted) if name != self.cluster.cluster_config_map]
        self.assertEqual([], stale, "the API server has accepted a write of the old leader")
        self.assertIs(standby, self.cluster.leader())
        self.assertEqual(1, len(standby.grants(granted)), "leadership has changed hands again")

    def _assert_exactly_once(self) -> None:
        output = self.job.stop()
        self.report(f"{output.records} records")
        self.assertEqual([], output.problems)

    def _writes(self, process: JobManager, since: float, until: float = float("inf")) -> list[str]:
        """The ConfigMaps that the API server let this JobManager write, once for each write."""
        return accepted_writes(self.cluster, process, since, until)


def accepted_writes(cluster: FlinkCluster, process: JobManager, since: float, until: float) -> list[str]:
    """From the audit log; nothing where the API server is not ours."""
    audit = base.kubernetes().audit
    requests = audit.requests(cluster.namespace.user, process.name, since) if audit else ()
    return [
        request.name
        for request in requests
        if request.verb in ("create", "update", "patch", "delete") and request.code < 300 and request.received < until
    ]
