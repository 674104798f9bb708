"""What a process of Flink's says of its high availability over HTTP, as Prometheus would ask."""

import urllib.request

from .flink import FlinkProcess

PORT_SETTING = "high-availability.native.metrics.port"
_SERVED = r"Metrics are served at http://\S+:(\d+)/metrics"
_PREFIX = "flink_kube_ha_"


def exposition(process: FlinkProcess) -> str:
    """The text, from the port that its log names."""
    served = process.wait_for_log(_SERVED, 30)
    with urllib.request.urlopen(f"http://127.0.0.1:{served[1]}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def samples(process: FlinkProcess) -> dict[str, float]:
    """Values by name and labels, without what all names begin with."""
    lines = [line for line in exposition(process).splitlines() if not line.startswith("#")]
    pairs = [line.rsplit(" ", 1) for line in lines]
    return {name.removeprefix(_PREFIX): float(value) for name, value in pairs}
