"""Storage that fails, for reasons that rights have no part in: the rig may be root."""

import contextlib
import subprocess
import threading
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


class SmallDisk:
    """A file system of its own below a directory, which can run full; to be made by root."""

    def __init__(self, directory: Path, mebibytes: int = 8) -> None:
        self._directory, self._filler = directory, directory / "filler-of-somebody-else"
        command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(directory)]
        subprocess.run(command, check=True, capture_output=True)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """No byte more can be written: ENOSPC. What others delete meanwhile is filled up, too."""
        ended = threading.Event()

        def fill() -> None:
            with self._filler.open("wb", buffering=0) as file:
                while not ended.is_set():
                    try:
                        file.write(bytes(4096))
                    except OSError:
                        ended.wait(0.002)

        filling = threading.Thread(target=fill, name="filler", daemon=True)
        filling.start()
        try:
            yield
        finally:
            ended.set()
            filling.join()
            self._filler.unlink()

    def close(self) -> None:
        """Takes it away, even if somebody still has a file open there."""
        subprocess.run(["umount", "--lazy", str(self._directory)], check=True, capture_output=True)
