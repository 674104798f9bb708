"""The leader dies, is stopped, or stands still."""

import time
from collections.abc import Callable
from typing import Any

from rig.flink import ELECTION_STARTS, RESTORED, FlinkCluster, JobManager
from rig.pods import BoundPod
from rig.proxy import Mode

from . import base

# A JobMaster that goes on after it stood still frees slots which its successor uses again. Flink does not ask whose
# they are by then, whatever HA services it has, and the job is restored once more.
_RESTARTS = (1, 2)


class F10LeaderIsKilled(base.FaultTest):
    """With a standby."""

    row = "F-10"

    def test_standby_goes_on(self) -> None:
        # Whoever is killed says nothing.
        end_of_leader(self, lambda leader: leader.kill(), 2 * base.LEASE + 10, [])


class F11LeaderIsStopped(base.FaultTest):
    """With a standby."""

    row = "F-11"

    def test_standby_goes_on_at_once(self) -> None:
        end_of_leader(self, lambda leader: leader.terminate(), 3 * base.LEASE, ["shutdown"])


def end_of_leader(
    test: base.FaultTest, end: Callable[[JobManager], object], limit: float, causes: list[str] | None = None
) -> None:
    """Ends the leader; the standby goes on with its job. None for causes that are not looked at."""
    fleet = test.fleet()
    leader, standby = fleet.running()
    assert standby
    end(leader)
    granted = standby.wait_for_grant(limit, fleet.began).at
    fleet.settle()
    fleet.observe()
    seen = fleet.finish()
    test.expect(seen, transitions=1, restarts=1, failed_checkpoints=None, causes=causes)
    test.record("", seen, granted_after=f"{granted - fleet.began:.1f} s")


class F12OnlyJobManagerIsKilled(base.FaultTest):
    """And started again at once in the same pod, as Kubernetes does with a container that has ended."""

    row = "F-12"

    def flink(self, *arguments: Any, **options: Any) -> FlinkCluster:
        cluster = super().flink(*arguments, **options)
        # Stock reads no token from a file, and does not ask which pod it is in.
        if not base.STOCK:
            for process in cluster.job_managers:
                pod = BoundPod(cluster.namespace, process.name)
                process.settings["kubernetes.config.file"] = str(pod.kubeconfig)
        return cluster

    def test_goes_on(self) -> None:
        fleet = self.fleet(job_managers=1, direct=True)
        leader, _ = fleet.running()
        killed = leader.kill()
        leader.start()
        granted = leader.wait_for_grant(3 * base.LEASE).at
        asked = leader.wait_for_log(ELECTION_STARTS, 5).at
        fleet.settle()
        fleet.observe()
        seen = fleet.finish()
        self.expect(seen, transitions=1, restarts=1, failed_checkpoints=None)
        after = f"{granted - killed:.1f} s, {granted - asked:.1f} s of it after its election began"
        self.record("", seen, granted_after=after)


class F13JvmIsSuspended(base.FaultTest):
    """As by a long garbage collection, with a standby and default settings; 90 s with --full."""

    row = "F-13"

    def test_pause_by_pause(self) -> None:
        # With 10 s, Flink's default, a call that a pause interrupts fails after it, and the job with it, whoever leads.
        fleet = self.fleet(debug=True, settings={"pekko.ask.timeout": "5 min"})
        durations = (10, 30, 90) if base.FULL else (10, 30)
        for seconds in durations:
            leader, _ = fleet.running()
            with fleet.suspended(leader):
                fleet.wait(seconds)
            fleet.settle()
            fleet.observe()
        fleet.finish()
        for seconds, seen in zip(durations, fleet.observations):
            # A JVM that gives no sign of life for a minute leads no more.
            if seconds < 60:
                self.expect(seen, causes=[])
            else:
                self.expect(seen, transitions=1, restarts=_RESTARTS, failed_checkpoints=None, causes=["jvm-stall"])
            self.record(f"{seconds} s", seen)


class F14LeaderIsFrozen(base.FaultTest):
    """A write of a checkpoint is under way when the process stops, and goes on under the next leader."""

    row = "F-14"

    def test_write_arrives_late(self) -> None:
        durations = (20, 40, 120) if base.FULL else (20,)
        fleet = self.fleet()
        for seconds in durations:
            leader, standby = fleet.running()
            assert standby
            fleet.hold_up_a_write(leader)
            with fleet.frozen(leader):
                frozen = time.time()
                standby.wait_for_log(RESTORED, 3 * base.LEASE, fleet.began)
                fleet.wait(2)
                fleet.paths[leader.name].mode = Mode.FORWARD
                fleet.wait(frozen + seconds - time.time())
            fleet.settle()
            # What the old leader does when it runs again.
            fleet.wait(5)
            fleet.observe()
        fleet.finish()
        for seconds, seen in zip(durations, fleet.observations):
            if not base.STOCK:
                self.assertTrue(seen.stale_refused, "no stale write has arrived")
            self.expect(seen, transitions=1, restarts=_RESTARTS, failed_checkpoints=None, causes=["freeze"])
            self.record(f"{seconds} s, the write is held up on its way", seen)

    def test_write_begins_late(self) -> None:
        fleet = self.fleet(debug=True)
        leader, standby = fleet.running()
        assert standby
        store = "org.apache.flink.runtime.checkpoint.DefaultCompletedCheckpointStore"
        with fleet.caught(leader, store, "addCheckpointAndSubsumeOldestOne"), fleet.frozen(leader):
            frozen = time.time()
            standby.wait_for_log(RESTORED, 3 * base.LEASE, fleet.began)
            fleet.wait(frozen + 20 - time.time())
        fleet.settle()
        fleet.wait(5)
        fleet.observe()
        seen = fleet.finish()
        self.expect(seen, transitions=1, restarts=_RESTARTS, failed_checkpoints=None, causes=["freeze"])
        self.record("20 s, the thread is held up where it begins to store a checkpoint", seen)
