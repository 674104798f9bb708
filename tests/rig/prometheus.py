"""A real Prometheus that scrapes processes of Flink's, and what it answers."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import prepare
from .flink import FlinkProcess
from .metrics import PORT_SETTING
from .processes import Child, free_port
from .waiting import wait_until

# As long as a sample can be older than what it is taken for.
INTERVAL = 0.5


@dataclass(frozen=True)
class Series:
    """The samples of one time series as they were scraped, times in seconds since the epoch."""

    labels: dict[str, str]
    samples: list[tuple[float, float]]

    def runs(self) -> list[list[tuple[float, float]]]:
        """Of a counter: the samples of each run of its process, which begins anew."""
        runs: list[list[tuple[float, float]]] = []
        for at, value in self.samples:
            if not runs or value < runs[-1][-1][1]:
                runs.append([])
            runs[-1].append((at, value))
        return runs

    def increase(self) -> float:
        """Of a counter: how much was added in all runs, from nothing."""
        return sum(run[-1][1] for run in self.runs())


class Prometheus:
    """It answers when it is made. The processes, each of which gets a port of its own, are its targets by their names."""

    def __init__(self, directory: Path, processes: Sequence[FlinkProcess]) -> None:
        directory.mkdir(parents=True)
        targets = []
        for process in processes:
            port = free_port()
            process.settings[PORT_SETTING] = str(port)
            targets.append({"targets": [f"127.0.0.1:{port}"], "labels": {"instance": process.name}})
        job = {"job_name": "flink", "static_configs": targets}
        # JSON is YAML.
        interval = f"{round(INTERVAL * 1000)}ms"
        settings = {"global": {"scrape_interval": interval, "scrape_timeout": interval}, "scrape_configs": [job]}
        (directory / "prometheus.yml").write_text(json.dumps(settings, indent=1))
        self._url = f"http://127.0.0.1:{free_port()}"
        command = [
            str(prepare.prometheus()),
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address={self._url.removeprefix('http://')}",
        ]
        self._child = Child("prometheus", command, directory / "prometheus.log", directory=directory)
        wait_until(self._is_ready, "Prometheus", 60, hint=self._child.tail)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Ends it."""
        self._child.stop(10)

    def get(self, path: str, **query: object) -> Any:
        """What its API answers; a query that it does not understand is an error that says so."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query}: {error.read().decode()}") from None

    def values(self, query: str, at: float | None = None) -> list[tuple[dict[str, str], float]]:
        """An instant query; labels and value of each."""
        result = self.get("query", query=query, **({"time": at} if at else {}))["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]

    def samples(self, selector: str, since: float, until: float) -> list[Series]:
        """Everything that was scraped of these series."""
        result = self.get("query", query=f"{selector}[{max(1, round(until - since))}s]", time=until)["result"]
        return [Series(one["metric"], [(at, float(value)) for at, value in one["values"]]) for one in result]


def check(exposition: str) -> str:
    """What `promtool check metrics` has to say against a text; empty is good."""
    command = [str(prepare.prometheus().with_name("promtool")), "check", "metrics"]
    done = subprocess.run(command, input=exposition, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""
