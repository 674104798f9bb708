"""The jar is loaded on systems old and new, on the oldest and the newest Java, by a user who may write to nothing but /tmp."""

import subprocess
import unittest
from functools import cache
from pathlib import Path

from rig import prepare
from rig.workspace import FLINK_VERSION

from . import base, systems

_ENTRY = "io.flinkkubeha.tests.LoadLibrary"


@cache
def _classes() -> Path:
    classes = base.directory() / "classes"
    source = str(Path(__file__).parent / "LoadLibrary.java")
    javac = str(prepare.java_home() / "bin" / "javac")
    prepare.run([javac, "--release", "11", "-cp", str(base.jar()), "-d", str(classes), source], limit=120)
    return classes


def _command(java: str, class_path: list[str]) -> list[str]:
    return [java, "-Xmx64m", "-cp", ":".join(class_path), _ENTRY]


class Systems(unittest.TestCase):
    """A system of each kind, in a directory."""

    def _load(self, suite: str, release: int, tmp: str = "exec") -> "subprocess.CompletedProcess[str]":
        java = prepare.java(release).parent.parent
        flink = prepare.flink_home(FLINK_VERSION) / "lib"
        files = {java: "/opt/java", flink: "/opt/flink", base.jar(): "/opt/flink-kube-ha.jar", _classes(): "/opt/classes"}
        command = _command("/opt/java/bin/java", ["/opt/flink-kube-ha.jar", "/opt/classes", "/opt/flink/*"])
        return systems.run_in(systems.system(suite), command, files, tmp)

    def test_loads_on_old_and_new_ones(self) -> None:
        for suite in systems.ARCHIVES:
            for release in (11, 25):
                with self.subTest(system=suite, java=release):
                    done = self._load(suite, release)
                    self.assertRegex(done.stdout, "(?m)^loaded .* on amd64", done.stdout)
                    print(f"{suite}, glibc {systems.glibc(systems.system(suite))}: {done.stdout.strip().splitlines()[-1]}")

    def test_says_what_to_set_where_nothing_can_be_run_from_the_directory_for_temporary_files(self) -> None:
        done = self._load("bullseye", 11, tmp="noexec")
        self.assertNotEqual(0, done.returncode)
        self.assertRegex(done.stdout, "cannot be run from /tmp.* mounted noexec: .*-Dflinkkubeha.tmpdir")

    def test_says_what_is_wrong_on_musl(self) -> None:
        flink = prepare.flink_home(FLINK_VERSION) / "lib"
        files = {flink: "/opt/flink", base.jar(): "/opt/flink-kube-ha.jar", _classes(): "/opt/classes"}
        command = _command("/opt/java/bin/java", ["/opt/flink-kube-ha.jar", "/opt/classes", "/opt/flink/*"])
        for as_on_alpine in (True, False):
            with self.subTest(as_on_alpine=as_on_alpine):
                done = systems.run_in(systems.musl(as_on_alpine), command, files)
                self.assertNotEqual(0, done.returncode)
                self.assertRegex(done.stdout, "needs glibc, but this process runs on musl.*: use an image with glibc")

    def test_loads_on_aarch64_under_emulation(self) -> None:
        root = systems.system("bookworm", "--arch=arm64", "--foreign")
        java = prepare.java_for_aarch64()
        flink = prepare.flink_home(FLINK_VERSION) / "lib"
        command = _command(str(java), [str(base.jar()), str(_classes()), f"{flink}/*"])
        done = subprocess.run(
            ["qemu-aarch64-static", "-L", str(root), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        self.assertRegex(done.stdout, "(?m)^loaded .* on aarch64", done.stdout)
        print(f"aarch64: {done.stdout.strip().splitlines()[-1]}")
