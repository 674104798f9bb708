"""A Flink cluster in pods, in a namespace of its own, made of the manifests for users."""

import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from rig import flink
from rig.counting import CountingJob
from rig.flink_rest import FlinkRest
from rig.kubernetes import Json
from rig.waiting import wait_until
from rig.workspace import FLINK_VERSION

from . import flink_image, manifests
from .cluster import KindCluster
from .pods import FlinkPod

_PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
}
Edit = Callable[[Json], None]


def settings() -> dict[str, str]:
    """What tests want otherwise than users: a small JVM, and many checkpoints."""
    return {
        "jobmanager.memory.process.size": "1024m",
        "taskmanager.memory.process.size": "1024m",
        "taskmanager.memory.managed.size": "16m",
        "taskmanager.memory.network.min": "32m",
        "taskmanager.memory.network.max": "32m",
        "taskmanager.numberOfTaskSlots": "4",
        "state.backend.type": "hashmap",
        "execution.checkpointing.interval": "500 ms",
        "execution.checkpointing.dir": "file:///flink-storage/checkpoints",
        "execution.checkpointing.savepoint-dir": "file:///flink-storage/savepoints",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "1000",
        "restart-strategy.fixed-delay.delay": "100 ms",
        "env.java.opts.all": flink.java_options(FLINK_VERSION),
    }


