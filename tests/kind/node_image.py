"""The image of a kind node, out of built programs, a Debian root and the files in node/."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rig import prepare
from rig.workspace import TESTS, progress

from . import programs
from .docker import Docker

_FILES = programs.HERE / "node"
_COREDNS, _PAUSE, _ETCD = "coredns/coredns:v1.14.2", "pause:3.10.2", "etcd:3.6.8-0"
# Of a Debian root, what only a package manager or a reader needs, and what a machine's start would do.
_NOT_NEEDED = (
    "./dev/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
)
_UNITS_OF_A_MACHINE = ("multi-user.target.wants", "sysinit.target.wants", "local-fs.target.wants", "timers.target.wants")


def kubernetes_version() -> str:
    """The version in go.mod of the control plane."""
    text = (TESTS / "control-plane" / "go.mod").read_text()
    return next(line.split()[1] for line in text.splitlines() if line.strip().startswith("k8s.io/kubernetes v"))


def import_directory(docker: Docker, directory: Path, image: str, *changes: str) -> None:
    """An image of one layer: what is in the directory."""
    tar = ["tar", "--directory", str(directory), "--create", "."]
    options = [word for change in changes for word in ("--change", change)]
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as source:
        docker.run("import", *options, "-", image, stdin=source.stdout)


def copy_root(target: Path) -> None:
    """Copies what a container needs of the Debian root."""
    exclude = [f"--exclude={one}" for one in _NOT_NEEDED]
    copy = ["tar", "--directory", str(programs.debian_root()), *exclude, "--create", "."]
    with subprocess.Popen(copy, stdout=subprocess.PIPE) as source:
        subprocess.run(["tar", "--directory", str(target), "--extract"], stdin=source.stdout, check=True)


def build(docker: Docker, image: str) -> None:
    """Makes the node image."""
    progress("assembling the node image")
    with tempfile.TemporaryDirectory(dir=docker.directory) as scratch:
        work = Path(scratch)
        node = work / "node"
        (node / "kind" / "images").mkdir(parents=True)
        _component_images(docker, work, node / "kind" / "images")
        _node(node)
        import_directory(
            docker,
            node,
            image,
            'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]',
            "ENV container=docker",
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )


def _component_images(docker: Docker, work: Path, archives: Path) -> None:
    """The images that kubeadm asks for, under the names by which it does: one for all components."""
    root = programs.debian_root()
    components = work / "components"
    for name in ("usr/local/bin", "usr/bin", "tmp", "etc/ssl/certs", "run"):
        (components / name).mkdir(parents=True)
    shutil.copy(prepare.control_plane(), components / "usr/local/bin/control-plane")
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    for name in (*names, "etcd", "kubectl"):
        (components / "usr/local/bin" / name).symlink_to("control-plane")
    # The proxy's rules need extensions of iptables, and these need libraries.
    extensions = sorted((root / "usr/lib").glob("*/xtables/*.so"))
    tools = [root / f"usr/sbin/{name}" for name in ("nft", "xtables-nft-multi", "conntrack")]
    _with_libraries(root, components, [*tools, *extensions])
    for family in ("iptables", "ip6tables"):
        for name in (family, f"{family}-save", f"{family}-restore"):
            (components / "usr/sbin" / name).symlink_to("xtables-nft-multi")
    import_directory(docker, components, "components", "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    tags = [f"registry.k8s.io/{name}:{kubernetes_version()}" for name in names] + [f"registry.k8s.io/{_ETCD}"]
    for tag in tags:
        docker.run("tag", "components", tag)
    docker.run("save", "--output", str(archives / "components.tar"), *tags)

    for program, image in (("coredns", _COREDNS), ("pause", _PAUSE)):
        directory = work / program
        directory.mkdir()
        shutil.copy(programs.go_programs() / program, directory)
        import_directory(docker, directory, f"registry.k8s.io/{image}", f'ENTRYPOINT ["/{program}"]')
    both = [f"registry.k8s.io/{image}" for image in (_COREDNS, _PAUSE)]
    docker.run("save", "--output", str(archives / "add-ons.tar"), *both)


def _with_libraries(root: Path, target: Path, files: Iterable[Path]) -> None:
    """Copies programs with the libraries that they are linked to."""
    inside = [f"/{file.relative_to(root)}" for file in files]
    said = subprocess.run(["chroot", str(root), "ldd", *inside], capture_output=True, text=True).stdout
    libraries = {word for line in said.splitlines() for word in line.split() if word.startswith("/") and word[-1] != ":"}
    for name in {*inside, *libraries}:
        copy = target / name[1:]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name[1:], copy)


def _node(node: Path) -> None:
    copy_root(node)
    for name in (
        *("kind/manifests", "opt/cni/bin", "etc/cni/net.d", "etc/containerd"),
        *("etc/kubernetes/manifests", "etc/kubernetes/kubelet.conf.d"),
    ):
        (node / name).mkdir(parents=True)
    (node / "kind/version").write_text(f"{kubernetes_version()}\n")
    built = programs.go_programs()
    binaries = node / "usr/local/bin"
    shutil.copy(prepare.control_plane(), binaries / "control-plane")
    for name in ("kubelet", "kubeadm", "kubectl"):
        (node / "usr/bin" / name).symlink_to("/usr/local/bin/control-plane")
    _copy(built, binaries, "containerd", "containerd-shim-runc-v2", "ctr")
    _copy(built, node / "opt/cni/bin", "ptp", "host-local", "loopback", "portmap")
    _copy(_FILES, binaries, "entrypoint", "prepare-cgroups", "import-images", "pod-network", "crictl")
    _copy(_FILES, node / "kind", "pods.conflist")
    _copy(_FILES, node / "kind/manifests", "default-cni.yaml", "default-storage.yaml")
    shutil.copy(_FILES / "containerd.toml", node / "etc/containerd/config.toml")
    shutil.copy(_FILES / "kubelet-node.conf", node / "etc/kubernetes/kubelet.conf.d/10-node.conf")
    _units(node)
    for name in ("etc/machine-id", "var/lib/dbus/machine-id"):
        (node / name).unlink(missing_ok=True)
    (node / "etc/machine-id").touch()


def _copy(source: Path, target: Path, *names: str) -> None:
    for name in names:
        shutil.copy(source / name, target / name)


def _units(node: Path) -> None:
    """Two services and the pod network run; nothing else of a machine's start is wanted."""
    system, own = node / "usr/lib/systemd/system", node / "etc/systemd/system"
    for directory in (*own.glob("*.wants"), *(system / name for name in _UNITS_OF_A_MACHINE)):
        for link in directory.iterdir():
            link.unlink()
    for link in (system / "sockets.target.wants").glob("systemd-udevd*"):
        link.unlink()
    wanted = own / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    _copy(_FILES, own, "containerd.service", "kubelet.service", "pod-network.service", "pod-network.path")
    for name in ("containerd.service", "kubelet.service", "pod-network.path"):
        os.symlink(f"/etc/systemd/system/{name}", wanted / name)
    (own / "default.target").unlink(missing_ok=True)
    os.symlink("/lib/systemd/system/multi-user.target", own / "default.target")
