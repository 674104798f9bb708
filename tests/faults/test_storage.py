"""Metadata of checkpoints that cannot be read, and storage that is away or full."""

import os
import time
import unittest
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rig import storage_faults
from rig.flink import FlinkCluster, JobManager
from rig.pointers import pointers
from rig.waiting import wait_until

from . import base
from .fleet import Fleet
from .observation import CHECKPOINT, Observation


class StorageTest(base.FaultTest):
    """Nothing is given up for what cannot be read or written: when it can be again, the job goes on."""

    row = "F-19"

    def judge(self, fleet: Fleet, variant: str, transitions: int | None = None) -> Observation:
        """A job that cannot be restored ends a JobManager of any HA services, which is started again."""
        fleet.settle()
        seen: Observation = fleet.observe()
        fleet.finish()
        causes = {"shutdown"} if transitions is None else set[str]()
        self.expect(seen, transitions=transitions, restarts=None, failed_checkpoints=None, exits=None, causes=causes)
        self.record(variant, seen)
        return seen


class F19Metadata(StorageTest):
    """The newest metadata is not to be had while leadership changes."""

    def test_is_missing(self) -> None:
        self._check("the newest metadata is missing for 20 s", storage_faults.missing)

    def test_is_corrupted(self) -> None:
        self._check("the newest metadata is garbled for 20 s", storage_faults.garbled)

    def _check(self, variant: str, broken: Callable[[Path], AbstractContextManager[None]]) -> None:
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
        self.judge(fleet, variant)

    @staticmethod
    def _named(process: JobManager, file: Path, key: str) -> bool:
        """Whether its log says which pointer or file it was."""
        return any(file.name in text or key in text for text in process.log.text().splitlines() if "xception" in text)


class F19StorageIsAway(StorageTest):
    """While a job runs."""

    def test_comes_back(self) -> None:
        fleet = self.fleet()
        fleet.running()
        with storage_faults.away(fleet.cluster.storage):
            fleet.wait(60)
        seen = self.judge(fleet, "storage is away for 60 s", transitions=0)
        self.assertGreater(seen.failed_checkpoints, 0, "nothing was to be stored")


@unittest.skipIf(os.geteuid(), "only root can mount a file system of its own")
class F19StorageIsFull(StorageTest):
    """While a job runs."""

    def flink(self, *arguments: Any, **options: Any) -> FlinkCluster:
        cluster = super().flink(*arguments, **options)
        self.disk = storage_faults.SmallDisk(cluster.storage)
        self.addCleanup(self.disk.close)
        return cluster

    def test_has_room_again(self) -> None:
        fleet = self.fleet()
        fleet.running()
        with self.disk.full():
            fleet.wait(20)
        seen = self.judge(fleet, "storage is full (ENOSPC) for 20 s", transitions=0)
        self.assertGreater(seen.failed_checkpoints, 0, "nothing was to be stored, or it found room")
