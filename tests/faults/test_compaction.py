"""Watches that want to go on from where nobody can take them any more."""

import time

from rig.audit import Request
from rig.waiting import wait_until

from . import base

_LEADER_ELECTION = "high-availability.kubernetes.leader-election."
# The API server is away while it starts; a lease ends later than that on the busiest machine.
_PATIENT = {_LEADER_ELECTION + "lease-duration": "60 s", _LEADER_ELECTION + "renew-deadline": "55 s"}


class F21Compaction(base.FaultTest):
    """etcd forgets its past and the API server starts with an empty watch cache: the versions known are too old for it."""

    row = "F-21"
    in_ci = True

    def test_everybody_lists_anew(self) -> None:
        kubernetes = base.kubernetes()
        fleet = self.fleet(settings=_PATIENT)
        fleet.running()
        listed = 0
        for _ in range(5 if base.FULL else 1):
            # Something has changed since the last renewal, which is the newest that watches have seen.
            fleet.after_renewal()
            fleet.wait(1.5)
            began = time.time()
            kubernetes.stop_api_server()  # type: ignore[attr-defined]
            assert kubernetes.history
            kubernetes.history.compact()
            kubernetes.start_api_server()  # type: ignore[attr-defined]
            fleet.settle()
            wait_until(lambda began=began: self._reads(fleet, began), "everybody to watch again", 60, 0.5)  # type: ignore[misc]
            listed += len(self._reads(fleet, began))
        seen = fleet.observe()
        fleet.finish()
        self.expect(seen)
        self.record("", seen, lists_after_it=listed)

    @staticmethod
    def _reads(fleet, since: float) -> list[Request]:  # type: ignore[no-untyped-def]
        """Lists by anybody, once every process watches again."""
        audit, processes = base.kubernetes().audit, (*fleet.cluster.job_managers, *fleet.cluster.task_managers)
        assert audit
        requests = [one for one in audit.requests(fleet.cluster.namespace.user, since=since) if one.code < 300]
        watching = {one.user_agent.split("/")[0] for one in requests if one.verb == "watch"}
        lists = [one for one in requests if one.verb == "list"]
        return lists if watching >= {one.name for one in processes} else []
