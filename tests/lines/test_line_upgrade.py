"""A cluster is killed on one Flink line and started on another: the same comes of it with our jar as with stock."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from rig.counting import CountingJob
from rig.flink import RESTORED, FlinkCluster
from rig.kubernetes import Json
from rig.waiting import wait_until

from . import base, fleet

_LEADER = "org.apache.flink.k8s.leader."
_RECOVERED = r"Successfully recovered (\d+) persisted job graphs"


@dataclass(frozen=True)
class Outcome:
    """What the newer Flink made of what the older one had left; nothing in it differs from run to run."""

    # What the job's state is there; None: not known there.
    job: str | None
    # Whether it went on from the newest checkpoint.
    restored: bool
    # The first sentence of the first exception that was logged at ERROR.
    error: str | None
    # The exit code of a JobManager that has ended.
    ended: int | None
    # Of each ConfigMap: labels and keys, without addresses of leaders.
    left: tuple[str, ...]

    def __str__(self) -> str:
        if self.ended is not None:
            return f"the JobManager ends with {self.ended}: {self.error}"
        if self.job is None:
            return f"the job is not recovered, {f'error: {self.error}' if self.error else 'without an error'}"
        return f"the job is {self.job}{', from its newest checkpoint' if self.restored else ''}"


class _Snapshot:
    """All that a cluster has in Kubernetes and in storage."""

    def __init__(self, cluster: FlinkCluster) -> None:
        self._cluster = cluster
        self._config_maps = cluster.namespace.config_maps()
        self._copies = cluster.directory / "snapshot"
        for original in self._originals():
            shutil.copytree(original, self._copies / original.name)

    def restore(self) -> None:
        """Makes it as it was."""
        namespace = self._cluster.namespace
        admin = namespace.kubernetes.admin
        path = f"/api/v1/namespaces/{namespace.name}/configmaps"
        for name in namespace.config_maps():
            admin.request("DELETE", f"{path}/{name}")
        for config_map in self._config_maps.values():
            metadata = {key: config_map["metadata"].get(key, {}) for key in ("name", "labels", "annotations")}
            admin.create(path, {"metadata": metadata, "data": config_map.get("data", {})})
        for original in self._originals():
            shutil.rmtree(original)
            shutil.copytree(self._copies / original.name, original)

    def _originals(self) -> list[Path]:
        return [self._cluster.directory / name for name in ("ha", "checkpoints", "output")]


def _describe(config_maps: dict[str, Json], job: str) -> tuple[str, ...]:
    lines = []
    for name, config_map in config_maps.items():
        labels = ", ".join(f"{key}={value}" for key, value in sorted(config_map["metadata"].get("labels", {}).items()))
        # How many checkpoints there are depends on when one looks.
        keys = {re.sub(r"^checkpointID-\d+$", "checkpointID-N", key) for key in config_map.get("data", {})}
        # Stock leaves the address of a job that runs no more.
        keys = {key for key in keys if not key.startswith(_LEADER)}
        lines.append(f"{name} ({labels}): {', '.join(sorted(keys))}".replace(job, "JOB"))
    # After the replacement: where a job stands among others depends on its id.
    return tuple(sorted(lines))


@base.ours_only("both are run anyway")
class LineUpgrade(fleet.FleetTest):
    """The job runs when all processes are killed, so that its HA data is kept. Then everything is put back."""

    def test_from_1_20(self) -> None:
        self._upgrade("1.20.5", "2.2.1", "2.3.0")

    def test_from_2_2(self) -> None:
        self._upgrade("2.2.1", "2.3.0")

    def _upgrade(self, old: str, *new: str) -> None:
        outcomes: dict[str, list[Outcome]] = {version: [] for version in new}
        for kind in ("stock", "ours"):
            cluster = self.fleet(old, [kind], [kind], name=kind)
            job = self._run_and_kill(cluster)
            snapshot = _Snapshot(cluster)
            for version in new:
                if version != new[0]:
                    snapshot.restore()
                outcome = self._start_on(version, kind, job)
                self.report(f"{old} to {version}, {kind}: {outcome}")
                for line in outcome.left:
                    self.report(f"    {line}")
                outcomes[version].append(outcome)
                self._kill(cluster)
            if kind == "ours":
                self._go_back(old, job)
        for version, (stock, ours) in outcomes.items():
            with self.subTest(version=version):
                self.assertEqual(stock, ours)
                self.record(version, f"started on what {old} left, with the jar as without", str(ours))

    def _run_and_kill(self, cluster: FlinkCluster) -> CountingJob:
        (leader,) = cluster.job_managers
        self.start(cluster, leader)
        job = CountingJob(cluster, rate=500, parallelism=1).submit()
        job.wait_for("RUNNING", fleet.PATIENCE)
        job.wait_for_checkpoints(leader, 2, fleet.PATIENCE)
        self._kill(cluster)
        return job

    def _start_on(self, version: str, kind: str, job: CountingJob) -> Outcome:
        cluster = job.cluster
        (leader,) = cluster.job_managers
        stored = cluster.stored_pointers(job.id)
        for process in (leader, *cluster.task_managers):
            self.turn_into(kind, process, version)
            process.start()
        assert leader.child
        wait_until(lambda: not leader.running or self._has_published(cluster), "a leader", fleet.PATIENCE, 0.2)
        restored = None
        if leader.running:
            cluster.wait_for_task_managers(fleet.PATIENCE)
            if any(int(hit[1]) for hit in leader.log.find(_RECOVERED)):
                restored = leader.wait_for_log(RESTORED, fleet.PATIENCE)
                job.wait_for("RUNNING", fleet.PATIENCE)
                job.wait_for_checkpoints(leader, 1, fleet.PATIENCE)
        error = re.search(r" ERROR .*\n(?:[\w.$]+: )*(.+?)(?:\. |\n)", leader.log.text())
        return Outcome(
            job=job.state() if leader.running else None,
            restored=restored is not None and int(restored[2]) == stored[-1],
            error=error[1].replace(job.id, "JOB") if error else None,
            ended=leader.child.exit_code,
            left=_describe(cluster.namespace.config_maps(), job.id),
        )

    def _go_back(self, old: str, job: CountingJob) -> None:
        """Nothing was lost by the attempt: on the old line the job goes on, exactly once."""
        outcome = self._start_on(old, "ours", job)
        self.report(f"and back to {old}: {outcome}")
        self.assertEqual(("RUNNING", True), (outcome.job, outcome.restored))
        self.assertEqual([], job.stop().problems)
        self._kill(job.cluster)

    @staticmethod
    def _kill(cluster: FlinkCluster) -> None:
        for process in (*cluster.job_managers, *cluster.task_managers):
            process.kill()

    @staticmethod
    def _has_published(cluster: FlinkCluster) -> bool:
        """Whether all addresses of the leader are there; the dispatcher's comes when jobs have been recovered."""
        leader = cluster.leader()
        data = (cluster.namespace.config_map(cluster.cluster_config_map) or {}).get("data", {})
        names = ("dispatcher", "resourcemanager", "restserver")
        return leader is not None and all(data.get(_LEADER + name, "").startswith(leader.session) for name in names)