class Fleet:
    """One namespace, the service account of the manifests, a volume, and what runs in it."""

    version = FLINK_VERSION

    def __init__(self, kubernetes: KindCluster, logs: Path, cluster_id: str, image: str = flink_image.OURS) -> None:
        self.kubernetes, self.cluster_id, self.image = kubernetes, cluster_id, image
        self.name = f"{cluster_id}-{secrets.token_hex(3)}"
        self._logs = logs
        self._pods: dict[str, FlinkPod] = {}
        # What pods see as /flink-storage.
        self.directory = kubernetes.storage / self.name
        for part in ("", "ha", "checkpoints", "savepoints", "output"):
            (self.directory / part).mkdir()
            (self.directory / part).chmod(0o777)
        admin = kubernetes.admin
        admin.create("/api/v1/namespaces", {"metadata": {"name": self.name}})
        claim = {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
        }
        volume = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "hostPath": {"path": f"/storage/{self.name}"},
            "claimRef": {"namespace": self.name, "name": "flink-storage"},
        }
        admin.create("/api/v1/persistentvolumes", {"metadata": {"name": self.name}, "spec": volume})
        path = f"/api/v1/namespaces/{self.name}/persistentvolumeclaims"
        admin.create(path, {"metadata": {"name": "flink-storage"}, "spec": {**claim, "volumeName": self.name}})

    @property
    def user(self) -> str:
        """The service account as the audit log names it."""
        return f"system:serviceaccount:{self.name}:flink"

    def load(self, manifest: str, more: Mapping[str, str] | None = None) -> list[Json]:
        """The objects of a manifest, for this namespace and image."""
        return manifests.load(self.kubernetes, manifest, self.name, self.image, {**settings(), **(more or {})})

    def apply(self, manifest: str, edit: Edit | None = None, more: Mapping[str, str] | None = None) -> None:
        """Creates what is in a manifest; `edit` sees each object before."""
        for one in self.load(manifest, more):
            if edit:
                edit(one)
            self.create(one)

    def create(self, one: Json) -> None:
        """Creates one object of this namespace."""
        self.kubernetes.admin.create(_PATHS[one["kind"]].format(self.name), one)

    def kubectl(self, *arguments: str, limit: float = 300) -> str:
        """kubectl in this namespace, as administrator."""
        return self.kubernetes.kubectl("--namespace", self.name, *arguments, limit=limit)

    def pods(self) -> list[FlinkPod]:
        """Every pod that has ever run here, in the order of its first line."""
        items = self.kubernetes.admin.request("GET", f"/api/v1/namespaces/{self.name}/pods")["items"]
        for item in items:
            name, uid = item["metadata"]["name"], item["metadata"]["uid"]
            if uid not in self._pods:
                logs = self._logs / f"{self.name}_{name}_{uid}"
                self._pods[uid] = FlinkPod(self.kubernetes, self.name, name, uid, logs)
        return [pod for pod in self._pods.values() if pod.logs]

    @property
    def job_managers(self) -> list[FlinkPod]:
        return [pod for pod in self.pods() if not pod.is_task_manager]

    @property
    def task_managers(self) -> list[FlinkPod]:
        return [pod for pod in self.pods() if pod.is_task_manager]

    def config_map(self, name: str) -> Json | None:
        """One ConfigMap, None if there is none of that name."""
        return self.kubernetes.admin.config_map(self.name, name)

    def ha_config_maps(self) -> list[str]:
        """The names of those that hold HA data."""
        names = self.kubernetes.admin.config_maps(self.name)
        return sorted(name for name in names if name.startswith(self.cluster_id) and name.endswith("-config-map"))

    def leader(self) -> FlinkPod | None:
        """The running JobManager whose dispatcher is published as leader."""
        data = (self.config_map(f"{self.cluster_id}-cluster-config-map") or {}).get("data", {})
        published = data.get("org.apache.flink.k8s.leader.dispatcher", "")
        for pod in reversed(self.job_managers):
            if pod.granted and published.startswith(pod.session) and pod.running:
                return pod
        return None

    def wait_for_leader(self, limit: float = 300) -> FlinkPod:
        """Waits until a running JobManager is published as leader."""
        leader = wait_until(self.leader, "a published leader", limit, 0.2, self.tails)
        assert leader
        return leader

    def wait_for_task_managers(self, count: int = 1, limit: float = 300) -> None:
        """Waits until so many are registered."""
        wait_until(lambda: self.rest.task_managers() >= count, "registered TaskManagers", limit, 0.3, self.tails)

    def wait_for_standby(self, count: int = 2, limit: float = 300) -> None:
        """Waits until so many JobManagers run and take part in the election."""

        def ready() -> bool:
            return sum(pod.running and bool(pod.log.first(flink.ELECTION_STARTS)) for pod in self.job_managers) >= count

        wait_until(ready, f"{count} JobManagers in the election", limit, 0.2, self.tails)

    @property
    def rest(self) -> FlinkRest:
        """The REST endpoint of the leader, or of any JobManager that runs."""
        found = self.leader() or next((pod for pod in self.job_managers if pod.running), None)
        return found.rest if found else FlinkRest(8081, "192.0.2.1")

    def grants(self, since: float) -> list[tuple[float, FlinkPod]]:
        """Each grant that reached a dispatcher since then, in any run of any pod, in order."""
        found = []
        for pod in self.job_managers:
            for log in pod.logs:
                found += [(hit.at, pod) for hit in log.find(flink.GRANTED, since) if hit[1] == "dispatcher"]
        return sorted(found, key=lambda one: one[0])

    def newest_checkpoint(self, job: str) -> int:
        """The last checkpoint that any JobManager has logged as completed; 0 for none."""
        logs = [log for pod in self.job_managers for log in pod.logs]
        return max((int(hit[1]) for log in logs for hit in log.find(flink.COMPLETED) if hit[2] == job), default=0)

    def are_gone(self, component: str, but: str) -> bool:
        """Whether every pod of a component that is left runs that image."""
        items = self.kubernetes.admin.request("GET", f"/api/v1/namespaces/{self.name}/pods")["items"]
        found = [item for item in items if item["metadata"].get("labels", {}).get("component") == component]
        return bool(found) and all(item["spec"]["containers"][0]["image"] == but for item in found)

    def restored(self, since: float) -> list[tuple[float, int]]:
        """When which checkpoint was restored since then."""
        logs = [log for pod in self.job_managers for log in pod.logs]
        return sorted((hit.at, int(hit[2])) for log in logs for hit in log.find(flink.RESTORED, since))

    def wait_for_restored(self, since: float, limit: float = 300) -> None:
        """Waits until a job was restored after that."""
        wait_until(lambda: self.restored(since), "a restored job", limit, 0.2, self.tails)

    def tails(self) -> str:
        """The ends of all logs and the state of the pods, for messages."""
        logs = "\n".join(pod.log.tail(15) for pod in self.pods())
        return f"{self.kubectl('get', 'pods', '-o', 'wide')}\n{logs}"

    def delete(self) -> None:
        """Takes everything away, and waits until nothing of it runs."""
        self.kubectl("delete", "deployments,jobs", "--all", "--cascade=orphan", "--wait=false")
        self.kubectl("delete", "replicasets", "--all", "--wait=false")
        self.kubectl("delete", "pods", "--all", "--grace-period=1", "--wait=false")
        self.kubernetes.kubectl("delete", "namespace", self.name, "--wait=false")
        self.kubernetes.kubectl("delete", "persistentvolume", self.name, "--wait=false")
        shutil.rmtree(self.directory, ignore_errors=True)


class PodJob(CountingJob):
    """The counting job, which pods let write to their volume."""

    def __init__(self, fleet: Fleet, **options: object) -> None:
        super().__init__(fleet, **options)  # type: ignore[arg-type]
        self.arguments[self.arguments.index("--output") + 1] = f"file:///flink-storage/output/{self.output.name}"

    def find(self) -> "PodJob":
        """Waits for the one job that the cluster runs by itself; for applications."""
        assert isinstance(self.cluster, Fleet)
        (self.id,) = wait_until(lambda: list(self.cluster.rest.job_states()), "a job", 300, 0.3, self.cluster.tails)
        return self

    def wait_for_progress(self, count: int = 2, limit: float = 300) -> None:
        """Waits until so many more checkpoints were completed, whoever leads."""
        first = self._completed()
        wait_until(lambda: self._completed() >= first + count, "more checkpoints", limit, 0.2, self.cluster.tails)

    def _completed(self) -> int:
        assert isinstance(self.cluster, Fleet)
        logs = [log for pod in self.cluster.job_managers for log in pod.logs]
        return sum(hit[2] == self.id for log in logs for hit in log.find(flink.COMPLETED))
