"""The files of a release."""

import hashlib
import json
import subprocess
import unittest
import zipfile

from rig.workspace import ROOT

from . import base


class Release(unittest.TestCase):
    """As .ci/release leaves it. What may be in the jar, gradle checkJar has compared before."""

    def test_jar_is_small_and_carries_both_libraries_and_all_licences(self) -> None:
        self.assertLess(base.jar().stat().st_size, 25_000_000)
        with zipfile.ZipFile(base.jar()) as content:
            for platform in base.PLATFORMS:
                self.assertTrue([name for name in content.namelist() if f"/{platform}/" in name], platform)
            self.assertEqual((ROOT / "rust" / "THIRD-PARTY").read_bytes(), content.read("META-INF/THIRD-PARTY"))
            for entry in sorted(content.infolist(), key=lambda entry: -entry.file_size)[:4]:
                print(f"{entry.file_size / 1e6:6.2f} MB  {entry.filename}")
        print(f"{base.jar().stat().st_size / 1e6:6.2f} MB  {base.jar().name}")

    def test_hashes_are_those_of_the_files(self) -> None:
        lines = (base.release() / "SHA256SUMS").read_text().splitlines()
        listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
        files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in base.release().iterdir()}
        del files["SHA256SUMS"]
        self.assertEqual(files, listed)

    def test_bill_of_materials_names_every_package_of_the_lock_file_that_is_linked(self) -> None:
        materials = json.loads((base.release() / "flink-kube-ha.cdx.json").read_text())
        named = {f"{part['name']} {part['version']}" for part in materials["components"] if "hashes" in part}
        tree = ["cargo", "tree", "--workspace", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}"]
        linked = subprocess.run(tree, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in filter(None, linked.splitlines()):
            name, version = line.split()[:2]
            if name not in ("flink-kube-ha", "flink-ha"):
                self.assertIn(f"{name} {version.removeprefix('v')}", named)

    def test_command_runs(self) -> None:
        said = subprocess.run([base.release() / "flink-ha-linux-x86_64", "--version"], stdout=subprocess.PIPE, text=True)
        self.assertRegex(said.stdout, r"^flink-ha \d")
