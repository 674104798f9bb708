"""The judge of who wrote what can say no."""

import json
import unittest

from rig.audit import Authors, Request
from rig.etcd_history import Revision
from rig.kubernetes import Json
from rig.writers import foreign_writes, writer

_JOB, _CLUSTER = "c-0123-config-map", "c-cluster-config-map"


def _write(name: str, author: str, decided_on: int, made: int, code: int = 200) -> Request:
    return Request("update", "configmaps", "t", name, "u", f"{author}/1", code, made, made, False, decided_on, made)


class _Story:
    """Revisions one after the other, with managedFields as the API server keeps them, and its audit log."""

    def __init__(self, logged: bool = True) -> None:
        self.revisions: list[Revision] = []
        self.requests: list[Request] = []
        self._logged = logged
        self._last: dict[str, tuple[int, Json | None]] = {}

    def write(self, name: str, author: str, second: int, data: dict[str, str], **annotations: str) -> "_Story":
        replaced, before = self._last.get(name, (0, None))
        if self._logged:
            self.requests.append(_write(name, author, replaced, len(self.revisions) + 1))
        fields = {f"f:{key}": {} for key, value in data.items() if self._old(before, key) != value}
        managers = []
        for one in (before or {}).get("metadata", {}).get("managedFields", []):
            kept = {key: {} for key in one["fieldsV1"]["f:data"] if key not in fields or one["manager"] == author}
            managers.append({**one, "fieldsV1": {"f:data": kept}})
        # Whoever only takes something away gets no entry and no new time.
        if fields or annotations:
            own = next((one for one in managers if one["manager"] == author), None)
            if own is None:
                own = {"manager": author, "operation": "Update", "fieldsV1": {"f:data": {}}}
                managers.append(own)
            own["time"] = f"2026-11-21T06:00:{second:02}Z"
            own["fieldsV1"]["f:data"].update(fields)  # type: ignore[index]
        kept_annotations = (before or {}).get("metadata", {}).get("annotations", {})
        metadata = {"annotations": {**kept_annotations, **annotations}, "managedFields": managers}
        return self._add(name, {"metadata": metadata, "data": data})

    def lock(self, author: str, second: int, holder: str) -> "_Story":
        text = json.dumps({"holderIdentity": holder})
        return self.write(_CLUSTER, author, second, {}, **{"control-plane.alpha.kubernetes.io/leader": text})

    def job(self, author: str, second: int, data: dict[str, str], claim: str = "") -> "_Story":
        text = f"v1 {json.dumps({'holderIdentity': claim, 'grant': 1})}"
        return self.write(_JOB, author, second, data, **({"ha.flinkkubeha.io/claim": text} if claim else {}))

    def delete(self, name: str) -> "_Story":
        return self._add(name, None)

    @property
    def problems(self) -> list[str]:
        return self.judge()

    def judge(self, **bounds: int) -> list[str]:
        return foreign_writes(self.revisions, Authors(self.requests), **bounds)

    def _add(self, name: str, config_map: Json | None) -> "_Story":
        number = len(self.revisions) + 1
        replaced, before = self._last.get(name, (0, None))
        self.revisions.append(Revision(number, name, config_map, before, replaced))
        self._last[name] = (number if config_map is not None else 0, config_map)
        return self

    @staticmethod
    def _old(config_map: Json | None, key: str) -> str | None:
        return (config_map or {}).get("data", {}).get(key)


