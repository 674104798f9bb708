"""Storage that fails, with errors that rights have no part in: the rig may be root."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def away(directory: Path) -> Iterator[None]:
    """A file stands in place of the directory: whatever is done below it is an I/O error."""
    aside = directory.with_name(f"{directory.name}.away")
    directory.rename(aside)
    directory.touch()
    try:
        yield
    finally:
        directory.unlink()
        aside.rename(directory)


@contextlib.contextmanager
def missing(file: Path) -> Iterator[None]:
    """The file is not there."""
    aside = file.with_name(f".{file.name}.aside")
    file.rename(aside)
    try:
        yield
    finally:
        aside.rename(file)


@contextlib.contextmanager
def garbled(file: Path) -> Iterator[None]:
    """Other bytes than were written stand in the file, as many as there were."""
    right = file.read_bytes()
    file.write_bytes(bytes(255 - byte for byte in right))
    try:
        yield
    finally:
        file.write_bytes(right)
