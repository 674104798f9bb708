"""What flink-ha says about a cluster that runs, held against what the cluster itself says."""

import os
import time
import unittest
from pathlib import Path

from rig.counting import CountingJob
from rig.flink import CLUSTER_ID, FlinkCluster
from rig.flink_ha import FlinkHa, Said
from rig.pointers import pointers

_DAY = 24 * 3600
_POINTERS = ("checkpointID-", "jobGraph-", "executionPlan-", "application-")


def check(test: unittest.TestCase, job: CountingJob, runs: str) -> None:
    """`ls`, `inspect`, `verify`, `du` and `gc` while that job runs, on a cluster whose leader runs `stock` or `flink-kube-ha`."""
    cluster = job.cluster
    command = FlinkHa(cluster.namespace.kubernetes.admin_kubeconfig, cluster.namespace.name)  # type: ignore[attr-defined]
    _check_listing(test, command, job, runs)
    _check_entries(test, command, job)
    _check_files(test, command, cluster)


def _well(test: unittest.TestCase, said: Said) -> Said:
    test.assertEqual(0, said.code, said)
    return said


def _check_listing(test: unittest.TestCase, command: FlinkHa, job: CountingJob, runs: str) -> None:
    cluster = job.cluster
    leader = cluster.wait_for_leader(30)
    before = job.completed_checkpoint(leader)
    (line,) = _well(test, command.run("ls", "-o", "json")).json()["clusters"]
    # The log is a moment behind.
    after = job.completed_checkpoint(leader) + 2
    test.assertEqual((CLUSTER_ID, "held", 1), (line["cluster"], line["lock"]["state"], line["jobs"]))
    test.assertEqual(runs, line["lock"]["holderRuns"])
    test.assertEqual(f"http://127.0.0.1:{leader.rest_port}", line["restAddress"])
    test.assertEqual(job.id, line["latestCheckpoint"]["jobId"])
    test.assertLessEqual(before, line["latestCheckpoint"]["checkpointId"])
    test.assertLessEqual(line["latestCheckpoint"]["checkpointId"], after)
    sizes = _well(test, command.run("du", "-o", "json")).json()["configMaps"]
    test.assertEqual(sorted(cluster.namespace.config_maps()), sorted(one["name"] for one in sizes))
    of_cluster = next(one for one in sizes if one["name"] == cluster.cluster_config_map)
    data = (cluster.namespace.config_map(cluster.cluster_config_map) or {})["data"]
    test.assertEqual(len(data), of_cluster["keys"])
    test.assertEqual(sum(len(key) + len(value.encode()) for key, value in data.items()), of_cluster["bytes"])


def _check_entries(test: unittest.TestCase, command: FlinkHa, job: CountingJob) -> None:
    inspection = _well(test, command.run("inspect", CLUSTER_ID, "-o", "json")).json()
    test.assertEqual([], [one for one in inspection["findings"] if one["level"] == "error"])
    kinds = {
        one["name"]: [entry["kind"] for entry in one["entries"]] for one in inspection["configMaps"]
    }
    of_cluster, of_job = (kinds[name] for name in (job.cluster.cluster_config_map, job.cluster.job_config_map(job.id)))
    # Dispatcher, ResourceManager, REST server and the job's master.
    test.assertEqual(4, of_cluster.count("leader"))
    test.assertGreaterEqual(of_cluster.count("pointer"), 1)
    test.assertEqual(1, of_job.count("counter"))
    test.assertGreaterEqual(of_job.count("pointer"), 1)
    test.assertEqual(set(), {*of_cluster, *of_job} - {"leader", "pointer", "counter"})
    (judged,) = _well(test, command.run("verify", CLUSTER_ID, "-o", "json")).json()["clusters"]
    test.assertGreaterEqual(judged["pointers"], 2)
    test.assertEqual([], [one for one in judged["findings"] if one["level"] == "error"])


def _check_files(test: unittest.TestCase, command: FlinkHa, cluster: FlinkCluster) -> None:
    """One file that nobody points to among those that are pointed to, all of them two days old as far as can be seen."""
    config_maps = cluster.namespace.config_maps().values()
    found = (one for config_map in config_maps for prefix in _POINTERS for one in pointers(config_map, prefix))
    living = [one.file for one in found if not one.marked]
    orphan = living[0].parent / "completedCheckpoint0123456789ab"
    orphan.write_bytes(b"nobody's")
    for file in (orphan, *living):
        _make_old(file)
    planned = _well(test, command.run("gc", CLUSTER_ID, "-o", "json")).json()
    test.assertEqual(([f"file:{orphan}"], []), ([one["uri"] for one in planned["files"]], planned["configMaps"]))
    test.assertTrue(orphan.exists(), "without --delete")
    _well(test, command.run("gc", CLUSTER_ID, "--delete", "--sole-user"))
    test.assertFalse(orphan.exists())


def _make_old(file: Path) -> None:
    try:
        os.utime(file, (time.time() - 2 * _DAY,) * 2)
    except FileNotFoundError:
        pass  # Subsumed meanwhile.
