"""A real HDFS: two NameNodes and a DataNode."""

import os
import urllib.request
from pathlib import Path

from . import prepare
from .object_server import ObjectServer
from .processes import free_port


class HdfsServer(ObjectServer):
    """Serves until it is stopped; the files are gone then."""

    # Of the default file system.
    root = "hdfs:/ha"
    start_limit = 180

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.configuration = directory / "conf"
        port = free_port()
        super().__init__("hdfs-server", [str(prepare.hdfs_server()), str(port)], directory, port, os.environ)

    @property
    def settings(self) -> dict[str, str]:
        return {"env.hadoop.conf.dir": str(self.configuration)}

    def objects(self) -> list[str]:
        return [path.removeprefix("/") for path in self.tell("files").splitlines()]

    def tell(self, what: str) -> str:
        """What the server does, or says, at this path."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{what}", timeout=60) as answer:
            return answer.read().decode()
