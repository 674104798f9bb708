"""Metadata of checkpoints that cannot be read."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rig import storage_faults
from rig.flink import JobManager
from rig.pointers import pointers
from rig.waiting import wait_until

from . import base
from .fleet import Fleet
from .observation import CHECKPOINT, Observation



class F19Storage(base.FaultTest):
    """Nothing is given up for what cannot be read: when it can be read again, the job goes on from it."""

    row = "F-19"

    def test_metadata_is_corrupted(self) -> None:
        self._check("the newest metadata is garbled for 20 s", storage_faults.garbled)

    def _check(self, variant: str, broken: Callable[[Path], AbstractContextManager[None]]) -> None:
        """While leadership changes."""
        fleet = self.fleet()
        leader, standby = fleet.running()
        assert standby
        leader.kill()
        config_map = fleet.cluster.namespace.config_map(fleet.cluster.job_config_map(fleet.job.id))
        newest = [one for one in pointers(config_map, CHECKPOINT) if not one.marked][-1]
        with broken(newest.file):
            standby.wait_for_grant(3 * base.LEASE, fleet.began)
            until = time.time() + 20
            wait_until(lambda: self._named(standby, newest.file, newest.key), f"a word about {newest.key}", 60, 0.2)
            fleet.wait(until - time.time())
        self._judge(fleet, variant)

    def _judge(self, fleet: Fleet, variant: str, transitions: int | None = None) -> None:
        fleet.settle()
        seen: Observation = fleet.observe()
        fleet.finish()
        self.expect(seen, transitions=transitions, restarts=None, failed_checkpoints=None, exits=None)
        self.record(variant, seen, JobManagers_ended=seen.exits)

    @staticmethod
    def _named(process: JobManager, file: Path, key: str) -> bool:
        """Whether its log says which pointer or file it was."""
        return any(file.name in text or key in text for text in process.log.text().splitlines() if "xception" in text)
