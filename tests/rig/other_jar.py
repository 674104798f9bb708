"""Our jar once more, as another version of it."""

import hashlib
import os
import zipfile
from pathlib import Path

VERSION = "0.0.9"


def other_version(jar: Path, directory: Path) -> Path:
    """The release that FLINKKUBEHA_OTHER_JAR names, or `jar` with another version wherever it says its own."""
    named = os.environ.get("FLINKKUBEHA_OTHER_JAR")
    if named:
        return Path(named).resolve()
    with zipfile.ZipFile(jar) as source:
        content = {entry: source.read(entry) for entry in source.namelist() if not entry.endswith("/")}
    own = content["META-INF/flink-kube-ha.properties"].decode().strip().removeprefix("version=")
    assert len(own) == len(VERSION), f"the library has room for {len(own)} characters"
    old_hashes = {}
    for entry in [entry for entry in content if entry.endswith(".so")]:
        library = content[entry]
        content[entry] = library.replace(own.encode(), VERSION.encode())
        old_hashes[hashlib.sha256(library).hexdigest()] = hashlib.sha256(content[entry]).hexdigest()

    def renamed(text: str) -> str:
        for old, new in old_hashes.items():
            text = text.replace(old, new).replace(old[:12], new[:12])
        return text.replace(own, VERSION)

    made = directory / renamed(jar.name)
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for entry, data in content.items():
            textual = entry.endswith((".properties", ".MF"))
            target.writestr(renamed(entry), renamed(data.decode()) if textual else data)
    return made
