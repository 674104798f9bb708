"""Runs exchange/: HA services of one Flink line, Flink's own or ours, that write, read and clean up."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rig import java_program, prepare
from rig.accounts import Account
from rig.control_plane import Namespace
from rig.flink import java_options
from rig.logs import LOG4J
from rig.processes import Child
from rig.workspace import TESTS

CLUSTER_ID = "exchange"
# The job whose checkpoints are exchanged.
JOB = "a" * 32
CLUSTER_CONFIG_MAP = f"{CLUSTER_ID}-cluster-config-map"
JOB_CONFIG_MAP = f"{CLUSTER_ID}-{JOB}-config-map"
_DIRECTORY = TESTS / "lines" / "exchange"


def program(line: str) -> Path:
    """The classes of the program, compiled against that Flink."""
    folders = [
        "common",
        "job-graphs" if line.startswith("1.") else "execution-plans",
        "applications" if (2, 3) <= tuple(map(int, line.split(".")[:2])) else "without-applications",
    ]
    sources = [file for folder in folders for file in sorted((_DIRECTORY / folder).glob("*.java"))]
    return java_program.compiled(sources, line)


class Exchange:
    """One JVM. Without `jars` its HA services are Flink's own."""

    def __init__(
        self,
        name: str,
        line: str,
        jars: Sequence[Path],
        account: Account | Namespace,
        shared: Path,
        settings: Mapping[str, str],
        root: str | None = None,
    ) -> None:
        """`shared` is its working directory, and `root` another name of that which stands in what it writes."""
        directory = shared / name
        directory.mkdir(parents=True)
        namespace = account if isinstance(account, Namespace) else account.namespace
        # Stock's client knows no tokenFile.
        kubeconfig = account.kubeconfig(inline_token=not jars)
        (directory / "log4j.properties").write_text(LOG4J + "appender.console.target = SYSTEM_ERR\n")
        arguments = {
            "high-availability.type": "kubernetes",
            "high-availability.storageDir": f"file://{root or shared}/ha",
            "kubernetes.cluster-id": CLUSTER_ID,
            "kubernetes.namespace": namespace.name,
            "kubernetes.config.file": str(kubeconfig),
            "kubernetes.client.user-agent": name,
            "job-result-store.delete-on-commit": "false",
            "application-result-store.delete-on-commit": "false",
            "exchange.host": name,
            **settings,
        }
        class_path = [*jars, *java_program.class_path(prepare.flink_home(line)), program(line)]
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._child = Child(
            name,
            [
                str(prepare.java_home() / "bin" / "java"),
                *java_options(line).split(),
                "-Xmx256m",
                f"-Dlog4j.configurationFile={directory}/log4j.properties",
                "-cp",
                ":".join(map(str, class_path)),
                "io.flinkkubeha.tests.exchange.Exchange",
                root or str(shared),
                *(f"{key}={value}" for key, value in arguments.items()),
            ],
            directory / "exchange.log",
            {**inherited, "HOME": str(directory)},
            shared,
            talks=True,
        )

    def ask(self, step: str, limit: float = 60) -> Any:
        """Has it take a step; its answer."""
        self.tell(step)
        return self.hear(limit)

    def tell(self, step: str) -> None:
        """Has it take a step, whose answer is heard later."""
        self._child.tell(step)

    def hear(self, limit: float = 60) -> Any:
        """The answer to the step that it was told."""
        answer = json.loads(self._child.hear(limit))
        assert "failure" not in answer, f"{self._child.name}: {answer['failure']}\n{self._child.tail()}"
        return answer["answer"]

    def end(self) -> None:
        """Waits until it has ended by itself, and it has to."""
        assert self._child.hang_up(20) == 0, self._child.tail()

    def stop(self) -> None:
        """Ends it if it still runs."""
        self._child.stop()
