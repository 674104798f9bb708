"""Images of Flink: stock, and what the Dockerfile for users makes of it."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from rig import prepare
from rig.workspace import FLINK_VERSION, progress

from . import node_image, programs
from .docker import Docker

STOCK = f"flink:{FLINK_VERSION}"
OURS = f"flink-with-kube-ha:{FLINK_VERSION}"
_MANIFESTS = programs.HERE / "manifests"
# What of Flink's files an image has.
_PARTS = ("bin", "conf", "lib", "plugins")


def build(docker: Docker) -> None:
    """Both images."""
    progress("making the images of Flink")
    with tempfile.TemporaryDirectory(dir=docker.directory) as scratch:
        _build_stock(docker, Path(scratch) / "stock")
        context = Path(scratch) / "ours"
        context.mkdir()
        jar = prepare.jar()
        # The Dockerfile takes the version out of the name of the jar.
        version = jar.stem.removeprefix("flink-kube-ha-") if jar.name.startswith("flink-kube-ha-") else "tests"
        shutil.copy(jar, context / f"flink-kube-ha-{version}.jar")
        shutil.copy(_MANIFESTS / "Dockerfile", context)
        docker.run("build", "--build-arg", f"VERSION={version}", "--tag", OURS, str(context))


def _build_stock(docker: Docker, files: Path) -> None:
    """Stands for the image that Flink publishes: the same paths, the same entry point, the same user."""
    files.mkdir()
    node_image.copy_root(files)
    # Nothing of this starts in a pod.
    shutil.rmtree(files / "usr/lib/systemd")
    with (files / "etc/passwd").open("a") as users:
        users.write("flink:x:9999:9999::/opt/flink:/bin/bash\n")
    flink = files / "opt/flink"
    (flink / "usrlib").mkdir(parents=True)
    for part in _PARTS:
        subprocess.run(["cp", "-rL", str(prepare.flink_home() / part), str(flink)], check=True)
    shutil.copy(prepare.counting_job(), flink / "usrlib")
    for name in ("log", "conf"):
        (flink / name).mkdir(exist_ok=True)
        (flink / name).chmod(0o777)
    subprocess.run(["cp", "-r", str(programs.java_runtime()), str(files / "opt/java")], check=True)
    shutil.copy(programs.HERE / "flink" / "docker-entrypoint.sh", files)
    node_image.import_directory(
        docker,
        files,
        STOCK,
        "ENV FLINK_HOME=/opt/flink",
        "ENV JAVA_HOME=/opt/java",
        "ENV PATH=/opt/flink/bin:/opt/java/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "WORKDIR /opt/flink",
        'ENTRYPOINT ["/docker-entrypoint.sh"]',
    )
