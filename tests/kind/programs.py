"""What a kind cluster is made of where no image can be pulled: Go programs, a Debian root, a Java runtime.

Each is built once into the cache, under a key of its versions and sources.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rig import prepare
from rig.workspace import CACHE, TESTS, content_key, progress

HERE = TESTS / "kind"
KIND = "v0.33.0"
_CONTAINERD = "v2.3.7"
_NETWORK_PLUGINS = "v1.9.1"
_CONTAINERD_TAGS = "no_aufs no_zfs no_btrfs no_devmapper"
# systemd 252 of this release still manages control groups of version 1.
_DEBIAN = "bookworm"
_NODE_PACKAGES = (
    "ca-certificates,conntrack,dbus,ethtool,iproute2,iptables,kmod,mount,nftables,procps,runc,socat,systemd,systemd-sysv"
)
# The programs that bringing up a cluster takes, and the Debian packages that bring them.
_PACKAGES = {
    "docker": "docker.io",
    "dockerd": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "iptables-save": "iptables",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
}


def why_not() -> str:
    """Why no cluster can be brought up on this machine; empty if nothing speaks against it."""
    if os.geteuid() != 0:
        return "a Docker daemon of its own needs root"
    missing = _missing_packages()
    if missing and not shutil.which("apt-get"):
        return f"missing here, and there is no apt-get: {', '.join(missing)}"
    return ""


def _missing_packages() -> list[str]:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return sorted({package for program, package in _PACKAGES.items() if not shutil.which(program, path=path)})


def docker() -> None:
    """Installs Docker and what else is missing from Debian; nothing is started."""
    missing = _missing_packages()
    if missing:
        prepare.install(missing)


def _programs_entry() -> Path:
    sources = [HERE / name / file for name in ("coredns", "pause") for file in ("main.go", "go.mod")]
    sources.append(HERE / "coredns" / "go.sum")
    return CACHE / "kind" / f"programs-{content_key(sources, KIND, _CONTAINERD, _NETWORK_PLUGINS)}"


def _root_entry() -> Path:
    return CACHE / "kind" / f"root-{content_key([], _DEBIAN, _NODE_PACKAGES)}"


def are_ready() -> bool:
    """Whether everything is built that takes minutes."""
    return _programs_entry().exists() and _root_entry().exists()


@cache
def go_programs() -> Path:
    """A directory with kind, containerd, its shim, ctr, the network plug-ins, coredns and pause."""
    target = _programs_entry()
    with prepare.to_make(target) as missing:
        if missing:
            prepare.go()
            progress("building kind, containerd, CoreDNS and network plug-ins (about 3 minutes on two cores the first time)")
            scratch = Path(tempfile.mkdtemp(prefix="programs-", dir=target.parent))
            scratch.chmod(0o755)
            _install(scratch, [f"sigs.k8s.io/kind@{KIND}"])
            for plugin in ("main/ptp", "main/loopback", "ipam/host-local", "meta/portmap"):
                _install(scratch, [f"github.com/containernetworking/plugins/plugins/{plugin}@{_NETWORK_PLUGINS}"])
            module = "github.com/containerd/containerd/v2"
            stamp = f"-X {module}/version.Version={_CONTAINERD.removeprefix('v')}"
            for command in ("containerd", "ctr", "containerd-shim-runc-v2"):
                _install(scratch, ["-tags", _CONTAINERD_TAGS, f"{module}/cmd/{command}@{_CONTAINERD}"], stamp)
            for name in ("coredns", "pause"):
                build = ["go", "build", "-C", str(HERE / name), "-buildvcs=false", "-ldflags", "-s -w"]
                prepare.run([*build, "-o", str(scratch / name), "."], environment=_go_environment(scratch), limit=1800)
            scratch.rename(target)
    return target


def _install(target: Path, what: Sequence[str], stamp: str = "") -> None:
    command = ["go", "install", "-buildvcs=false", "-ldflags", f"-s -w {stamp}".strip(), *what]
    prepare.run(command, environment=_go_environment(target), limit=1800)


def _go_environment(target: Path) -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(target)}


@cache
def debian_root() -> Path:
    """A Debian root directory, for nodes and for Flink's image."""
    target = _root_entry()
    with prepare.to_make(target) as missing:
        if missing:
            docker()
            progress(f"making a Debian root ({_DEBIAN}, about a minute)")
            scratch = Path(tempfile.mkdtemp(prefix="root-", dir=target.parent))
            scratch.chmod(0o755)
            command = ["debootstrap", "--variant=minbase", f"--include={_NODE_PACKAGES}", _DEBIAN, str(scratch / "root")]
            with (target.parent / "debootstrap.log").open("w") as log:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=1800)
            if done.returncode:
                raise SystemExit(f"debootstrap failed:\n{Path(log.name).read_text()[-2000:]}")
            (scratch / "root").rename(target)
            scratch.rmdir()
    return target


@cache
def java_runtime() -> Path:
    """A Java runtime for Flink's image: all modules of this machine's JDK that have no window."""
    home = prepare.java_home()
    release = (home / "release").read_text()
    target = CACHE / "kind" / f"java-{content_key([], release)}"
    with prepare.to_make(target) as missing:
        if missing:
            progress("making a Java runtime")
            modules = "java.se,jdk.crypto.ec,jdk.naming.dns,jdk.unsupported,jdk.zipfs,jdk.management,jdk.jcmd,jdk.localedata"
            scratch = target.with_name(f"{target.name}.new")
            shutil.rmtree(scratch, ignore_errors=True)
            command = [str(home / "bin" / "jlink"), "--add-modules", modules, "--strip-java-debug-attributes"]
            command += ["--no-header-files", "--no-man-pages", "--output", str(scratch)]
            prepare.run(command, limit=600)
            scratch.rename(target)
    return target


def everything() -> None:
    """All that can be made before a cluster is wanted; nothing where there can be none."""
    if why_not():
        return
    docker()
    go_programs()
    debian_root()
    java_runtime()
