"""What the tests on kind share: one cluster, and Flink clusters in namespaces of their own."""

import os
import shutil
import unittest
from collections.abc import Callable
from pathlib import Path

from rig import flink, oracles, prepare, waiting
from rig.not_here import NotHere
from rig.processes import end_on_signals
from rig.workspace import RUNS, progress

from . import cluster, flink_image
from .fleet import Fleet, PodJob
from .pods import FlinkPod, LogKeeper

FULL = os.environ.get("FLINKKUBEHA_FULL") == "1"
# Stock renews its lock by a verb that its documentation does not name.
_STOCK_ROLE_NEEDS = "patch"
_kubernetes: cluster.KindCluster | None = None
_keeper: LogKeeper | None = None
_is_ours = False


def setup() -> None:
    """Before the first test: the cluster that is there, or one of our own."""
    global _kubernetes, _keeper, _is_ours
    end_on_signals()
    shutil.rmtree(directory(), ignore_errors=True)
    prepare.everything()
    _is_ours = not cluster.is_up()
    try:
        _kubernetes = cluster.up(workers=2 if FULL else 0) if _is_ours else cluster.KindCluster(cluster.directory())
    except BaseException as error:
        if _is_ours:
            cluster.down()
        # A number is that of a signal.
        if isinstance(error, SystemExit) and isinstance(error.code, str):
            raise NotHere(error.code) from error
        raise
    _keeper = LogKeeper(_kubernetes.pod_logs, directory() / "pods")


def teardown() -> None:
    """After the last test: what was brought up for it goes away."""
    if _keeper:
        _keeper.stop()
    if _is_ours:
        cluster.down()


def directory() -> Path:
    """What this run leaves behind for reading."""
    return RUNS / "kind"


def kubernetes() -> cluster.KindCluster:
    """The cluster of this run."""
    assert _kubernetes, "there is no cluster"
    return _kubernetes


def new_fleet(cluster_id: str, image: str = flink_image.OURS, also_stock: bool = False) -> Fleet:
    """A namespace with the documented Role, in which nothing runs yet."""
    fleet = Fleet(kubernetes(), directory() / "pods", cluster_id, image)

    def edit(one: dict[str, object]) -> None:
        if one["kind"] == "Role" and (also_stock or image == flink_image.STOCK):
            one["rules"][0]["verbs"].append(_STOCK_ROLE_NEEDS)  # type: ignore[index]

    fleet.apply("rbac.yaml", edit)
    return fleet


def log_of_ended(fleet: Fleet) -> str:
    """What the only JobManager said in its first run, when that has ended."""

    def said() -> str | None:
        for pod in fleet.job_managers:
            # The container is started again and again.
            if len(pod.logs) > 1 or "terminated" in pod.container().get("state", {}):
                return pod.logs[0].text()
        return None

    return waiting.wait_until(said, "the JobManager to end", 300, 0.3, fleet.tails) or ""


class KindTest(unittest.TestCase):
    """A test with Flink clusters of its own."""

    def fleet(self, cluster_id: str, image: str = flink_image.OURS, also_stock: bool = False) -> Fleet:
        """A namespace that goes away with the test; nothing runs in it yet."""
        fleet = new_fleet(cluster_id, image, also_stock)
        self.addCleanup(fleet.delete)
        return fleet

    def report(self, text: str) -> None:
        """A figure for whoever reads the output."""
        progress(f"    {text}")

    def take_over(self, fleet: Fleet, job: PodJob, what: str, fault: Callable[[FlinkPod], float]) -> float:
        """Does something to the leader and waits until the job goes on; reports the times, gives that of the fault."""
        job.wait_for_progress()
        leader = fleet.wait_for_leader()
        newest = fleet.newest_checkpoint(job.id)
        at = fault(leader)
        fleet.wait_for_restored(at)
        granted, restored = fleet.grants(at)[0], fleet.restored(at)[0]
        job.wait_for("RUNNING", 300)
        job.wait_for_progress()
        whose = "the same pod" if granted[1].uid == leader.uid else "another pod"
        began = granted[1].log.first(flink.ELECTION_STARTS)
        late = f" ({granted[0] - began.at:.2f} s after its election began)" if began and began.at > at else ""
        self.report(
            f"{fleet.image.split(':')[0]}, {what}: granted to {whose} after {granted[0] - at:.2f} s{late}, "
            f"checkpoint {restored[1]} restored after {restored[0] - at:.2f} s"
        )
        self.assertGreaterEqual(restored[1], newest, "an older checkpoint than one that was complete was restored")
        return at

    def assert_one_leader_at_a_time(self, fleet: Fleet) -> None:
        """No two JobManagers led at the same time, and grants and revokes alternated."""
        self.assertEqual([], oracles.overlaps(fleet))  # type: ignore[arg-type]
        self.assertEqual([], oracles.not_alternating(fleet))  # type: ignore[arg-type]

    def assert_nothing_refused(self, fleet: Fleet) -> None:
        """Whatever was asked of the API server, the Roles in the manifests grant it."""
        audit = kubernetes().audit
        assert audit
        counts = audit.counts(fleet.user)
        self.report("requests: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        self.assertEqual([], [kind for kind in counts if kind.endswith((" 401", " 403"))])

    def assert_documented_role_suffices(self, fleet: Fleet) -> None:
        """Nothing but the six verbs on ConfigMaps was asked of the API server; nothing was refused, no token either."""
        audit = kubernetes().audit
        assert audit
        counts = audit.counts(fleet.user)
        self.report("requests: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        self.assertGreater(counts.total(), 0, "the audit log holds nothing of this account")
        self.assertEqual([], audit.violations(fleet.user))
