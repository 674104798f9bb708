"""The command flink-ha, as somebody with a kubeconfig runs it beside a cluster."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import prepare


@dataclass(frozen=True)
class Said:
    """What a run has said, and its exit code."""

    code: int
    out: str
    errors: str

    def json(self) -> Any:
        """What was said with `-o json`."""
        assert self.out, self.errors
        return json.loads(self.out)


class FlinkHa:
    """Runs it with this kubeconfig and nothing else of the environment."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._environment = {"KUBECONFIG": str(kubeconfig)}
        self._namespace = ("--namespace", namespace)

    def run(self, *arguments: str, limit: float = 120) -> Said:
        """To its end."""
        command: Sequence[str] = [str(prepare.flink_ha()), *arguments, *self._namespace]
        done = subprocess.run(
            command, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, limit: float = 120) -> Any:
        """What a run prints with `-o json`, which has to end well."""
        said = self.run(*arguments, "-o", "json", limit=limit)
        assert said.code == 0, said.errors
        return said.json()
