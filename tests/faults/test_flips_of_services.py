"""Leadership is lost and regained by HA services that stand alone: more often, and with more jobs, than Flink around them can start anew."""

import time
from pathlib import Path
from types import SimpleNamespace

from cluster.base import our_jars
from rig import java_program, oracles
from rig.control_plane import Namespace
from rig.conversation import SOURCES, Conversation, as_arguments, settings
from rig.logs import Log
from rig.tampering import Tampering
from rig.waiting import WaitedTooLong, wait_until
from rig.workspace import FLINK_VERSION, TESTS

from . import base
from .observation import Observation, causes_of_losses, misreported, overlap

_FLIPS, _JOBS = (200, 50) if base.FULL else (5, 50)
# Each flip waits for the lease of a stranger.
_ELECTION = "high-availability.kubernetes.leader-election."
_SETTINGS = {
    _ELECTION + "lease-duration": "2 s",
    _ELECTION + "renew-deadline": "2 s",
    _ELECTION + "retry-period": "500 ms",
}
_CLUSTER_ID = "flips"
_CONFIG_MAP = f"{_CLUSTER_ID}-cluster-config-map"
_LEADER = "org.apache.flink.k8s.leader."
_PATIENCE = 60


class _Process:
    """A JVM with HA services and their contenders, as judges know a JobManager."""

    def __init__(self, namespace: Namespace, directory: Path, name: str) -> None:
        kubeconfig = namespace.kubeconfig(None, name, inline_token=base.STOCK)
        values = {**settings(namespace, kubeconfig, _CLUSTER_ID, f"file://{directory}/ha", name), **_SETTINGS}
        sources = [*SOURCES, *sorted((TESTS / "bench" / "program").glob("*.java"))]
        self.name = name
        self.program = Conversation(
            name,
            "io.flinkkubeha.tests.bench.Bench",
            java_program.compiled(sources, FLINK_VERSION),
            FLINK_VERSION,
            our_jars(),
            directory / name,
            [str(directory / "checkpoints"), *as_arguments(values)],
        )
        self.log = Log(directory / name / f"{name}.log")
        self.logs = [self.log]
        self.killed: dict[Log, float] = {}

    @property
    def running(self) -> bool:
        """Whether its process does."""
        return self.program.process.running


class F25FlipsOfServices(base.FaultTest):
    """Two JVMs with a dispatcher's and fifty job masters' contenders each; after each flip all addresses are those of one leader."""

    row = "F-25"

    def test_everything_is_published_after_each(self) -> None:
        namespace = self.namespace()
        processes = [self._process(namespace, name) for name in ("first", "second")]
        cluster = SimpleNamespace(job_managers=processes, namespace=namespace)
        tampering = Tampering(cluster)  # type: ignore[arg-type]
        session = self._wait_until_published(namespace, "")
        self.assertTrue(session, "nobody published all addresses")
        began, published, incomplete, erased = time.time(), list[float](), 0, 0
        for _ in range(_FLIPS):
            # Addresses are replaced, and never gone.
            erased += len(self._addresses(namespace)) != _JOBS + 1
            tampering.put_holder(_CONFIG_MAP, "a-stranger")
            found = self._wait_until_published(namespace, session)
            if found:
                session = found
                published.append(time.time())
            else:
                incomplete += 1
        seen = self._observe(cluster, began)
        grants = sorted(at for one in processes for at in oracles.granted_at(one))  # type: ignore[arg-type]
        longest = max((at - max(one for one in grants if one <= at) for at in published), default=0.0)
        self.expect(seen, transitions=None, causes=["stolen"] * _FLIPS)
        if not base.STOCK:
            self.assertEqual((0, 0), (incomplete, erased), "an address is missing, or of another leader")
        figures = {"from_grant_to_all_addresses_published": f"{longest:.2f} s", "incomplete": incomplete, "erased": erased}
        self.record(f"{_FLIPS} times, {_JOBS} jobs, HA services without a Flink around them", seen, **figures)

    def _process(self, namespace: Namespace, name: str) -> _Process:
        """One that stands for election, or leads."""
        process = _Process(namespace, self.directory, name)
        self.addCleanup(process.program.stop)
        process.program.ask("open")
        process.program.ask(f"stand {_JOBS}", 120)
        return process

    @staticmethod
    def _addresses(namespace: Namespace) -> list[str]:
        """Of all leaders, each behind the session by which it was published."""
        data = (namespace.config_map(_CONFIG_MAP) or {}).get("data") or {}
        return [str(value) for key, value in data.items() if key.startswith(_LEADER)]

    def _published(self, namespace: Namespace, before: str) -> str:
        """The session of the leader by which all addresses were published; empty if one is missing or of the session before."""
        found = [value.split(",")[0] for value in self._addresses(namespace)]
        whole = len(found) == _JOBS + 1 and len(set(found)) == 1 and found[0] != before
        return found[0] if whole else ""

    def _wait_until_published(self, namespace: Namespace, before: str) -> str:
        try:
            return wait_until(lambda: self._published(namespace, before), "all addresses", _PATIENCE, 0.05)
        except WaitedTooLong:
            return ""

    @staticmethod
    def _observe(cluster: SimpleNamespace, since: float) -> Observation:
        """There is no job, whose checkpoints and output could be looked at."""
        terms = oracles.leaderships(cluster)  # type: ignore[arg-type]
        return Observation(
            overlap_ms=round(1000 * overlap(terms, since, [])),
            out_of_turn=oracles.not_alternating(cluster),  # type: ignore[arg-type]
            revoked_after_thaw_ms=None,
            transitions=sum(term.start >= since for term in terms),
            stale_accepted=None,
            stale_refused=None,
            lost=[],
            dangling=[],
            available=True,
            downtime=0.0,
            restarts=0,
            failed_checkpoints=0,
            exits=sum(not one.running for one in cluster.job_managers),
            causes=causes_of_losses(cluster, since),  # type: ignore[arg-type]
            misreported=None if base.STOCK else misreported(cluster),  # type: ignore[arg-type]
        )
