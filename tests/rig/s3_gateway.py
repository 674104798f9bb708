"""A gateway that speaks S3 with signatures, in front of a directory in which a test can look."""

import os
from collections.abc import Sequence
from pathlib import Path

from . import prepare
from .object_server import BUCKET, ObjectServer
from .processes import free_port

ACCESS_KEY, SECRET_KEY = "access-key-of-the-rig", "secret-key-of-the-rig"


class S3Gateway(ObjectServer):
    """Serves one bucket."""

    root = f"s3://{BUCKET}/ha"

    def __init__(self, directory: Path, options: Sequence[str] = ()) -> None:
        """`options` of the gateway in addition."""
        self._objects = directory / "objects"
        (self._objects / BUCKET).mkdir(parents=True)
        known = directory / "known"
        known.mkdir()
        port = free_port()
        command = [str(prepare.s3_gateway()), "--port", f"127.0.0.1:{port}", "--quiet", *options, "posix"]
        # Beside the objects, so that the file system need not have extended attributes.
        command += ["--sidecar", str(known), str(self._objects)]
        keys = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        super().__init__("s3-gateway", command, directory, port, {**os.environ, **keys})

    @property
    def settings(self) -> dict[str, str]:
        return {
            "s3.endpoint": f"http://127.0.0.1:{self._port}",
            "s3.path.style.access": "true",
            "s3.access-key": ACCESS_KEY,
            "s3.secret-key": SECRET_KEY,
            # Hadoop's client would otherwise delete objects in the place of directories, and here they are directories.
            "s3.directory.marker.retention": "keep",
        }

    def objects(self) -> list[str]:
        bucket = self._objects / BUCKET
        return sorted(str(file.relative_to(bucket)) for file in bucket.rglob("*") if file.is_file())
