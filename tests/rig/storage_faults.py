"""Files in storage that cannot be read, for reasons that rights have no part in: the rig may be root."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def garbled(file: Path) -> Iterator[None]:
    """Other bytes than were written stand in the file, as many as there were."""
    right = file.read_bytes()
    file.write_bytes(bytes(255 - byte for byte in right))
    try:
        yield
    finally:
        file.write_bytes(right)
