"""What the tests of the lines share: the cluster tests' Kubernetes and clusters, and a record of what was shown."""

import datetime
import json

import cluster.base
from cluster.base import (
    FULL,
    LEASE,
    MARGIN,
    STOCK,
    VERBS,
    directory,
    kubernetes,
    on_lines,
    our_jars,
    ours_only,
    teardown,
)
from rig.workspace import FLEET_LINES, LINES

__all__ = [
    *("FULL", "LEASE", "MARGIN", "STOCK", "VERBS", "FLEET_LINES", "LINES"),
    *("directory", "kubernetes", "on_lines", "our_jars", "ours_only", "setup", "teardown", "ClusterTest"),
]


def setup() -> None:
    """Before the first test: an empty directory for this run, and all Flinks."""
    cluster.base.setup("lines", LINES)


class ClusterTest(cluster.base.ClusterTest):
    """A test that says for the compatibility table what it has shown."""

    def record(self, line: str, what: str, result: str) -> None:
        """After the assertions: on Flink `line`, `what` (a row of the table) went as `result` (a cell) says."""
        file = directory() / "shown.json"
        shown = json.loads(file.read_text()) if file.exists() else []
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        shown.append({"line": line, "what": what, "result": result, "test": self.id(), "date": today})
        file.write_text(json.dumps(shown, indent=1) + "\n")
        self.report(f"{line}: {what}: {result}")
