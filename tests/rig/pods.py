"""Pods as far as a token is bound to one: objects that no kubelet runs."""

from .control_plane import Namespace
from .kubernetes import write_kubeconfig


class BoundPod:
    """A pod of the service account, and a kubeconfig with a token that belongs to it, as the kubelet would project it."""

    def __init__(self, namespace: Namespace, name: str) -> None:
        admin, account = namespace.kubernetes.admin, namespace.account
        core = f"/api/v1/namespaces/{namespace.name}"
        spec = {"serviceAccountName": account, "containers": [{"name": "flink", "image": "none"}]}
        pod = admin.create(f"{core}/pods", {"metadata": {"name": name}, "spec": spec})
        self.uid = pod["metadata"]["uid"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": self.uid}
        answer = admin.request(
            "POST",
            f"{core}/serviceaccounts/{account}/token",
            {"spec": {"expirationSeconds": 24 * 3600, "boundObjectRef": bound}},
        )
        token_file = namespace.directory / f"{name}.token"
        token_file.touch(0o600)
        token_file.write_text(answer["status"]["token"])
        access = namespace.kubernetes.access
        self.kubeconfig = write_kubeconfig(
            namespace.directory / f"{name}.kubeconfig", access.server, access.ca_file, token_file, namespace.name
        )
