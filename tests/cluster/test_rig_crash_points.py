"""The rig knows the steps of a job's life by what is asked of the API server, and kills where it is told to."""

import json
import unittest

from rig.crash_points import CrashPoint, Steps
from rig.http_proxy import Asked

_ALL = "/api/v1/namespaces/n/configmaps"
_CLUSTER = "c-cluster-config-map"
_JOB = "0123"


def _write(name: str, data: dict[str, str], claim: str = "", method: str = "PUT", query: str = "") -> Asked:
    annotations = {"ha.flinkkubeha.io/claim": claim} if claim else {}
    body = {"metadata": {"name": name, "annotations": annotations}, "data": data}
    return Asked(method, (_ALL if method == "POST" else f"{_ALL}/{name}") + query, json.dumps(body).encode())


_LIFE = [
    _write(_CLUSTER, {"other": "1", f"executionPlan-{_JOB}": "x"}),
    _write(f"c-{_JOB}-config-map", {}, "v1 one", "POST"),
    _write(f"c-{_JOB}-config-map", {"counter": "1"}, "v1 one"),
    _write(f"c-{_JOB}-config-map", {"counter": "2", "checkpointID-1": "x"}, "v1 one"),
    _write(_CLUSTER, {"other": "2", f"executionPlan-{_JOB}": "x"}),
    _write(f"c-{_JOB}-config-map", {"counter": "2"}, "v1 one"),
    Asked("DELETE", f"{_ALL}/c-{_JOB}-config-map", b""),
    _write(_CLUSTER, {"other": "2"}),
]


class CrashSteps(unittest.TestCase):
    """Requests of one life against the names of its steps."""

    def setUp(self) -> None:
        self.steps = Steps()
        self.killed = 0

    def _kill(self) -> None:
        self.killed += 1

    def _live(self, requests: list[Asked], code: int = 200) -> None:
        for asked in requests:
            self.steps.passing(asked, self._kill)
            self.steps.passed(asked, code, self._kill)

    def test_steps_have_names(self) -> None:
        self.steps.follow(_JOB)
        self._live(_LIFE)
        expected = [
            "cluster ConfigMap: set executionPlan",
            "job's ConfigMap: claim",
            "job's ConfigMap: set counter",
            "job's ConfigMap: change counter, set pointer",
            "job's ConfigMap: take away pointer",
            "job's ConfigMap: delete",
            "cluster ConfigMap: take away executionPlan",
        ]
        self.assertEqual(expected, self.steps.seen)

    def test_trials_refusals_and_other_jobs_are_no_steps(self) -> None:
        self.steps.follow(_JOB)
        self._live(_LIFE, 409)
        self._live([_write(_CLUSTER, {f"executionPlan-{_JOB}": "x"}, query="?dryRun=All"), _write("c-9-config-map", {})])
        self.assertEqual([], self.steps.seen)

    def test_kills_once_on_the_right_side(self) -> None:
        for after in (False, True):
            self.setUp()
            self.steps.follow(_JOB, CrashPoint("job's ConfigMap: set counter", after))
            self._live(_LIFE[:2])
            self.assertEqual(0, self.killed)
            with self.assertRaises(ConnectionAbortedError):
                self._live(_LIFE[2:3])
            self.assertEqual((1, after), (self.killed, "job's ConfigMap: set counter" in self.steps.seen))
            self._live(_LIFE[2:])
            self.assertEqual(1, self.killed)
