"""What the cluster tests share: one Kubernetes, and Flink clusters that are cleaned up."""

import os
import shutil
import unittest
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rig import control_plane, oracles, prepare
from rig.control_plane import Namespace
from rig.flink import FlinkCluster
from rig.processes import end_on_signals
from rig.workspace import FLEET_LINES, FLINK_VERSION, RUNS, progress

# Long holds and many repetitions.
FULL = os.environ.get("FLINKKUBEHA_FULL") == "1"
# Flink's own HA classes instead of ours, for comparison.
STOCK = os.environ.get("FLINKKUBEHA_STOCK") == "1"
VERBS = control_plane.STOCK_VERBS if STOCK else control_plane.DOCUMENTED_VERBS
# Flink's default, and what a machine with more to run than it has cores may add to a take-over. Figures are reported
# as they are; limits here only tell one mechanism from another.
LEASE = 15.0
MARGIN = 5.0
# Whoever takes over within that has not waited for a lease to end: of one renewed in time more than that is left.
WELL_BELOW_LEASE = 0.6 * LEASE

_directory = RUNS / "cluster"
_kubernetes: control_plane.Kubernetes | None = None
_audit_bodies = False
Test = TypeVar("Test", bound=Callable[..., Any])
Cases = TypeVar("Cases", bound=unittest.TestCase)


def ours_only(reason: str) -> Callable[[Test], Test]:
    """Skips a test on stock, which is known to fail it."""
    return unittest.skipIf(STOCK, f"stock: {reason}")


def on_lines(*in_ci: str) -> Callable[[type[Cases]], type[Cases]]:
    """Makes a test of each method `check_…(self, version)` for every line in `in_ci`; for `FLEET_LINES` with --full."""

    chosen = (FLINK_VERSION,) if os.environ.get("FLINKKUBEHA_FLINK") else in_ci
    versions = FLEET_LINES if FULL else chosen

    def decorate(cases: type[Cases]) -> type[Cases]:
        for name in [name for name in vars(cases) if name.startswith("check_")]:
            for version in versions:

                def test(self: Any, name: str = name, version: str = version) -> None:
                    getattr(self, name)(version)

                setattr(cases, f"test_{name.removeprefix('check_')}_on_{version.replace('.', '_')}", test)
        return cases

    return decorate


def setup(name: str = "cluster", versions: Sequence[str] = (FLINK_VERSION,), audit_bodies: bool = False) -> None:
    """Before the first test of the package of that name: an empty directory for this run, and what it stands on."""
    global _directory, _audit_bodies
    _audit_bodies = audit_bodies
    end_on_signals()
    _directory = RUNS / name
    shutil.rmtree(_directory, ignore_errors=True)
    prepare.everything(STOCK, versions)


def teardown() -> None:
    """After the last test."""
    if _kubernetes:
        _kubernetes.stop()


def directory() -> Path:
    """What this run leaves behind for reading."""
    return _directory


def kubernetes() -> control_plane.Kubernetes:
    """The one Kubernetes of this run, started when the first test wants it."""
    global _kubernetes
    if _kubernetes is None:
        _kubernetes = control_plane.start(_directory / "kubernetes", audit_bodies=_audit_bodies)
    return _kubernetes


def our_jars() -> list[Path]:
    """What goes into lib/."""
    return [] if STOCK else [prepare.jar()]


class ClusterTest(unittest.TestCase):
    """A test with namespaces and Flink clusters of its own."""

    def setUp(self) -> None:
        name = f"{type(self).__name__}.{self._testMethodName}"
        self.directory = _directory / name
        self.directory.mkdir(parents=True)

    def namespace(self, verbs: Sequence[str] = VERBS) -> Namespace:
        """A namespace that goes away with the test."""
        namespace = kubernetes().namespace(verbs)
        self.addCleanup(namespace.delete)
        return namespace

    def flink(self, name: str = "flink", jars: Sequence[Path] | None = None, **options: Any) -> FlinkCluster:
        """A Flink cluster that ends with the test; not started yet. `options` as FlinkCluster takes them."""
        namespace = options.pop("namespace", None) or self.namespace()
        cluster = FlinkCluster(namespace, self.directory / name, our_jars() if jars is None else jars, **options)
        self.addCleanup(cluster.stop)
        return cluster

    def report(self, text: str) -> None:
        """A figure for whoever reads the output."""
        progress(f"    {text}")

    def assert_one_leader_at_a_time(self, cluster: FlinkCluster) -> None:
        """No two JobManagers led at the same time, and grants and revokes alternated."""
        self.assertEqual([], oracles.overlaps(cluster))
        self.assertEqual([], oracles.not_alternating(cluster))

    def assert_documented_role_suffices(self, namespace: Namespace, process: str = "") -> None:
        """Nothing but the six verbs on ConfigMaps was asked of the API server, and nothing was refused.

        Of all processes, or of the one of that name.
        """
        audit = kubernetes().audit
        if audit is None:
            self.report("no audit log: the API server is not ours")
            return
        counts = audit.counts(namespace.user, process)
        whose = f" of {process}" if process else ""
        self.report(f"requests{whose}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        self.assertGreater(counts.total(), 0, "the audit log holds nothing of this account")
        if not STOCK:
            self.assertEqual([], audit.violations(namespace.user, process))
