"""A server that keeps a container as Azure's store of blobs does, and checks signatures."""

import os
import re
import urllib.request
from pathlib import Path

from . import prepare
from .object_server import BUCKET, ObjectServer
from .processes import free_port

# The key is Base64, as Azure hands keys out.
_ACCOUNT, _KEY = "flinktests", "a2V5LW9mLXRoZS1yaWc="


class Azurite(ObjectServer):
    """Serves one container, out of memory."""

    root = f"abfs://{BUCKET}@{_ACCOUNT}.dfs.core.windows.net/ha"

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        port = free_port()
        account = {"ACCOUNT": _ACCOUNT, "KEY": _KEY}
        command = [str(prepare.azurite()), str(port), BUCKET]
        super().__init__("azurite", command, directory, port, {**os.environ, **account})

    @property
    def settings(self) -> dict[str, str]:
        return {
            "fs.azure.abfs.endpoint": f"127.0.0.1:{self._port}",
            "fs.azure.always.use.https": "false",
            f"fs.azure.account.key.{_ACCOUNT}.dfs.core.windows.net": _KEY,
        }

    def objects(self) -> list[str]:
        listing = f"http://127.0.0.1:{self._port}/{_ACCOUNT}/{BUCKET}?restype=container&comp=list"
        with urllib.request.urlopen(listing, timeout=10) as answer:
            return sorted(re.findall(r"<Name>([^<]*)</Name>", answer.read().decode()))
