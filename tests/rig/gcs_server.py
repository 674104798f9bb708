"""A server that keeps a bucket as Google Cloud Storage does, and checks the tokens of its one account."""

import os
import urllib.request
from pathlib import Path

from . import prepare
from .object_server import BUCKET, ObjectServer
from .processes import free_port


class GcsServer(ObjectServer):
    """Serves one bucket, out of memory."""

    root = f"gs://{BUCKET}/ha"

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._credentials = directory / "credentials.json"
        port = free_port()
        command = [str(prepare.gcs_server()), "--port", str(port), "--bucket", BUCKET]
        super().__init__("gcs-server", [*command, "--credentials", str(self._credentials)], directory, port, os.environ)

    @property
    def settings(self) -> dict[str, str]:
        return {
            "gs.storage.root.url": f"http://127.0.0.1:{self._port}",
            "gs.auth.service.account.json.keyfile": str(self._credentials),
        }

    def objects(self) -> list[str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/_names", timeout=10) as answer:
            return sorted(answer.read().decode().split("\n")[:-1])
