"""Single jars from Maven Central: those of Flink that its Python packages leave out, and what the benchmarks use."""

import os
import urllib.request
from pathlib import Path

from .workspace import CACHE, progress

# FLINKKUBEHA_MAVEN names a mirror.
_REPOSITORY = os.environ.get("FLINKKUBEHA_MAVEN") or "https://repo.maven.apache.org/maven2"


def flink_jar(name: str, version: str) -> Path:
    """The jar of one of Flink's modules."""
    return jar("org.apache.flink", name, version)


def jar(group: str, name: str, version: str) -> Path:
    """Any jar."""
    file = CACHE / "maven" / f"{name}-{version}.jar"
    if not file.exists():
        progress(f"downloading {file.name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        address = f"{_REPOSITORY}/{group.replace('.', '/')}/{name}/{version}/{file.name}"
        with urllib.request.urlopen(address, timeout=120) as source:
            new.write_bytes(source.read())
        new.rename(file)
    return file
