"""A Kubernetes to test against: our own kube-apiserver and etcd, or the cluster that KUBECONFIG names."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import prepare
from .api_server import ApiServer
from .audit import AuditLog
from .etcd_history import EtcdHistory
from .kubernetes import Access, ApiFailure, Json, KubernetesClient, write_kubeconfig
from .processes import Child, free_port
from .waiting import wait_until
from .workspace import progress

# What Flink's documentation asks for, word for word.
DOCUMENTED_VERBS = ("get", "list", "watch", "create", "update", "delete")
# Stock renews its lock with PATCH, whatever the documentation says.
STOCK_VERBS = (*DOCUMENTED_VERBS, "patch")

_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
# With the ConfigMaps of writes, which tell who made which revision.
_WRITES_WITH_BODIES = {
    "level": "RequestResponse",
    "verbs": ["create", "update", "patch"],
    "resources": [{"group": "", "resources": ["configmaps"]}],
}


class Kubernetes:
    """What tests see of a Kubernetes, whoever runs it."""

    # None where somebody else runs the API server.
    audit: AuditLog | None = None
    # None where somebody else runs etcd.
    history: EtcdHistory | None = None

    def __init__(self, directory: Path, access: Access) -> None:
        self.directory = directory
        self.access = access
        self.admin = KubernetesClient(access)

    def namespace(self, verbs: Sequence[str] = DOCUMENTED_VERBS, label: str = "t") -> "Namespace":
        """A new namespace with a service account that may do `verbs` on its ConfigMaps, and nothing else."""
        return Namespace(self, f"{label}-{secrets.token_hex(3)}", verbs)

    def stop(self) -> None:
        """Ends what this object started."""


class EmbeddedKubernetes(Kubernetes):
    """One etcd and one kube-apiserver, or several, on loopback, with RBAC, TLS, token requests and audit logs."""

    def __init__(
        self, directory: Path, detached: bool = False, api_servers: int = 1, audit_bodies: bool = False
    ) -> None:
        """`audit_bodies`: the audit logs hold the ConfigMaps of writes, for `AuditLog.authors`."""
        directory.mkdir(parents=True)
        self._program = str(prepare.control_plane())
        self._detached = detached
        self._keys = directory / "keys"
        self._keys.mkdir(mode=0o700)
        self._etcd_data = directory / "etcd"
        self._etcd_url, self._peer_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        admin_token = secrets.token_hex(16)
        self._write_inputs(admin_token, audit_bodies)
        self._logs = directory
        self.etcd = self._start_etcd()
        self.history = EtcdHistory(self._etcd_url)
        self.api_servers = [self._start_api_server("kube-apiserver")]
        ca_file = self._keys / "apiserver.crt"
        wait_until(ca_file.exists, "the certificate of kube-apiserver", 30, hint=self.api_server.tail)
        super().__init__(directory, Access(self.api_servers[0].url, ca_file, admin_token))
        self._wait_until_ready(self.api_servers[0])
        # They find its certificate there.
        self.api_servers += [self._start_api_server(f"kube-apiserver-{n}") for n in range(2, api_servers + 1)]
        for server in self.api_servers[1:]:
            self._wait_until_ready(server)
        self.audit = AuditLog(*(server.audit_file for server in self.api_servers))
        self.admin_kubeconfig = write_kubeconfig(
            directory / "admin.kubeconfig", self.access.server, ca_file, self._keys / "admin.token", "default"
        )

    @property
    def certificate(self) -> tuple[Path, Path]:
        """Of the API server, and its key: for whoever answers in its place."""
        return self._keys / "apiserver.crt", self._keys / "apiserver.key"

    @property
    def api_server(self) -> Child:
        """The first one."""
        return self.api_servers[0].child

    def _write_inputs(self, admin_token: str, audit_bodies: bool) -> None:
        policy = dict(_AUDIT_POLICY)
        if audit_bodies:
            # The first rule that fits counts.
            policy["rules"] = [_WRITES_WITH_BODIES, *_AUDIT_POLICY["rules"]]
        (self._keys / "audit-policy.json").write_text(json.dumps(policy))
        (self._keys / "tokens.csv").write_text(f"{admin_token},admin,admin,system:masters\n")
        (self._keys / "admin.token").write_text(admin_token)
        # The key pair that signs service account tokens.
        subprocess.run(
            [self._program, "kubeadm", "init", "phase", "certs", "sa", "--cert-dir", str(self._keys)],
            check=True,
            capture_output=True,
        )

    def _start_etcd(self) -> Child:
        client, peer = self._etcd_url, self._peer_url
        return Child(
            "etcd",
            [
                self._program,
                "etcd",
                f"--data-dir={self._etcd_data}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                # How soon a reader of the history learns that it has seen all of it.
                "--watch-progress-notify-interval=500ms",
                "--log-level=warn",
            ],
            self._logs / "etcd.log",
            detached=self._detached,
        )

    def _start_api_server(self, name: str) -> ApiServer:
        return ApiServer(self._program, name, self._etcd_url, self._keys, self._logs, self._detached)

    def _wait_until_ready(self, server: ApiServer) -> None:
        admin = KubernetesClient(replace(self.access, server=server.url))

        def ready() -> bool:
            assert server.child.running, f"{server.name} has ended\n{server.child.tail()}"
            try:
                admin.request("GET", "/readyz", limit=2)
                return True
            except (ApiFailure, OSError):
                return False

        wait_until(ready, f"{server.name} to be ready", 60, hint=server.child.tail)

    def stop_api_server(self, number: int = 0) -> None:
        """Ends that API server alone; etcd and everything in it stays."""
        self.api_servers[number].stop()

    def start_api_server(self, number: int = 0) -> None:
        """Starts it again on the same port with the same keys."""
        self.api_servers[number].start()
        self._wait_until_ready(self.api_servers[number])

    def stop(self) -> None:
        # In this order: the API server would wait for an etcd that is gone.
        for server in self.api_servers:
            server.stop(5)
        self.etcd.stop(5)
        # It preallocates 128 MB.
        shutil.rmtree(self._etcd_data, ignore_errors=True)


class ForeignKubernetes(Kubernetes):
    """The cluster of the KUBECONFIG in the environment, in which we are administrator."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        view = subprocess.run(
            [str(prepare.control_plane()), "kubectl", "config", "view", "--raw", "--minify", "--flatten", "-o", "json"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        keys = directory / "keys"
        keys.mkdir(mode=0o700)
        super().__init__(directory, Access.from_kubeconfig(json.loads(view), keys))
        self.admin_kubeconfig = Path(os.environ["KUBECONFIG"])


def start(
    directory: Path, detached: bool = False, audit_bodies: bool = False
) -> EmbeddedKubernetes | ForeignKubernetes:
    """The Kubernetes for this run."""
    if os.environ.get("KUBECONFIG"):
        progress(f"using the cluster of KUBECONFIG={os.environ['KUBECONFIG']}")
        return ForeignKubernetes(directory)
    kubernetes = EmbeddedKubernetes(directory, detached, audit_bodies=audit_bodies)
    progress(f"kube-apiserver is ready at {kubernetes.access.server}")
    return kubernetes


class Namespace:
    """One namespace, one service account, one Role: what one Flink cluster gets."""

    account = "flink"

    def __init__(self, kubernetes: Kubernetes, name: str, verbs: Sequence[str]) -> None:
        self.kubernetes = kubernetes
        self.name = name
        self.directory = kubernetes.directory / name
        self.directory.mkdir(parents=True)
        admin = kubernetes.admin
        admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
        admin.create(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": self.account}})
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}"
        admin.create(f"{rbac}/roles", self._role(verbs))
        admin.create(
            f"{rbac}/rolebindings",
            {
                "metadata": {"name": "flink"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "flink"},
                "subjects": [{"kind": "ServiceAccount", "name": self.account, "namespace": name}],
            },
        )
        self.token_file = self.directory / "token"
        self.renew_token()
        self._wait_until_authorized(verbs)

    @property
    def user(self) -> str:
        """The service account as the audit log names it."""
        return f"system:serviceaccount:{self.name}:{self.account}"

    def renew_token(self, seconds: int = 24 * 3600) -> None:
        """Puts a new token of that life into the token file, at once, as the kubelet does."""
        path = f"/api/v1/namespaces/{self.name}/serviceaccounts/{self.account}/token"
        answer = self.kubernetes.admin.request("POST", path, {"spec": {"expirationSeconds": seconds}})
        new = self.token_file.with_suffix(".new")
        new.touch(0o600)
        new.write_text(answer["status"]["token"])
        new.replace(self.token_file)

    def revoke_tokens(self) -> None:
        """No token that there is will be accepted any more: the account is replaced by one of the same name.

        The API server remembers a token that it has accepted for up to ten seconds.
        """
        admin, path = self.kubernetes.admin, f"/api/v1/namespaces/{self.name}/serviceaccounts"
        admin.request("DELETE", f"{path}/{self.account}")
        admin.create(path, {"metadata": {"name": self.account}})

    def allow(self, verbs: Sequence[str]) -> None:
        """What the Role allows from now on."""
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.name}/roles/flink"
        self.kubernetes.admin.request("PUT", path, self._role(verbs))

    @staticmethod
    def _role(verbs: Sequence[str]) -> Json:
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": list(verbs)}] if verbs else []
        return {"metadata": {"name": "flink"}, "rules": rules}

    def kubeconfig(self, server: str | None = None, label: str = "flink", inline_token: bool = False) -> Path:
        """A kubeconfig of the service account; through `server` instead of straight to the API server."""
        access = self.kubernetes.access
        return write_kubeconfig(
            self.directory / f"{label}.kubeconfig",
            server or access.server,
            access.ca_file,
            self.token_file,
            self.name,
            inline_token=inline_token,
        )

    def config_maps(self) -> dict[str, Json]:
        """All ConfigMaps here, by name."""
        return self.kubernetes.admin.config_maps(self.name)

    def config_map(self, name: str) -> Json | None:
        """One ConfigMap, None if there is none of that name."""
        return self.kubernetes.admin.config_map(self.name, name)

    def delete(self) -> None:
        """Removes the namespace and, where no controller does it, what is in it."""
        path = f"/api/v1/namespaces/{self.name}"
        self.kubernetes.admin.request("DELETE", f"{path}/configmaps")
        self.kubernetes.admin.request("DELETE", path)

    def _wait_until_authorized(self, verbs: Sequence[str]) -> None:
        """The API server's authorizer sees a new Role a moment later than its writer."""
        # The administrator asks about the account, so that the audit log holds no request of the account.
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": self.user,
                "groups": ["system:serviceaccounts", f"system:serviceaccounts:{self.name}", "system:authenticated"],
                "resourceAttributes": {"namespace": self.name, "verb": "", "resource": "configmaps"},
            },
        }

        def allowed(verb: str) -> bool:
            review["spec"]["resourceAttributes"]["verb"] = verb  # type: ignore[index]
            path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
            return bool(self.kubernetes.admin.request("POST", path, review)["status"]["allowed"])

        for verb in verbs:
            wait_until(lambda verb=verb: allowed(verb), f"the Role to allow {verb}", 10)  # type: ignore[misc]
