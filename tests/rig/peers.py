"""Runs Flink's own tests on our HA services against a real API server: `gradle peerTest`, and what it left behind."""

import argparse
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping

from . import control_plane, prepare
from .kubernetes import Json
from .processes import end_on_signals, group
from .workspace import ROOT, RUNS, progress

_DIRECTORY = RUNS / "peers"
# Cold, with all jars to be fetched.
_LIMIT = 1200


def run(line: str, tests: str) -> int:
    """Runs the tests of one line, of all without one; the exit code."""
    shutil.rmtree(_DIRECTORY, ignore_errors=True)
    prepare.tools()
    kubernetes = control_plane.start(_DIRECTORY / "kubernetes")
    try:
        namespace = kubernetes.namespace(label="peers")
        command = ["gradle", "--console=plain", "--continue", "peerTest" + line.replace(".", "v")]
        command += [
            f"-PpeerKubeconfig={namespace.kubeconfig()}",
            f"-PpeerNamespace={namespace.name}",
            f"-PpeerStorage={_DIRECTORY / 'storage'}",
        ]
        command += [f"-Ptests={tests}"] if tests else []
        with group(command, cwd=ROOT, env=prepare.build_environment()) as process:
            code = process.wait(_LIMIT)
        return code or _judge(kubernetes, namespace, whole=not tests)
    finally:
        kubernetes.stop()


def _judge(kubernetes: control_plane.Kubernetes, namespace: control_plane.Namespace, whole: bool) -> int:
    """What only the API server can tell: the documented Role was enough, labels are right, ended jobs left nothing."""
    config_maps = namespace.config_maps()
    problems = [*wrong_labels(config_maps), *left_behind(config_maps)]
    if kubernetes.audit:
        counts = kubernetes.audit.counts(namespace.user)
        progress("requests: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        problems += kubernetes.audit.violations(namespace.user)
    if whole and not config_maps:
        problems.append("nothing was written at all")
    for problem in problems:
        progress(problem)
    return 1 if problems else 0


# Cluster-id with version and random part, as PeerCluster makes it, and what the ConfigMap belongs to.
_NAME = re.compile(r"(?P<cluster>.+-(?P<line>\d+\.\d+)\.\d+-[0-9a-f]{8})-(?P<owner>cluster|[0-9a-f]{32})-config-map")


def wrong_labels(config_maps: Mapping[str, Json]) -> Iterator[str]:
    """ConfigMaps without exactly the labels that their line of Flink gives them."""
    for name, config_map in config_maps.items():
        parts = _NAME.fullmatch(name)
        if not parts:
            # Kubernetes itself puts one into each namespace.
            if name.endswith("-config-map"):
                yield f"ConfigMap {name} has a name that no cluster here gives"
            continue
        expected = {"app": parts["cluster"], "type": "flink-native-kubernetes"}
        if parts["line"] == "1.20":
            expected["configmap-type"] = "high-availability"
        found = config_map["metadata"].get("labels")
        if found != expected:
            yield f"ConfigMap {name} has the labels {found}, not {expected}"


def left_behind(config_maps: Iterable[str]) -> Iterator[str]:
    """ConfigMaps of jobs that a MiniCluster has run to their end; its cluster-id says that it did."""
    for name in config_maps:
        parts = _NAME.fullmatch(name)
        if parts and "-run-" in parts["cluster"] and parts["owner"] != "cluster":
            yield f"ConfigMap {name} is left of a job that ended"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/peers", description=__doc__)
    parser.add_argument("--line", default="", help="a line of Flink, such as 2.2")
    parser.add_argument("tests", nargs="?", default="", help="a regular expression of full class names")
    options = parser.parse_args()
    end_on_signals()
    sys.exit(run(options.line, options.tests))


if __name__ == "__main__":
    main()
