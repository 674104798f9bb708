"""Flink's native Kubernetes integration without containers.

`kubernetes-session.sh` creates its objects in a bare API server, and the rig does what a kubelet would: it runs
what the Deployment and the pods say, as processes of this machine.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .accounts import Account
from .control_plane import DOCUMENTED_VERBS, Namespace
from .flink import ClientRun, FlinkCluster, FlinkProcess, JobManager, Settings, TaskManager
from .kubernetes import Json
from .processes import free_port
from .waiting import wait_until

CLUSTER_ID = "native"
_HERE = {"status.podIP": "127.0.0.1", "spec.nodeName": "this-machine"}


def _rule(resources: Sequence[str], *verbs: str, group: str = "") -> Json:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


# What the integration needs beside high availability: Flink's documentation gives it much more.
_RUNNING = [
    _rule(["configmaps"], *DOCUMENTED_VERBS),
    _rule(["pods"], "get", "list", "watch", "create", "delete"),
    _rule(["deployments"], "get", group="apps"),
]
_DEPLOYING = [
    _rule(["configmaps", "services"], "get", "list", "create"),
    _rule(["deployments"], "get", "list", "create", group="apps"),
]


def _run_container(process: FlinkProcess, container: Json, kubeconfig: Path, more: Sequence[str] = ()) -> None:
    """What a container of the image would run: `bash -c "SCRIPT ARGUMENTS"`."""
    process.script, *arguments = shlex.split(container["args"][2])
    process.arguments = (*arguments, *more)
    environment = {"KUBECONFIG": str(kubeconfig)}
    for variable in container.get("env", []):
        source = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        environment[variable["name"]] = _HERE[source] if source else variable["value"]
    process.environment = environment


class NativeSession(FlinkCluster):
    """Objects are created by deploy(); JobManagers and TaskManagers are processes of what is in them."""

    def __init__(self, namespace: Namespace, directory: Path, jars: Sequence[Path], **options: Any) -> None:
        self._deployed: dict[str, str] = {}
        super().__init__(namespace, directory, jars, job_managers=0, task_managers=0, **options)
        # Flink's own client, which the integration uses, knows no tokenFile.
        self.runner = Account(namespace, "running", _RUNNING)
        self._running = self.runner.kubeconfig(inline_token=True)
        self.settings |= {
            "kubernetes.cluster-id": CLUSTER_ID,
            "kubernetes.config.file": str(Account(namespace, "deploying", _DEPLOYING).kubeconfig(inline_token=True)),
            "kubernetes.jobmanager.replicas": "2",
            # Or a new leader may ask for a pod before those that are there have registered.
            "resourcemanager.previous-worker.recovery.timeout": "60 s",
            "rest.port": str(free_port()),
        }

    def deploy(self, limit: float = 120) -> ClientRun:
        """Runs kubernetes-session.sh; the Deployment then says what JobManagers run."""
        done = self.run_script("kubernetes-session.sh", settings=self.settings, limit=limit)
        if done.exit_code == 0:
            self._deployed = (self.namespace.config_map(f"flink-config-{CLUSTER_ID}") or {})["data"]
            deployment = self._get(f"/apis/apps/v1/namespaces/{self.namespace.name}/deployments/{CLUSTER_ID}")
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            replicas = range(deployment["spec"]["replicas"])
            self.job_managers = [JobManager(self, f"jm-{n + 1}", {}) for n in replicas]
            for process in self.job_managers:
                # Ports of its own, as this is one machine.
                own = [f"-D{key}={value}" for key, value in process.settings.items()]
                _run_container(process, container, self._running, own)
        return done

    def write_configuration(self, directory: Path, settings: Settings) -> dict[str, str]:
        environment = super().write_configuration(directory, settings)
        if directory.name != "client":
            for name, text in self._deployed.items():
                (directory / "conf" / name).write_text(text)
        return environment

    def expose(self, job_manager: JobManager) -> None:
        """Makes the REST service one of a load balancer, which leads to that JobManager."""
        path = f"/api/v1/namespaces/{self.namespace.name}/services/{CLUSTER_ID}-rest"
        service = self._get(path)
        service["spec"]["type"] = "LoadBalancer"
        service["spec"]["ports"][0]["port"] = job_manager.rest_port
        service = self.namespace.kubernetes.admin.request("PUT", path, service)
        service["status"] = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}
        self.namespace.kubernetes.admin.request("PUT", f"{path}/status", service)

    def run_new_pods(self) -> list[str]:
        """Runs every pod that is not run yet; the names of all pods. Ask it again and again while pods may come."""
        path = f"/api/v1/namespaces/{self.namespace.name}/pods"
        pods = self._get(path)["items"]
        for pod in pods:
            name = pod["metadata"]["name"]
            if any(process.name == name for process in self.task_managers):
                continue
            (container,) = pod["spec"]["containers"]
            process = TaskManager(self, name, {})
            _run_container(process, container, self._running)
            process.start()
            self.task_managers.append(process)
            scheduled = {"type": "PodScheduled", "status": "True"}
            pod["status"] = {"phase": "Running", "podIP": _HERE["status.podIP"], "conditions": [scheduled]}
            self.namespace.kubernetes.admin.request("PUT", f"{path}/{name}/status", pod)
        return [str(pod["metadata"]["name"]) for pod in pods]

    def wait_for_pods(self, limit: float) -> list[str]:
        """Waits for the first pod that a JobManager asks for, and runs it."""
        return wait_until(self.run_new_pods, "a pod", limit, 0.2, self.tails)

    def _get(self, path: str) -> Json:
        return self.namespace.kubernetes.admin.request("GET", path)
