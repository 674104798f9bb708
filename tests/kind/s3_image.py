"""The image of the gateway to S3: nothing but its program."""

import shutil
import tempfile
from pathlib import Path

from rig import prepare

from . import node_image
from .docker import Docker

IMAGE = "s3-gateway:tests"


def build(docker: Docker) -> None:
    """Makes it."""
    with tempfile.TemporaryDirectory(dir=docker.directory) as scratch:
        files = Path(scratch)
        (files / "tmp").mkdir()
        shutil.copy(prepare.s3_gateway(), files / "s3-gateway")
        node_image.import_directory(docker, files, IMAGE, 'ENTRYPOINT ["/s3-gateway"]')
