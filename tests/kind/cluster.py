"""The kind cluster: brought up, found again, taken down."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rig import prepare
from rig.audit import AuditLog
from rig.control_plane import Kubernetes
from rig.kubernetes import Access, Json, KubernetesClient
from rig.workspace import RUNS, progress

from . import flink_image, node_image, programs, s3_image
from .docker import Docker, existing

NAME = "flink-kube-ha"
_BUILT = f"built-node:{node_image.kubernetes_version()}"
_PUBLISHED = f"kindest/node:{node_image.kubernetes_version()}"
# What the machine and the nodes share, below the run directory: storage of Flink, the audit log.
_SHARED = {"storage": "/storage", "audit": "/var/log/kubernetes"}
_AUDIT_POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"


class _PatientClient(KubernetesClient):
    """Asks again for what it only reads: on a machine with much to do an answer can take longer than a request waits."""

    def request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        limit: float = 10,
    ) -> Json:
        for _ in range(5 if method == "GET" else 0):
            with contextlib.suppress(TimeoutError):
                return super().request(method, path, body, query, limit)
        return super().request(method, path, body, query, limit)


class KindCluster(Kubernetes):
    """A cluster that runs, as tests see it."""

    def __init__(self, directory: Path) -> None:
        self.run_directory = directory
        state = json.loads((directory / "state.json").read_text())
        self.docker = Docker(directory, state["host"])
        self.docker.is_own = state["own"]
        self.nodes: list[str] = state["nodes"]
        self.kubeconfig = directory / "kubeconfig"
        self.storage, self.pod_logs = directory / "storage", directory / "pods"
        view = ["config", "view", "--raw", "--minify", "--flatten", "--output", "json"]
        keys = directory / "keys"
        keys.mkdir(mode=0o700, exist_ok=True)
        super().__init__(directory, Access.from_kubeconfig(json.loads(self.kubectl(*view)), keys))
        self.admin = _PatientClient(self.admin.access)
        self.audit = AuditLog(directory / "audit" / "audit.log")
        self.admin_kubeconfig = self.kubeconfig

    def kubectl(self, *arguments: str, limit: float = 120) -> str:
        """One command of kubectl as administrator; its standard output."""
        return kubectl(self.kubeconfig, *arguments, limit=limit)

    def inside(self, node: str, *command: str) -> str:
        """Runs a command in the container that is a node."""
        return self.docker.run("exec", node, *command)


def kubectl(kubeconfig: Path, *arguments: str, limit: float = 120) -> str:
    """One command of kubectl; its standard output."""
    command = [str(prepare.control_plane()), "kubectl", f"--kubeconfig={kubeconfig}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    if done.returncode:
        raise AssertionError(f"kubectl {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def directory() -> Path:
    """What the cluster needs and leaves: its daemon, its kubeconfig, what it shares with the machine."""
    return RUNS / "kind-cluster"


def is_up() -> bool:
    """Whether there is one."""
    state = directory() / "state.json"
    return state.exists() and Docker(directory(), json.loads(state.read_text())["host"]).answers


def up(workers: int = 0, image: str | None = None) -> KindCluster:
    """Brings a cluster up with Flink's images in it: one node, or a control plane and so many workers.

    With `image` (else FLINKKUBEHA_KIND_IMAGE) of that node image; without, of the published one if a daemon
    that runs here can get it, else of one that is built.
    """
    reason = programs.why_not()
    if reason:
        raise SystemExit(f"No kind cluster can be brought up here: {reason}.")
    programs.everything()
    run = directory()
    # What a run has left that was killed.
    down()
    shutil.rmtree(run, ignore_errors=True)
    for name in _SHARED:
        (run / name).mkdir(parents=True)
    (run / "audit" / "policy.yaml").write_text(_AUDIT_POLICY)
    image, docker = _image(image or os.environ.get("FLINKKUBEHA_KIND_IMAGE"), run)
    if docker.is_own and not docker.answers:
        docker.start()
    if image == _BUILT:
        node_image.build(docker, image)
    archive = run / "images.tar"
    with ThreadPoolExecutor() as pool:
        # A cluster that comes up waits more than it works.
        images = pool.submit(_build_images, docker, archive)
        _create(docker, run, image, workers)
        images.result()
    nodes = _kind(docker, run, "get", "nodes", "--name", NAME).split()
    state = {"own": docker.is_own, "host": docker.host, "nodes": nodes}
    (run / "state.json").write_text(json.dumps(state))
    cluster = KindCluster(run)
    progress("loading the images of pods")
    _kind(docker, run, "load", "image-archive", str(archive), "--name", NAME)
    archive.unlink()
    cluster.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=180s", limit=200)
    _routes("replace", cluster)
    progress(f"the cluster is up: KUBECONFIG={cluster.kubeconfig}, DOCKER_HOST={docker.host}")
    return cluster


def _image(named: str | None, run: Path) -> tuple[str, Docker]:
    """The node image and the daemon that has it."""
    own = Docker(run)
    there = existing()
    if there:
        foreign = Docker(run, there)
        if named:
            return named, foreign
        pull = subprocess.run(["timeout", "120", "docker", "pull", "--quiet", _PUBLISHED], env=foreign.environment)
        if pull.returncode == 0:
            return _PUBLISHED, foreign
        progress(f"{_PUBLISHED} cannot be pulled here: a node image is built")
    return named or _BUILT, own


def _build_images(docker: Docker, archive: Path) -> None:
    """What pods run, in one archive for `kind load`."""
    flink_image.build(docker)
    s3_image.build(docker)
    docker.run("save", "--output", str(archive), flink_image.STOCK, flink_image.OURS, s3_image.IMAGE)


def _create(docker: Docker, run: Path, image: str, workers: int) -> None:
    configuration = run / "kind.json"
    mounts = [{"hostPath": str(run / name), "containerPath": path} for name, path in _SHARED.items()]
    volume = {"name": "audit", "hostPath": "/var/log/kubernetes", "mountPath": "/var/log/kubernetes"}
    arguments = {"audit-policy-file": "policy.yaml", "audit-log-path": "audit.log"}
    patch = {
        "kind": "ClusterConfiguration",
        "apiServer": {
            "extraArgs": [{"name": name, "value": f"/var/log/kubernetes/{file}"} for name, file in arguments.items()],
            "extraVolumes": [{**volume, "pathType": "DirectoryOrCreate"}],
        },
    }
    roles = ["control-plane", *["worker"] * workers]
    nodes = []
    for number, role in enumerate(roles):
        # Of its own: a kubelet removes the logs of pods that it does not know.
        logs = run / "pods" / f"node-{number}"
        logs.mkdir(parents=True)
        own = {"hostPath": str(logs), "containerPath": "/var/log/pods"}
        nodes.append({"role": role, "extraMounts": [*mounts, own]})
    configuration.write_text(
        json.dumps(
            {
                "kind": "Cluster",
                "apiVersion": "kind.x-k8s.io/v1alpha4",
                "kubeadmConfigPatches": [json.dumps(patch)],
                "nodes": nodes,
            }
        )
    )
    progress(f"creating a cluster of {len(roles)} node{'s' if workers else ''} from {image}")
    create = ["create", "cluster", "--name", NAME, "--image", image, "--wait", "120s", "--config", str(configuration)]
    _kind(docker, run, *create)


def _kind(docker: Docker, run: Path, *arguments: str) -> str:
    environment = {**docker.environment, "KUBECONFIG": str(run / "kubeconfig")}
    command = [str(programs.go_programs() / "kind"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"kind {' '.join(arguments)} failed:\n{done.stderr[-4000:]}")
    return done.stdout


def _routes(action: str, cluster: KindCluster) -> None:
    """So that the machine reaches pods by their addresses, as a client of Flink in the cluster would."""
    for node in cluster.admin.request("GET", "/api/v1/nodes")["items"]:
        address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
        command = ["ip", "route", action, node["spec"]["podCIDR"], "via", address]
        subprocess.run(command, env=cluster.docker.environment, check=action == "replace", capture_output=True)


def down() -> None:
    """Takes everything away that `up` has made, but for what is in the cache and for logs."""
    run = directory()
    if not run.exists():
        return
    found = run / "state.json"
    state = json.loads(found.read_text()) if found.exists() else {"own": True, "host": None}
    docker = Docker(run, state["host"])
    docker.is_own = state["own"]
    if docker.answers:
        nodes = docker.run("ps", "--all", "--quiet", "--filter", f"label=io.x-k8s.kind.cluster={NAME}").split()
        if nodes:
            docker.run("rm", "--force", "--volumes", *nodes)
        if docker.is_own:
            docker.run("network", "rm", "kind", quiet=True)
    if docker.is_own:
        docker.stop()
    for name in ("state.json", "images.tar", "kubeconfig"):
        (run / name).unlink(missing_ok=True)
    progress("the cluster is gone")
