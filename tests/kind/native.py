"""Flink's native integration on kind: the commands for users, and pods that JobManagers make."""

import os
import subprocess
from pathlib import Path

from rig import prepare
from rig.flink import make_home
from rig.logs import LOG4J

from . import base, manifests
from .fleet import Fleet, settings

# Pods share two cores here: they ask for little and may take much.
_CPU = {
    "kubernetes.jobmanager.cpu.amount": "0.2",
    "kubernetes.taskmanager.cpu.amount": "0.2",
    "kubernetes.jobmanager.cpu.limit-factor": "20",
    "kubernetes.taskmanager.cpu.limit-factor": "20",
    # Or a new leader may ask for a pod before those that are there have registered.
    "resourcemanager.previous-worker.recovery.timeout": "60 s",
}


class NativeCommands:
    """A Flink home beside the cluster, and the commands in the manifests."""

    def __init__(self, fleet: Fleet, directory: Path) -> None:
        self.fleet, self.directory = fleet, directory
        directory.mkdir(parents=True)
        self.home = make_home(directory / "home", [prepare.jar()])
        self.configuration = directory / "conf"
        self.configuration.mkdir()
        (self.configuration / "config.yaml").write_text("")
        for name in ("log4j-console.properties", "log4j-cli.properties", "log4j-session.properties"):
            (self.configuration / name).write_text(LOG4J)
        fleet.apply("native-rbac.yaml")

    def run(self, script: str, *arguments: str, limit: float = 300) -> str:
        """Runs a command of the manifests for the namespace and image of this cluster; what it says."""
        return self._run([str(manifests.DIRECTORY / script), *self._options(), *arguments], limit)

    def flink(self, command: str, *arguments: str, limit: float = 300) -> str:
        """bin/flink for this cluster."""
        return self._run([str(self.home / "bin" / "flink"), command, *self._options(), *arguments], limit)

    def _options(self) -> list[str]:
        options = {
            **settings(),
            **_CPU,
            "kubernetes.cluster-id": self.fleet.cluster_id,
            "kubernetes.namespace": self.fleet.name,
            "kubernetes.container.image.ref": self.fleet.image,
            "kubernetes.config.file": str(base.kubernetes().kubeconfig),
        }
        return [f"-D{key}={value}" for key, value in options.items()]

    def _run(self, command: list[str], limit: float) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "JAVA_HOME": str(prepare.java_home()),
            "FLINK_HOME": str(self.home),
            "FLINK_CONF_DIR": str(self.configuration),
            "FLINK_LOG_DIR": str(self.directory),
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit)
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{' '.join(command[:2])} ended with {done.returncode}:\n{said[-3000:]}"
        return said


JOB_IN_IMAGE = "local:///opt/flink/usrlib/counting-job.jar"
