"""The judge of who wrote what can say no."""

import json
import unittest

from rig.etcd_history import Revision
from rig.kubernetes import Json
from rig.writers import foreign_writes, writer

_JOB, _CLUSTER = "c-0123-config-map", "c-cluster-config-map"


class _Story:
    """Revisions one after the other, with managedFields as the API server keeps them."""

    def __init__(self) -> None:
        self.revisions: list[Revision] = []
        self._last: dict[str, Json | None] = {}

    def write(self, name: str, author: str, second: int, data: dict[str, str], **annotations: str) -> "_Story":
        before = self._last.get(name)
        fields = {f"f:{key}": {} for key, value in data.items() if self._old(before, key) != value}
        managers = []
        for one in (before or {}).get("metadata", {}).get("managedFields", []):
            kept = {key: {} for key in one["fieldsV1"]["f:data"] if key not in fields or one["manager"] == author}
            managers.append({**one, "fieldsV1": {"f:data": kept}})
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
        return foreign_writes(self.revisions)

    def _add(self, name: str, config_map: Json | None) -> "_Story":
        self.revisions.append(Revision(len(self.revisions) + 1, name, config_map, self._last.get(name)))
        self._last[name] = config_map
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

    def test_the_writer_is_who_gained_something(self) -> None:
        story = _Story().job("jm-1", 1, {"a": "1", "b": "1"}).job("jm-2", 1, {"a": "1", "b": "2"})
        story.job("jm-1", 1, {"a": "1", "b": "3"}).job("jm-1", 1, {"a": "1", "b": "4"}).job("jm-2", 2, {"a": "2", "b": "4"})
        self.assertEqual(["jm-1", "jm-2", "jm-1", "jm-1", "jm-2"], [writer(one) for one in story.revisions])

    def test_who_takes_away_the_last_that_it_had_is_the_writer(self) -> None:
        def managed(*names: str) -> Json:
            entries = [{"manager": one, "operation": "Update", "time": f"2026-11-21T06:00:0{n}Z"} for n, one in enumerate(names)]
            return {"metadata": {"managedFields": entries}}

        self.assertEqual("jm-2", writer(Revision(9, _JOB, managed("jm-1"), managed("jm-1", "jm-2"))))
        self.assertEqual("jm-1", writer(Revision(9, _JOB, managed("jm-1"), managed("jm-1"))))

    def test_only_the_revisions_asked_for_are_judged(self) -> None:
        story = _Story().lock("jm-1", 1, "one").job("jm-2", 2, {"counter": "1"}).job("jm-2", 3, {"counter": "2"})
        first, second = (one.number for one in story.revisions if one.name == _JOB)
        self.assertEqual(2, len(foreign_writes(story.revisions)))
        self.assertEqual(1, len(foreign_writes(story.revisions, since=first)))
        self.assertEqual(1, len(foreign_writes(story.revisions, until=first)))
        self.assertEqual(0, len(foreign_writes(story.revisions, since=second)))
