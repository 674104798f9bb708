"""A running job changes from one HA services to others, with everything stopped in between."""

import unittest
from collections.abc import Sequence
from pathlib import Path

from rig.counting import CountingJob
from rig.flink import RESTORED, JobManager
from rig.workspace import progress


def goes_on(
    test: unittest.TestCase, job: CountingJob, leader: JobManager, name: str, jars: Sequence[Path]
) -> JobManager:
    """Stops all of the job's cluster and starts it with these jars; the leader, under which the job has gone on."""
    cluster = job.cluster
    completed = job.completed_checkpoint(leader)
    cluster.stop()
    cluster.use_jars(jars)
    cluster.start()
    leader = cluster.wait_for_leader(5)
    restored = leader.wait_for_log(RESTORED, 60)
    progress(f"    {name} restored checkpoint {restored[2]}; {completed} was completed before")
    test.assertGreaterEqual(int(restored[2]), completed)
    job.wait_for("RUNNING")
    job.wait_for_checkpoints(leader, 2)
    return leader
