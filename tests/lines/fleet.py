"""What the tests of fleets share: JobManagers with and without our jar, and hand-overs between them."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rig.control_plane import STOCK_VERBS
from rig.counting import CountingJob
from rig.flink import RESTORED, STANDS_BY, FlinkCluster, FlinkProcess, JobManager
from rig.waiting import wait_until

from . import base

_ELECTION = "high-availability.kubernetes.leader-election."
# Flink's defaults with --full; otherwise as short as a busy machine bears, because hand-overs wait for them.
LEASE, RETRY_PERIOD = (base.LEASE, 5.0) if base.FULL else (8.0, 2.0)
# Stock asks at intervals of up to that, a new draw for each process.
STOCK_POLL = 2.2 * RETRY_PERIOD
# For whatever is no more than a matter of computing: a JVM's start, a job's.
PATIENCE = 180


@dataclass(frozen=True)
class HandOver:
    """How leadership went from one JobManager to another. Seconds since the old leader was signalled."""

    granted: float
    restored: float
    running: float
    # Since the last line that the old leader logged.
    granted_after_end: float
    # The newest that the old leader knew as completed, and what the new one went on from.
    completed: int
    restored_checkpoint: int

    def __str__(self) -> str:
        return (
            f"granted after {self.granted:.2f} s ({self.granted_after_end:.2f} s after the end of the old leader), "
            f"checkpoint {self.restored_checkpoint} restored after {self.restored:.2f} s "
            f"({self.completed} was completed), running after {self.running:.2f} s"
        )


class FleetTest(base.ClusterTest):
    """A test with JobManagers and TaskManagers of both kinds, named `stock` and `ours`."""

    def fleet(
        self, version: str, job_managers: Sequence[str], task_managers: Sequence[str], name: str = "fleet"
    ) -> FlinkCluster:
        """A cluster of processes of these kinds, with one slot for each TaskManager; not started yet.

        The Role has `patch`.
        """
        settings = {
            _ELECTION + "lease-duration": f"{LEASE:g} s",
            _ELECTION + "renew-deadline": f"{LEASE:g} s",
            _ELECTION + "retry-period": f"{RETRY_PERIOD:g} s",
            "taskmanager.numberOfTaskSlots": "1",
        }
        cluster = self.flink(
            name,
            namespace=self.namespace(STOCK_VERBS),
            version=version,
            settings=settings,
            job_managers=len(job_managers),
            task_managers=len(task_managers),
        )
        kinds = (*job_managers, *task_managers)
        for process, kind in zip((*cluster.job_managers, *cluster.task_managers), kinds):
            self.turn_into(kind, process)
        return cluster

    def turn_into(self, kind: str, process: FlinkProcess, version: str | None = None) -> None:
        """What the process is from its next start on; of the fleet's Flink if none is named."""
        process.use_jars({"stock": [], "ours": base.our_jars()}[kind], version)

    def restart_as(self, kind: str, process: FlinkProcess) -> None:
        """SIGTERM, and it is started as that kind when it has ended; does not wait for more."""
        if process.running:
            process.terminate()
            wait_until(lambda: not process.running, f"the end of {process.name}", PATIENCE, 0.05, process.log.tail)
        self.turn_into(kind, process)
        process.start()

    def start(self, cluster: FlinkCluster, leader: JobManager) -> None:
        """Starts everything, that JobManager first, so that it leads."""
        leader.start()
        leader.wait_for_grant(PATIENCE)
        for process in (*cluster.job_managers, *cluster.task_managers):
            if process is not leader:
                process.start()
        cluster.wait_for_task_managers(PATIENCE)

    def hand_over(self, job: CountingJob, end: Callable[[JobManager], None]) -> HandOver:
        """Ends the leader, waits until the job runs under the standby, and checks what it went on from."""
        cluster = job.cluster
        leader, standby = cluster.wait_for_leader(PATIENCE), cluster.standby()
        standby.wait_for_log(STANDS_BY, PATIENCE)
        job.wait_for_checkpoints(leader, 2, PATIENCE)
        seen = len(list(standby.log.find(RESTORED)))

        signalled = time.time()
        end(leader)
        granted = standby.wait_for_grant(3 * LEASE + STOCK_POLL, signalled)
        wait_until(lambda: not leader.running, f"the end of {leader.name}", PATIENCE, 0.05, leader.log.tail)
        completed = job.completed_checkpoint(leader)
        restored = standby.wait_for_log(RESTORED, PATIENCE, signalled)
        job.wait_for("RUNNING", PATIENCE)
        running = time.time()
        job.wait_for_checkpoints(standby, 2, PATIENCE)

        self.assertEqual(job.id, restored[1])
        self.assertGreaterEqual(int(restored[2]), completed, "a completed checkpoint was lost")
        self.assertEqual(seen + 1, len(list(standby.log.find(RESTORED))), "the job was restored more than once")
        return HandOver(
            granted=granted.at - signalled,
            restored=restored.at - signalled,
            running=running - signalled,
            granted_after_end=granted.at - self._end(leader),
            completed=completed,
            restored_checkpoint=int(restored[2]),
        )

    @staticmethod
    def _end(process: JobManager) -> float:
        return process.killed.get(process.log) or process.log.lines()[-1].at


def kill(process: JobManager) -> None:
    """kill -9."""
    process.kill()


def terminate(process: JobManager) -> None:
    """SIGTERM."""
    process.terminate()


def figures(seconds: Sequence[float]) -> str:
    """What was measured, in a cell of a table."""
    if len(seconds) == 1:
        return f"{seconds[0]:.1f} s"
    return f"{min(seconds):.1f}–{max(seconds):.1f} s, median {statistics.median(seconds):.1f} s of {len(seconds)}"
