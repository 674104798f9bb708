"""What the pointers in a ConfigMap point to, and whether it is there. Nothing is deserialized."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from .kubernetes import Json

# Where Java's serialization of stock's wrapper has ended with the names of its fields, their values begin with the marker.
_FIELDS_END = b";xp"
_FILE = re.compile(rb"file:(/[\x21-\x7e]+)x")


@dataclass(frozen=True)
class Pointer:
    """One pointer as it stands in a ConfigMap."""

    key: str
    file: Path
    marked: bool  # its removal has begun: the file may be gone


def pointers(config_map: Json | None, prefix: str) -> list[Pointer]:
    """The pointers under keys with that prefix, in the order of the keys."""
    data = (config_map or {}).get("data", {})
    return [_pointer(key, data[key]) for key in sorted(data) if key.startswith(prefix)]


def _pointer(key: str, text: str) -> Pointer:
    raw = base64.b64decode(text)
    found = _FILE.search(raw)
    assert found, f"{key} points to no file"
    marker = raw.index(_FIELDS_END) + len(_FIELDS_END)
    return Pointer(key, Path(found[1].decode()), raw[marker] == 1)


def dangling(config_map: Json | None, prefix: str) -> list[str]:
    """The keys whose file is gone although their removal has not begun; empty is good."""
    return [one.key for one in pointers(config_map, prefix) if not one.marked and not one.file.is_file()]
