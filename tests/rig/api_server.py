"""One kube-apiserver of the embedded control plane; several of them can share one etcd."""

from collections.abc import Sequence
from pathlib import Path

from .processes import Child, free_port


class ApiServer:
    """A kube-apiserver with a port and an audit log of its own. It can be stopped and started again."""

    def __init__(self, program: str, name: str, etcd: str, keys: Path, logs: Path, detached: bool = False) -> None:
        """`keys` holds the inputs that all API servers share, among them the certificate that the first one makes."""
        self.name = name
        self.port = free_port()
        self.audit_file = logs / ("audit.log" if name == "kube-apiserver" else f"{name}.audit.log")
        self._log = logs / f"{name}.log"
        self._detached = detached
        self._command = _command(program, self.port, etcd, keys, self.audit_file)
        self.child = self._spawn()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def stop(self, limit: float = 10) -> None:
        """SIGTERM, as a rolling restart does: what it was asked is answered, then its connections are closed."""
        self.child.stop(limit)

    def start(self) -> None:
        """Starts it again on the same port with the same keys. Does not wait until it is ready."""
        self.child = self._spawn()

    def _spawn(self) -> Child:
        return Child(self.name, self._command, self._log, detached=self._detached)


def _command(program: str, port: int, etcd: str, keys: Path, audit_file: Path) -> Sequence[str]:
    return (
        program,
        "kube-apiserver",
        f"--etcd-servers={etcd}",
        # The whole history stays in etcd for whoever checks it afterwards, in a form that can be read.
        "--etcd-compaction-interval=0",
        "--storage-media-type=application/json",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        # It makes its own certificate there, which also serves as the CA of our kubeconfigs.
        f"--cert-dir={keys}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=RBAC",
        f"--token-auth-file={keys / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={keys / 'sa.pub'}",
        f"--service-account-signing-key-file={keys / 'sa.key'}",
        # No controller fills in the parts that this plug-in would wait for.
        "--disable-admission-plugins=ServiceAccount",
        f"--audit-policy-file={keys / 'audit-policy.json'}",
        f"--audit-log-path={audit_file}",
    )
