"""What servers of object stores have in common: a process that serves one bucket until it is stopped."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from .processes import Child
from .waiting import wait_until

# The bucket, or what else the store calls it.
BUCKET = "flink"


class ObjectServer:
    """A server that answers when it is made."""

    # A storage directory there, as a URI.
    root: str
    # How long it may take to start, in seconds.
    start_limit: float = 120

    def __init__(self, name: str, command: Sequence[str], directory: Path, port: int, environment: Mapping[str, str]) -> None:
        self._port = port
        log = directory / f"{name}.log"
        self._child = Child(name, list(command), log, environment=dict(environment), directory=directory)
        wait_until(self._answers, name, self.start_limit, hint=self._child.tail)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    @property
    def settings(self) -> dict[str, str]:
        """What Flink is told, as its documentation of the store says."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._port}"

    def settings_by_way_of(self, address: str) -> dict[str, str]:
        """The same settings with another address for the server."""
        return {key: value.replace(self.address, address) for key, value in self.settings.items()}

    def objects(self) -> list[str]:
        """The names of all objects there are."""
        raise NotImplementedError

    def stop(self) -> None:
        self._child.stop(5)
