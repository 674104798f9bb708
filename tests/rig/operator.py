"""What the Flink Kubernetes Operator asks of the API server about a cluster's HA data, call by call.

By name, label and key alone, as `FlinkUtils` and `AbstractFlinkService` of the operator do it.
"""

from .flink import FlinkCluster
from .kubernetes import ApiFailure, Json

_PLAN_PREFIXES = ("jobGraph-", "executionPlan-")


class Operator:
    """The operator of release 1.11 and newer, or the one before."""

    def __init__(self, cluster: FlinkCluster, until_1_10: bool = False) -> None:
        self._cluster_id = str(cluster.settings["kubernetes.cluster-id"])
        self._path = f"/api/v1/namespaces/{cluster.namespace.name}/configmaps"
        self._admin = cluster.namespace.kubernetes.admin
        self._until_1_10 = until_1_10

    @property
    def _selector(self) -> str:
        labels = f"app={self._cluster_id},type=flink-native-kubernetes"
        return f"{labels},configmap-type=high-availability" if self._until_1_10 else f"{labels},component!=autoscaler"

    def config_maps(self) -> list[Json]:
        """All ConfigMaps that it takes for HA data of the cluster."""
        found = self._admin.request("GET", self._path, query={"labelSelector": self._selector})["items"]
        # Items of a list come without these, which its client fills in.
        return [{"apiVersion": "v1", "kind": "ConfigMap", **item} for item in found]

    def names(self) -> list[str]:
        """Their names, in order."""
        return sorted(item["metadata"]["name"] for item in self.config_maps())

    def metadata_available(self) -> bool:
        """Whether it would go on from the last state: a job's ConfigMap is there and not being deleted."""
        return bool(self._of_jobs())

    def checkpoint_available(self) -> bool:
        """Whether a job's ConfigMap points to a checkpoint; no pointer is read."""
        return any(key.startswith("checkpointID-") for item in self._of_jobs() for key in item.get("data", {}))

    def _of_jobs(self) -> list[Json]:
        def of_a_job(name: str) -> bool:
            of_a_map = name.endswith("-config-map") and not name.endswith("-cluster-config-map")
            return of_a_map or name.endswith("-jobmanager-leader")

        maps = [item for item in self.config_maps() if "deletionTimestamp" not in item["metadata"]]
        return [item for item in maps if of_a_job(item["metadata"]["name"])]

    def delete_plans(self) -> int:
        """Before each deployment: writes all ConfigMaps back without the stored jobs; how many of those went."""
        maps, gone = self.config_maps(), 0
        for item in maps:
            data = item.get("data", {})
            plans = [key for key in data if key.startswith(_PLAN_PREFIXES)]
            gone += len(plans)
            for key in plans:
                del data[key]
        if gone:
            for item in maps:
                self._create_or_replace(item)
        return gone

    def _create_or_replace(self, item: Json) -> None:
        """Its client creates without a version, and on the conflict replaces without one, whatever is there by then."""
        del item["metadata"]["resourceVersion"]
        try:
            self._admin.request("POST", self._path, {**item, "metadata": {**item["metadata"], "uid": None}})
        except ApiFailure as failure:
            if failure.code != 409:
                raise
            self._admin.request("PUT", f"{self._path}/{item['metadata']['name']}", item)

    def delete_all(self) -> None:
        """After the JobManagers are gone: every ConfigMap, in the background."""
        for name in self.names():
            self._admin.request("DELETE", f"{self._path}/{name}", {"propagationPolicy": "Background"})
