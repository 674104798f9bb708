"""Pods of one Flink cluster, as the counting job, the oracles and the tests look at processes."""

import os
import threading
import time
from pathlib import Path

from rig.flink import JobManager
from rig.flink_rest import FlinkRest
from rig.kubernetes import ApiFailure, Json
from rig.logs import Log
from rig.waiting import wait_until

from .cluster import KindCluster


class ContainerLog(Log):
    """What the kubelet has written of one run of a container: each line behind its time, its stream and a mark."""

    def content(self, line: str) -> str:
        parts = line.split(" ", 3)
        return parts[3] if len(parts) == 4 else ""


class LogKeeper:
    """Keeps the logs of all pods, whatever node they are on, by hard links: the kubelet removes them with the pod."""

    def __init__(self, source: Path, target: Path) -> None:
        self._source, self._target = source, target
        self._stopped = threading.Event()
        target.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.2):
            self.look()

    def look(self) -> None:
        """Links what is new."""
        for file in self._source.glob("*/*/*/*.log"):
            container = file.parent
            kept = self._target / container.parent.name / f"{container.name}.{file.name}"
            if not kept.exists():
                kept.parent.mkdir(exist_ok=True)
                try:
                    os.link(file, kept)
                except (FileNotFoundError, FileExistsError):
                    continue


class FlinkPod(JobManager):
    """One pod that runs a JobManager or a TaskManager; each start of its container has a log of its own."""

    def __init__(self, kubernetes: KindCluster, namespace: str, name: str, uid: str, directory: Path) -> None:
        self.kubernetes, self.namespace, self.name, self.uid = kubernetes, namespace, name, uid
        self._directory = directory
        self._logs: dict[Path, Log] = {}
        self._address: str | None = None
        self.killed = {}

    @property
    def is_task_manager(self) -> bool:
        return "taskmanager" in self.name

    @property
    def logs(self) -> list[Log]:  # type: ignore[override]
        """The log of every run, the present one last."""
        for file in self._directory.glob("*.log"):
            self._logs.setdefault(file, ContainerLog(file))
        return [self._logs[file] for file in sorted(self._logs, key=lambda one: int(one.name.split(".")[-2]))]

    @property
    def log(self) -> Log:
        return self.logs[-1]

    def read(self) -> Json | None:
        """The pod itself; None if it is gone."""
        try:
            pod = self.kubernetes.admin.request("GET", f"/api/v1/namespaces/{self.namespace}/pods/{self.name}")
        except ApiFailure as failure:
            if failure.code == 404:
                return None
            raise
        return pod if pod["metadata"]["uid"] == self.uid else None

    def container(self) -> Json:
        """The status of its container; empty before there is one."""
        statuses = (self.read() or {}).get("status", {}).get("containerStatuses", [])
        return dict(statuses[0]) if statuses else {}

    @property
    def running(self) -> bool:  # type: ignore[override]
        pod = self.read()
        if not pod or "deletionTimestamp" in pod["metadata"] or not self.logs:
            return False
        statuses = pod["status"].get("containerStatuses", [])
        return bool(statuses) and "running" in statuses[0]["state"]

    @property
    def node(self) -> str:
        """The node it is on, which is the name of a container of Docker."""
        pod = self.read()
        assert pod, f"{self.name} is gone"
        return str(pod["spec"]["nodeName"])

    @property
    def rest(self) -> FlinkRest:  # type: ignore[override]
        """Its REST endpoint, by the pod's address."""
        if self._address is None:
            pod = self.read()
            self._address = (pod or {}).get("status", {}).get("podIP")
        return FlinkRest(8081, self._address or "192.0.2.1")

    def delete(self, grace: int | None = None) -> float:
        """Deletes the pod, with the grace that it asks for or with none; when that was."""
        options = [] if grace is None else [f"--grace-period={grace}", *(["--force"] if grace == 0 else [])]
        log, at = self.log, time.time()
        self.kubernetes.kubectl("-n", self.namespace, "delete", "pod", self.name, "--wait=false", *options)
        if grace == 0:
            self.killed[log] = at + 3  # The kubelet gives it a last moment, and logs nothing then.
        return at

    def kill_container(self) -> float:
        """SIGKILL for the process of its container, from the node; when that was. The pod stays and starts it again."""
        identity = self.container()["containerID"].split("//")[1]
        node = self.node
        table = self.kubernetes.inside(node, "ctr", "--namespace", "k8s.io", "tasks", "ls")
        pid = next(line.split()[1] for line in table.splitlines() if line.startswith(identity))
        log, at = self.log, time.time()
        self.kubernetes.inside(node, "kill", "-9", pid)
        self.killed[log] = time.time()
        return at

    def wait_for_restarts(self, count: int, limit: float = 300) -> None:
        """Waits until its container has been started again so often."""
        wait_until(
            lambda: self.container().get("restartCount", 0) >= count and len(self.logs) > count,
            f"restart {count} of {self.name}",
            limit,
            0.1,
        )
