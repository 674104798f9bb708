"""What the tests of a release share: the release, made once in a copy of this clone."""

import shutil
import subprocess
import zipfile
from functools import cache
from pathlib import Path

from rig import prepare
from rig.workspace import ROOT, RUNS, progress

PLATFORMS = ("linux-x86_64", "linux-aarch64")


def setup() -> None:
    """Before the first test: an empty directory for this run."""
    prepare.tools()
    prepare.tools(("cpio", "debootstrap", "qemu-aarch64-static", "readelf", "unshare"))
    shutil.rmtree(directory(), ignore_errors=True)
    directory().mkdir(parents=True)


def teardown() -> None:
    """After the last test."""


def directory() -> Path:
    """What this run leaves behind."""
    return RUNS / "release"


@cache
def release() -> Path:
    """The directory that .ci/release has filled."""
    return made_in("release")


def made_in(name: str) -> Path:
    """The same, in a copy of this clone of that name: with other paths, and nothing built before."""
    copy = directory() / name
    progress(f"making a release in {copy} (about 20 minutes on two cores)")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    copy.mkdir(parents=True)
    subprocess.run(["cpio", "--null", "-pdm", "--quiet", str(copy)], cwd=ROOT, input=files, check=True)
    prepare.run([str(copy / ".ci" / "release")], limit=5400, environment=prepare.build_environment())
    return copy / "build" / "release"


@cache
def jar() -> Path:
    """The jar of the release."""
    (found,) = release().glob("flink-kube-ha-*.jar")
    return found


@cache
def library(platform: str) -> Path:
    """A native library, out of the jar."""
    with zipfile.ZipFile(jar()) as content:
        (name,) = (name for name in content.namelist() if f"/{platform}/" in name and name.endswith(".so"))
        return Path(content.extract(name, directory() / "unpacked"))
