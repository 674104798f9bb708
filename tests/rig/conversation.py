"""A Java program of the tests that takes steps and answers each (conversation/Conversation.java)."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from . import java_program, prepare
from .control_plane import Namespace
from .flink import java_options
from .logs import LOG4J
from .processes import Child
from .workspace import TESTS

SOURCES = (TESTS / "conversation" / "Conversation.java",)


class Conversation:
    """One JVM beside the jars of a Flink home. Without `jars` in front of them its HA services are Flink's own."""

    def __init__(
        self,
        name: str,
        entry: str,
        classes: Path,
        line: str,
        jars: Sequence[Path],
        directory: Path,
        arguments: Sequence[str],
        options: Sequence[str] = ("-Xmx256m",),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`directory` gets its log; it works in the one above. `environment` comes on top of what every such program gets."""
        directory.mkdir(parents=True)
        (directory / "log4j.properties").write_text(LOG4J + "appender.console.target = SYSTEM_ERR\n")
        class_path = [*jars, *java_program.class_path(prepare.flink_home(line)), classes]
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self.name = name
        self.process = Child(
            name,
            [
                str(prepare.java_home() / "bin" / "java"),
                *java_options(line).split(),
                *options,
                f"-Dlog4j.configurationFile={directory}/log4j.properties",
                "-cp",
                ":".join(map(str, class_path)),
                entry,
                *arguments,
            ],
            directory / f"{directory.name}.log",
            {**inherited, "HOME": str(directory), **environment},
            directory.parent,
            talks=True,
        )

    def ask(self, step: str, limit: float = 60) -> Any:
        """Has it take a step; its answer."""
        self.tell(step)
        return self.hear(limit)

    def tell(self, step: str) -> None:
        """Has it take a step, whose answer is heard later."""
        self.process.tell(step)

    def hear(self, limit: float = 60) -> Any:
        """The answer to the step that it was told."""
        answer = json.loads(self.process.hear(limit))
        assert "failure" not in answer, f"{self.name}: {answer['failure']}\n{self.process.tail()}"
        return answer["answer"]

    def refused(self, step: str, limit: float = 60) -> str:
        """Has it take a step that has to fail: how it did."""
        self.tell(step)
        answer = json.loads(self.process.hear(limit))
        assert "failure" in answer, f"{self.name}: {step} was answered {answer['answer']}"
        return str(answer["failure"])

    def end(self) -> None:
        """Waits until it has ended by itself, and it has to."""
        assert self.process.hang_up(20) == 0, self.process.tail()

    def stop(self) -> None:
        """Ends it if it still runs."""
        self.process.stop()


def settings(namespace: Namespace, kubeconfig: Path, cluster_id: str, storage: str, name: str) -> Mapping[str, str]:
    """What such a program needs in order to open HA services, as the process `name` of that cluster."""
    return {
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": storage,
        "kubernetes.cluster-id": cluster_id,
        "kubernetes.namespace": namespace.name,
        "kubernetes.config.file": str(kubeconfig),
        "kubernetes.client.user-agent": name,
    }


def as_arguments(values: Mapping[str, str]) -> list[str]:
    """Settings as Conversation.configuration() takes them."""
    return [f"{key}={value}" for key, value in values.items()]
