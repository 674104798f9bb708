"""HA services on a store and BLOB servers on them (stores/Stores.java), for what would take whole JobManagers too long."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from . import java_program
from .control_plane import Namespace
from .conversation import SOURCES, Conversation, as_arguments, settings
from .workspace import FLINK_VERSION, TESTS

_PIECE = 1 << 20


def services(
    namespace: Namespace,
    directory: Path,
    name: str,
    jars: Sequence[Path],
    root: str,
    store: Mapping[str, str],
    environment: Mapping[str, str] = MappingProxyType({}),
    heap: str = "96m",
) -> Conversation:
    """A program that opens them below `root`, with what Flink is told of the store."""
    classes = java_program.compiled([*SOURCES, *sorted((TESTS / "stores").glob("*.java"))], FLINK_VERSION)
    values = {**settings(namespace, namespace.kubeconfig(label=name), "stores", root, name), **store}
    work = directory / name
    arguments = [str(directory / f"{name}-work"), *as_arguments(values)]
    entry = "io.flinkkubeha.tests.stores.Stores"
    return Conversation(
        name, entry, classes, FLINK_VERSION, jars, work, arguments, [f"-Xmx{heap}"], environment=environment
    )


def make_file(file: Path, size: int) -> str:
    """Fills a file with that many bytes by chance, whole MiB; the SHA-256 of them."""
    digest = hashlib.sha256()
    with file.open("wb") as sink:
        for _ in range(size // _PIECE):
            piece = os.urandom(_PIECE)
            digest.update(piece)
            sink.write(piece)
    return digest.hexdigest()
