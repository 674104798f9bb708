"""Leadership that ends because renewals are refused: the black box names the refusal, once."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rig import metrics, oracles
from rig.flink import GRANTED, STANDS_BY, JobManager
from rig.tampering import OvertakingPath
from rig.waiting import wait_until

from . import base

_ELECTION = "high-availability.kubernetes.leader-election."
# Each loss waits for the renew deadline.
_SETTINGS: dict[str, str | None] = {
    _ELECTION + "lease-duration": "6 s",
    _ELECTION + "renew-deadline": "6 s",
    _ELECTION + "retry-period": "2 s",
    metrics.PORT_SETTING: "0",
}
_LIMIT = 60


@base.ours_only("says no cause")
class LossesAreNamed(base.ClusterTest):
    """Two JobManagers without a job: the one that waits is a rival, so that nothing is held on to."""

    def test_one_after_the_other(self) -> None:
        self.cluster = self.flink(task_managers=0, settings=_SETTINGS)
        self.paths = {process.name: self._path(process) for process in self.cluster.job_managers}
        for process in self.cluster.job_managers:
            process.start()
        for cause, fault in (("conflict", self._overtaken), ("403", self._forbidden), ("401", self._unknown)):
            self._assert_named(cause, fault)
        self.assertEqual([], oracles.misreported(self.cluster))
        self.assert_one_leader_at_a_time(self.cluster)

    def _path(self, process: JobManager) -> OvertakingPath:
        kubernetes = base.kubernetes()
        certificate, key = map(str, kubernetes.certificate)  # type: ignore[attr-defined]
        path = OvertakingPath(kubernetes.access, certificate, key, self.cluster)
        self.addCleanup(path.close)
        process.settings["kubernetes.config.file"] = self.cluster.kubeconfig(path.server, process.name)
        return path

    def _assert_named(self, cause: str, fault: Callable[[JobManager], AbstractContextManager[None]]) -> None:
        leader = self.cluster.wait_for_leader(_LIMIT)
        standby = self.cluster.standby()
        standby.wait_for_log(STANDS_BY, _LIMIT)
        sample = f'leadership_losses_total{{cause="{cause}"}}'
        before, began = metrics.samples(leader)[sample], time.time()
        with fault(leader):
            causes = leader.losses(began)
            lost = time.time()
        self.report(f"{cause}: lost after {lost - began:.1f} s")
        self.assertEqual([cause], causes)
        self.assertEqual(before + 1, metrics.samples(leader)[sample])
        wait_until(lambda: self._granted(lost), "a leader again", _LIMIT, 0.05)

    def _granted(self, since: float) -> bool:
        return any(process.log.first(GRANTED, since) for process in self.cluster.job_managers)

    @contextmanager
    def _overtaken(self, leader: JobManager) -> Iterator[None]:
        path = self.paths[leader.name]
        path.of = self.cluster.cluster_config_map
        try:
            yield
        finally:
            path.of = ""
        self.assertGreater(path.overtaken, 1)

    @contextmanager
    def _forbidden(self, leader: JobManager) -> Iterator[None]:
        self.cluster.namespace.allow(())
        try:
            yield
        finally:
            self.cluster.namespace.allow(base.VERBS)

    @contextmanager
    def _unknown(self, leader: JobManager) -> Iterator[None]:
        file: Path = self.cluster.namespace.token_file
        token = file.read_text()
        # Not one of those that the API server remembers to have accepted.
        _replace(file, token[:-4] + "AAAA")
        try:
            yield
        finally:
            _replace(file, token)


def _replace(file: Path, text: str) -> None:
    """At once, as the kubelet does."""
    new = file.with_suffix(".new")
    new.touch(0o600)
    new.write_text(text)
    new.replace(file)
