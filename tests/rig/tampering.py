"""What somebody else may do to the ConfigMaps of a running cluster, as administrator."""

import http.client
import json
import threading
import time
import urllib.parse

from .flink import FlinkCluster
from .http_proxy import Asked, HttpFaultProxy
from .kubernetes import Access, ApiFailure, Json, KubernetesClient

LOCK = "control-plane.alpha.kubernetes.io/leader"
# What Flink's Kubernetes operator and its documentation delete by.
_SELECTOR = "app={},type=flink-native-kubernetes"


class Tampering:
    """By the name of a ConfigMap in the namespace of a cluster."""

    def __init__(self, cluster: FlinkCluster) -> None:
        self._cluster = cluster
        self._admin = cluster.namespace.kubernetes.admin
        self._all = f"/api/v1/namespaces/{cluster.namespace.name}/configmaps"

    def path(self, name: str) -> str:
        """Where the API server has it."""
        return f"{self._all}/{name}"

    def delete(self, name: str) -> None:
        """Deletes it."""
        self._admin.request("DELETE", self.path(name))

    def delete_all(self) -> None:
        """Deletes all of this cluster, as a clean-up does."""
        selector = _SELECTOR.format(self._cluster.settings["kubernetes.cluster-id"])
        self._admin.request("DELETE", self._all, query={"labelSelector": selector})

    def empty(self, name: str) -> Json:
        """Takes all its data away, which is the answer."""
        object_ = self._admin.request("GET", self.path(name))
        data: Json = object_.pop("data")
        self._overwrite(name, object_)
        return data

    def put_lock(self, name: str, text: str) -> None:
        """Overwrites the lock with that, and nothing else that somebody writes at the same time."""
        self._put_annotation(name, LOCK, text)

    def put_holder(self, name: str, holder: str) -> None:
        """Makes somebody else the holder of the lock, as of now."""
        record = json.loads(self.lock(name))
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        record |= {"holderIdentity": holder, "acquireTime": now, "renewTime": now}
        self.put_lock(name, json.dumps(record, separators=(",", ":")))

    def annotate(self, name: str, value: str) -> None:
        """Gives it an annotation that nobody asks for, so that its version is another."""
        self._put_annotation(name, "outsider", value)

    def _put_annotation(self, name: str, key: str, value: str) -> None:
        while True:
            object_ = self._admin.request("GET", self.path(name))
            object_["metadata"].setdefault("annotations", {})[key] = value
            try:
                self._admin.request("PUT", self.path(name), object_)
                return
            except ApiFailure as failure:
                if failure.code != 409:
                    raise

    def lock(self, name: str) -> str:
        """The lock as it is; empty if there is none."""
        config_map = self._cluster.namespace.config_map(name) or {"metadata": {}}
        return str(config_map["metadata"].get("annotations", {}).get(LOCK, ""))

    def _overwrite(self, name: str, object_: Json) -> None:
        del object_["metadata"]["resourceVersion"]
        self._admin.request("PUT", self.path(name), object_)


class Annotator:
    """Annotates ConfigMaps in turn, so many times a second, until it is closed."""

    def __init__(self, admin: KubernetesClient, paths: list[str], per_second: float) -> None:
        self.done = 0
        self._admin, self._paths, self._pause = admin, paths, 1 / per_second
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="annotator", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._ended.set()
        self._thread.join(10)

    def _run(self) -> None:
        server = urllib.parse.urlsplit(self._admin.access.server)
        connection = http.client.HTTPSConnection(server.hostname or "", server.port or 443, context=self._admin.tls)
        headers = {"Content-Type": "application/merge-patch+json", "User-Agent": "outsider"}
        headers["Authorization"] = f"Bearer {self._admin.access.token}"
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due += self._pause
            body = {"metadata": {"annotations": {"outsider": str(self.done)}}}
            connection.request("PATCH", self._paths[self.done % len(self._paths)], json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            self.done += answer.status == 200
        connection.close()


class OvertakingPath(HttpFaultProxy):
    """A path to the API server on which, once `of` names a ConfigMap, somebody else has always written that just before."""

    def __init__(self, access: Access, certificate: str, key: str, cluster: FlinkCluster) -> None:
        self.of = ""
        self.overtaken = 0
        self._tampering = Tampering(cluster)
        super().__init__(access, certificate, key)

    def passing(self, asked: Asked) -> None:
        if self.of and asked.method == "PUT" and asked.path.split("?")[0].endswith(f"/{self.of}"):
            self.overtaken += 1
            self._tampering.annotate(self.of, str(self.overtaken))
