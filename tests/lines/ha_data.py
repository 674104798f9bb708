"""Reads HA data as neither side does it: pointers by their bytes, files by their names."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from rig.kubernetes import Json

# What stands before the delete marker: stock's wrapper class and the names of its two fields.
_WRAPPER = re.compile(
    rb"\xac\xed\x00\x05sr\x00corg\.apache\.flink\.kubernetes\.highavailability\.KubernetesStateHandleStore"
    rb"\$StateHandleWithDeleteMarker\x1b\xadD\x80\xef\x86\x0d\x7c.*?RetrievableStateHandle;xp([\x00\x01])sr",
    re.DOTALL,
)
_POINTER = re.compile(
    r"^(executionPlan|jobGraph|application|checkpointID)-",
)


@dataclass(frozen=True)
class Pointer:
    """What a value in a ConfigMap points to."""

    file: str
    size: int
    marked: bool


def pointer(value: str) -> Pointer:
    """Reads the text of a state handle."""
    data = base64.b64decode(value, validate=True)
    wrapper = _WRAPPER.match(data)
    assert wrapper, f"not in the wrapper of Flink 1.19 and later: {data!r}"
    # The URI is the last thing in it: TC_STRING, its length, its text, TC_ENDBLOCKDATA.
    uri = re.search(rb"t(..)(file:/[^\x00]*)x$", data, re.DOTALL)
    assert uri and int.from_bytes(uri[1], "big") == len(uri[2]), f"no URI at the end: {data!r}"
    size = re.search(rb"Lorg/apache/flink/core/fs/Path;xp(.{8})sr", data, re.DOTALL)
    assert size, f"no size: {data!r}"
    path = uri[2].decode().removeprefix("file:")
    return Pointer(path, int.from_bytes(size[1], "big"), wrapper[1] == b"\x01")


def pointers(*config_maps: Json) -> dict[str, Pointer]:
    """All pointers in these ConfigMaps, by key."""
    data = {key: value for one in config_maps for key, value in one.get("data", {}).items()}
    return {key: pointer(value) for key, value in sorted(data.items()) if _POINTER.match(key)}


def state_files(directory: Path) -> list[str]:
    """The files that pointers may point to, below a storage directory."""
    return sorted(str(file) for file in directory.glob("default/*") if file.is_file())