class Writers(unittest.TestCase):
    """Histories as etcd could hold them."""

    def test_the_holder_of_the_lock_writes(self) -> None:
        story = _Story().lock("jm-1", 1, "one").job("jm-1", 1, {"counter": "1"}, "one")
        story.job("jm-1", 1, {"counter": "2"}).job("jm-1", 2, {"counter": "2", "checkpointID-2": "x"})
        story.lock("jm-2", 3, "two").job("jm-2", 3, {"counter": "3"}, "two").delete(_JOB)
        self.assertEqual([], story.problems)

    def test_a_former_holder_writes(self) -> None:
        for second in (5, 9):  # in the same second as the one before it too
            story = _Story().lock("jm-1", 1, "one").job("jm-1", 2, {"counter": "1"}).lock("jm-2", 4, "two")
            story.job("jm-2", 5, {"counter": "2"}).job("jm-1", second, {"counter": "1"})
            (problem,) = story.problems
            self.assertIn("(counter) by jm-1: the lock was held by jm-2", problem)

    def test_a_former_holder_takes_a_pointer_away(self) -> None:
        story = _Story().lock("jm-1", 1, "one").job("jm-1", 2, {"checkpointID-1": "x"}).lock("jm-2", 4, "two")
        self.assertIn("(checkpointID-1) by jm-1", *story.job("jm-1", 5, {}).problems)

    def test_nobody_holds_the_lock(self) -> None:
        self.assertIn("held by nobody", *_Story().job("jm-1", 1, {"counter": "1"}).problems)
        released = _Story().lock("jm-1", 1, "one").lock("jm-1", 2, "").job("jm-1", 3, {"counter": "1"})
        self.assertIn("held by nobody", *released.problems)

    def test_a_later_run_of_the_same_process_holds_the_lock(self) -> None:
        story = _Story().lock("jm-1", 1, "one").job("jm-1", 2, {"counter": "1"}, "one").lock("jm-1", 3, "later")
        self.assertIn("under the claim of one", *story.job("jm-1", 4, {"counter": "2"}).problems)

    def test_a_claim_of_somebody_else_that_stock_keeps(self) -> None:
        story = _Story().lock("jm-1", 1, "one").job("jm-1", 2, {"counter": "1"}, "one").lock("stock", 3, "two")
        self.assertEqual([], story.job("stock", 4, {"counter": "2"}).problems)

    def test_what_the_rig_does_is_nobodys_fault(self) -> None:
        story = _Story().lock("jm-1", 1, "one").job("test-rig", 2, {"counter": "9"}).lock("test-rig", 3, "garbage")
        self.assertEqual([], story.problems)

    def test_the_present_holder_takes_a_former_holders_pointer_away_within_a_second(self) -> None:
        story = _Story().lock("jm-1", 1, "one").job("jm-1", 2, {"checkpointID-1": "x"}).lock("jm-2", 4, "two")
        self.assertEqual([], story.job("jm-2", 5, {"checkpointID-1": "x", "checkpointID-2": "x"}).job("jm-2", 5, {"checkpointID-2": "x"}).problems)

    def test_without_its_audit_event_the_writer_is_who_gained_something(self) -> None:
        story = _Story(logged=False).job("jm-1", 1, {"a": "1", "b": "1"}).job("jm-2", 1, {"a": "1", "b": "2"})
        story.job("jm-1", 1, {"a": "1", "b": "3"}).job("jm-1", 1, {"a": "1", "b": "4"}).job("jm-2", 2, {"a": "2", "b": "4"})
        # The fourth is by the same one in the same second, the sixth takes something away: both leave no trace.
        story.job("jm-2", 2, {"b": "4"})
        authors = [writer(one, Authors([])) for one in story.revisions]
        self.assertEqual(["jm-1", "jm-2", "jm-1", "", "jm-2", ""], authors)

    def test_a_change_of_nobody_knows_whom_is_no_foreign_write(self) -> None:
        story = _Story(logged=False).lock("jm-1", 1, "one").job("jm-1", 2, {"checkpointID-1": "x"}).lock("jm-2", 4, "two")
        self.assertEqual([], story.job("jm-2", 5, {}).problems)

    def test_the_audit_log_names_who_made_a_revision(self) -> None:
        requests = [_write(_JOB, "jm-1", 4, 7), _write(_JOB, "jm-2", 7, 7), _write(_JOB, "stock", 0, 7)]
        unanswered = [_write(_JOB, "jm-3", 7, 0, code=504), _write(_JOB, "jm-4", 9, 0, code=409)]
        authors = Authors([*requests, *unanswered])
        self.assertEqual(["jm-1", "jm-3", ""], [authors.of(_JOB, 7, 4), authors.of(_JOB, 9, 7), authors.of(_JOB, 11, 9)])
        both = Authors([*unanswered, _write(_JOB, "jm-5", 7, 0, code=500)])
        self.assertEqual("", both.of(_JOB, 9, 7), "either of them")

    def test_only_the_revisions_asked_for_are_judged(self) -> None:
        story = _Story().lock("jm-1", 1, "one").job("jm-2", 2, {"counter": "1"}).job("jm-2", 3, {"counter": "2"})
        first, second = (one.number for one in story.revisions if one.name == _JOB)
        counts = [len(story.judge(**bounds)) for bounds in ({}, {"since": first}, {"until": first}, {"since": second})]
        self.assertEqual([2, 1, 1, 0], counts)
