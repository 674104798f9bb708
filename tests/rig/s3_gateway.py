"""A gateway that speaks S3 with signatures, in front of a directory in which a test can look."""

import os
import socket
from pathlib import Path

from . import prepare
from .processes import Child, free_port
from .waiting import wait_until

ACCESS_KEY, SECRET_KEY = "access-key-of-the-rig", "secret-key-of-the-rig"
BUCKET = "flink"


class S3Gateway:
    """Serves one bucket until `stop`."""

    def __init__(self, directory: Path) -> None:
        self._objects = directory / "objects"
        (self._objects / BUCKET).mkdir(parents=True)
        known = directory / "known"
        known.mkdir()
        self._port = free_port()
        command = [str(prepare.s3_gateway()), "--port", f"127.0.0.1:{self._port}", "--quiet", "posix"]
        keys = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        self._child = Child(
            "s3-gateway",
            # Beside the objects, so that the file system need not have extended attributes.
            [*command, "--sidecar", str(known), str(self._objects)],
            directory / "s3-gateway.log",
            environment={**os.environ, **keys},
            directory=directory,
        )
        wait_until(self._answers, "the S3 gateway", 30, hint=self._child.tail)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    @property
    def settings(self) -> dict[str, str]:
        """What Flink is told, as its documentation of S3 says."""
        return {
            "s3.endpoint": f"http://127.0.0.1:{self._port}",
            "s3.path.style.access": "true",
            "s3.access-key": ACCESS_KEY,
            "s3.secret-key": SECRET_KEY,
            # Hadoop's client would otherwise delete objects in the place of directories, and here they are directories.
            "s3.directory.marker.retention": "keep",
        }

    def objects(self) -> list[str]:
        """The keys in the bucket."""
        bucket = self._objects / BUCKET
        return sorted(str(file.relative_to(bucket)) for file in bucket.rglob("*") if file.is_file())

    def stop(self) -> None:
        self._child.stop(5)
