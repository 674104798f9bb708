#!/usr/bin/env python3
"""What the library is linked from: the licences that go into the jar, and the bill of materials that goes beside it.

    rust/materials.py licences    writes rust/THIRD-PARTY
    rust/materials.py check       says whether that file is what it would be written as
    rust/materials.py sbom        prints a bill of materials as CycloneDX 1.5 has it, for the library and the command

Both come from Cargo.lock and the sources that cargo has fetched, so they are the same wherever they are made.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
THIRD_PARTY = ROOT / "rust" / "THIRD-PARTY"
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
LIBRARY, COMMAND = "flink-kube-ha", "flink-ha"
_TEXT = re.compile(r"^(LICEN[CS]E|COPYING|NOTICE|COPYRIGHT)", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Crate:
    """A published package that is linked in."""

    name: str
    version: str
    licence: str
    source: str
    folder: Path

    def texts(self) -> Iterable[str]:
        """Its licences and notices, as it is published with them."""
        for file in sorted(self.folder.iterdir()):
            if file.is_file() and _TEXT.match(file.name):
                yield "\n".join(line.rstrip() for line in file.read_text("utf-8", "replace").strip().splitlines())


def _cargo(*arguments: str) -> str:
    command = ["cargo", *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def crates(package: str) -> list[Crate]:
    """What is in the program or library of that name, for any target; macros run while it is built and are not."""
    linked = set[tuple[str, str]]()
    for target in TARGETS:
        edges = ("--edges=normal,no-proc-macro", "--prefix=none", "--format={p}")
        for line in _cargo("tree", f"--package={package}", f"--target={target}", *edges).splitlines():
            name, version = line.split()[:2]
            linked.add((name, version.removeprefix("v")))
    found = (package for package in json.loads(_cargo("metadata", "--format-version=1"))["packages"] if package["source"])
    return sorted(
        Crate(
            package["name"],
            package["version"],
            (package["license"] or "see its text").replace("/", " OR "),
            package["repository"] or f"https://crates.io/crates/{package['name']}",
            Path(package["manifest_path"]).parent,
        )
        for package in found
        if (package["name"], package["version"]) in linked
    )


def licences() -> str:
    """Every crate of the library with its licence, and every text once."""
    linked = crates(LIBRARY)
    lines = ["The native library of flink-kube-ha is linked from these packages, each under its own licence.", ""]
    lines += [f"{crate.name} {crate.version} ({crate.licence}) {crate.source}" for crate in linked]
    bearers = defaultdict[str, list[Crate]](list)
    for crate in linked:
        for text in crate.texts():
            bearers[text].append(crate)
    for text, of in sorted(bearers.items(), key=lambda entry: entry[1]):
        names = ", ".join(dict.fromkeys(f"{crate.name} {crate.version}" for crate in of))
        lines += ["", "=" * 80, names, "=" * 80, "", text]
    return "\n".join(lines) + "\n"


def sbom() -> str:
    """A bill of materials for library and command, with the checksums of Cargo.lock."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(entry["name"], entry["version"]): entry["checksum"] for entry in lock if "checksum" in entry}
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    linked = {package: crates(package) for package in (LIBRARY, COMMAND)}

    def purl(crate: Crate) -> str:
        return f"pkg:cargo/{crate.name}@{crate.version}"

    components = [
        {
            "type": "library",
            "bom-ref": purl(crate),
            "name": crate.name,
            "version": crate.version,
            "purl": purl(crate),
            "licenses": [{"expression": crate.licence}],
            "hashes": [{"alg": "SHA-256", "content": checksums[crate.name, crate.version]}],
        }
        for crate in sorted({crate for of in linked.values() for crate in of})
    ]
    parts = [{"type": "library", "bom-ref": name, "name": name, "version": version} for name in linked]
    product = {"type": "application", "bom-ref": "release", "name": LIBRARY, "version": version}
    dependencies = [{"ref": "release", "dependsOn": list(linked)}]
    dependencies += [{"ref": name, "dependsOn": [purl(crate) for crate in of]} for name, of in linked.items()]
    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {"component": product},
            "components": parts + components,
            "dependencies": dependencies,
        },
        indent=1,
    )


def main() -> None:
    """The command line."""
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if what == "licences":
        THIRD_PARTY.write_text(licences())
    elif what == "check":
        if not THIRD_PARTY.exists() or THIRD_PARTY.read_text() != licences():
            sys.exit("rust/THIRD-PARTY is not what Cargo.lock says: run rust/materials.py licences.")
    elif what == "sbom":
        print(sbom())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
