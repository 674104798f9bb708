"""The gateway to S3 of the other tiers as a pod, which keeps its bucket where tests can look."""

import secrets
import shutil

from rig.object_server import BUCKET
from rig.s3_gateway import ACCESS_KEY, SECRET_KEY
from rig.waiting import wait_until

from . import s3_image
from .cluster import KindCluster

# The environment of its clients.
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1"}
_PORT = 7070


class GatewayPod:
    """Serves one bucket in a namespace of its own, with a service in front."""

    root = f"s3://{BUCKET}/ha"

    def __init__(self, kubernetes: KindCluster) -> None:
        self._kubernetes = kubernetes
        self.namespace = f"s3-{secrets.token_hex(3)}"
        directory = kubernetes.storage / self.namespace
        self._bucket = directory / "objects" / BUCKET
        self._bucket.mkdir(parents=True)
        # Beside the objects, so that the file system need not have extended attributes.
        (directory / "known").mkdir()
        container = {
            "name": "gateway",
            "image": s3_image.IMAGE,
            "args": ["--port", f":{_PORT}", "--quiet", "posix", "--sidecar", "/served/known", "/served/objects"],
            "env": [{"name": "ROOT_ACCESS_KEY", "value": ACCESS_KEY}, {"name": "ROOT_SECRET_KEY", "value": SECRET_KEY}],
            "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
            "volumeMounts": [{"name": "served", "mountPath": "/served"}],
        }
        volume = {"name": "served", "hostPath": {"path": f"/storage/{self.namespace}"}}
        labels = {"app": "s3-gateway"}
        admin, path = kubernetes.admin, f"/api/v1/namespaces/{self.namespace}"
        admin.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        # It asks nothing of the API server.
        spec = {"containers": [container], "volumes": [volume], "automountServiceAccountToken": False}
        # A pod is refused until its namespace has one.
        wait_until(self._has_account, "the namespace to have a service account", 30, 0.1)
        admin.create(f"{path}/pods", {"metadata": {"name": "s3-gateway", "labels": labels}, "spec": spec})
        service = {"selector": labels, "ports": [{"port": _PORT}]}
        admin.create(f"{path}/services", {"metadata": {"name": "s3-gateway"}, "spec": service})
        kubernetes.kubectl("-n", self.namespace, "wait", "--for=condition=Ready", "pod/s3-gateway", "--timeout=100s")

    def _has_account(self) -> bool:
        accounts = self._kubernetes.admin.request("GET", f"/api/v1/namespaces/{self.namespace}/serviceaccounts")
        return bool(accounts["items"])

    @property
    def settings(self) -> dict[str, str]:
        """What Flink is told; the keys are not among it."""
        return {
            "high-availability.storageDir": self.root,
            "s3.endpoint": f"http://s3-gateway.{self.namespace}:{_PORT}",
            "s3.path.style.access": "true",
        }

    def objects(self) -> list[str]:
        """The names of all objects in the bucket."""
        return sorted(str(file.relative_to(self._bucket)) for file in self._bucket.rglob("*") if file.is_file())

    def delete(self) -> None:
        """Takes it away."""
        self._kubernetes.kubectl("delete", "namespace", self.namespace, "--wait=false")
        shutil.rmtree(self._bucket.parents[1], ignore_errors=True)
