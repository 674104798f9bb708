"""On each Flink line this jar reads what Flink's own services wrote, and the other way round.

Broken in the jar on purpose, each of these made tests fail in the directions named:

    a delete marker is not seen                          all three
    a removal leaves the file behind                     all three
    a replacement leaves the old file behind             all three
    the size in a pointer is one too large               all three
    keys of checkpoints have eighteen digits             all three
    BLOBs lie in another directory                       both with Flink's own services
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.accounts import Account
from rig.control_plane import DOCUMENTED_VERBS, STOCK_VERBS, Namespace
from rig.waiting import wait_until

from . import base
from .exchange import CLUSTER_CONFIG_MAP, Exchange
from .ha_data import Pointer, pointers, state_files

# Flink's own services take back a lock that they have just released, so that their successor waits for the whole lease.
_SETTINGS = {
    "high-availability.kubernetes.leader-election.lease-duration": "5 s",
    "high-availability.kubernetes.leader-election.renew-deadline": "4 s",
    "high-availability.kubernetes.leader-election.retry-period": "1 s",
}
_ROWS = {
    ("stock", "ours"): "written by Flink's own services, read and cleaned up by this jar",
    ("ours", "stock"): "written by this jar, read and cleaned up by Flink's own services",
    ("ours", "ours"): "written, read and cleaned up by this jar",
}
_LEADER_KEY = "org.apache.flink.k8s.leader."
_CHECKPOINT = "checkpointID-00000000000000000"


@base.ours_only("has nobody to exchange with")
class Matrix(base.ClusterTest):
    """One process writes and goes away while its jobs are to go on; the next leader takes over, and ends the jobs."""

    def _exchange(self, line: str, sides: tuple[str, str]) -> None:
        self._line, self._storage = line, self.directory / "ha"
        ours = self._namespace = self.namespace(DOCUMENTED_VERBS)
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": list(STOCK_VERBS)}
        accounts = {"ours": ours, **({"stock": Account(ours, "stock", [rule])} if "stock" in sides else {})}
        writer, reader = (self._start(name, side, accounts[side]) for name, side in zip(("writer", "reader"), sides))
        for process, side in zip((writer, reader), sides):
            opened = process.hear()
            services = "io.flinkkubeha." if side == "ours" else "org.apache.flink.kubernetes.highavailability."
            self.assertEqual((line, True), (opened["flink"], opened["class"].startswith(services)), opened)

        written = self._write(writer, reader)
        left = self._pointers()
        writer.ask("suspend")
        writer.end()
        self.assertEqual(left, self._pointers())
        # As if the writer had died when it had discarded the state, and before it took the pointer away.
        for key in self._keys([], "f", "3"):
            Path(left[key].file).unlink()

        reader.ask("lead")
        # With the last checkpoint this jar has reserved an id, which nobody else is given.
        next_id = written["checkpoints"]["counter"] + (sides[0] == "ours")
        written["checkpoints"]["counter"] = next_id
        self.assertEqual(written, reader.ask("read"))
        self._finish(reader, left, next_id, sides[1] == "ours")
        reader.ask("clean")
        reader.end()
        self._assert_only_results_are_left(sides)
        self.assert_documented_role_suffices(ours)
        self.record(line, _ROWS[sides], self._items(left))

    def _start(self, name: str, side: str, account: Account | Namespace) -> Exchange:
        jars = base.our_jars() if side == "ours" else []
        process = Exchange(name, self._line, jars, account, self.directory, _SETTINGS)
        self.addCleanup(process.stop)
        process.tell("open")
        return process

    @property
    def _applications(self) -> bool:
        return self._line.startswith("2.3.")

    def _pointers(self) -> dict[str, Pointer]:
        return pointers(*self._namespace.config_maps().values())

    def _keys(self, checkpoints: Sequence[int], plans: str, applications: str) -> list[str]:
        """Keys of pointers, by what their ids are made of."""
        plan = "jobGraph-" if self._line.startswith("1.") else "executionPlan-"
        keys = [f"{_CHECKPOINT}{number}" for number in checkpoints] + [plan + digit * 32 for digit in plans]
        return sorted(keys + [f"application-{digit * 32}" for digit in applications if self._applications])

    def _write(self, writer: Exchange, reader: Exchange) -> Any:
        """What the writer says that it wrote, held against what lies there."""
        published = writer.ask("lead")
        self.assertEqual(4, len(published))
        self.assertEqual(published, reader.ask("retrieve"))
        # Stock's components erase one another's entries for a moment, until all are confirmed.
        wait_until(lambda: self._leaders() == published, "all leaders in the ConfigMap", 5)
        written = writer.ask("write")
        found = self._pointers()
        marked = [key for key, one in found.items() if one.marked]
        self.assertEqual(self._keys([14], "ef", "23"), sorted(marked))
        self.assertEqual(self._keys([15, 16], "ab", "1"), sorted(set(found) - set(marked)))
        self._assert_pointers_and_files_match(found)
        return written

    def _leaders(self) -> dict[str, list[str]]:
        data = (self._namespace.config_map(CLUSTER_CONFIG_MAP) or {}).get("data", {})
        keys = [key for key in data if key.startswith(_LEADER_KEY)]
        return {key.removeprefix(_LEADER_KEY).partition("-")[0]: data[key].split(",", 1) for key in keys}

    def _finish(self, reader: Exchange, left: Mapping[str, Pointer], next_id: int, ours: bool) -> None:
        """The reader goes on from what was left to it: finishes what was begun, adds, replaces, removes."""
        finished = reader.ask("finish")
        found = self._pointers()
        # A checkpoint that this jar has removed, with its file: its key leaves with the next write.
        waiting = [key for key, one in found.items() if one.marked and not Path(one.file).exists()]
        self.assertEqual(self._keys([15] if ours else [], "", ""), waiting)
        found = {key: one for key, one in found.items() if key not in waiting}
        self.assertEqual(self._keys([14, 16], "ae", "12"), sorted(found))
        self.assertEqual([], [key for key, one in found.items() if one.marked])
        self._assert_pointers_and_files_match(found)
        self.assertEqual([], [one.file for one in left.values() if one.marked and Path(one.file).exists()])
        self.assertEqual(next_id, finished["checkpoints"]["next id"])
        state = _checkpoints(finished["checkpoints"]["state"])
        self.assertEqual({"counter": next_id + 1, "completed": [16, 14]}, state)
        self.assertIn("lowerBound=1, upperBound=2", finished["plans"]["live"]["a" * 32])
        self.assertEqual({"one": "not there", "two": "content of two"}, finished["blobs"]["after that"])
        self.assertEqual({"one": "not there", "two": "not there"}, finished["blobs"]["in the end"])
        for kind in ("job results", *(["applications"] if self._applications else [])):
            self.assertEqual([], finished[kind]["dirty results"])

    def _assert_pointers_and_files_match(self, found: Mapping[str, Pointer]) -> None:
        """Each pointer has its file, of the size that it says, and no file is without a pointer."""
        self.assertEqual(sorted(one.file for one in found.values()), state_files(self._storage))
        for key, one in found.items():
            self.assertEqual(one.size, Path(one.file).stat().st_size, key)

    def _assert_only_results_are_left(self, sides: tuple[str, str]) -> None:
        """Jobs and cluster have ended: no ConfigMap, and no file but the results that are marked as clean.

        Flink's own services know nothing of the mirror that this jar has kept.
        """
        self.assertEqual({}, self._namespace.config_maps())
        entries = (entry for name in ("ha", "checkpoints") for entry in (self.directory / name).rglob("*"))
        files = [entry for entry in entries if entry.is_file()]
        if sides == ("ours", "stock"):
            files = [file for file in files if "flink-kube-ha-mirror" not in file.parts]
        results = [f"job-result-store/default/{digit * 32}.json" for digit in "cd"]
        if self._applications:
            results += [f"application-result-store/default/{digit * 32}.json" for digit in "45"]
        self.assertEqual(sorted(results), sorted(str(file.relative_to(self._storage)) for file in files))

    def _items(self, left: Mapping[str, Pointer]) -> str:
        more = int(self._applications)
        addresses, counter, blobs, results = 4, 1, 2 + more, 2 + 2 * more
        return f"{addresses + counter + len(left) + blobs + results} items"


def _checkpoints(state: Mapping[str, Any]) -> dict[str, Any]:
    return {**state, "completed": [one["id"] for one in state["completed"]]}


def _test(line: str, sides: tuple[str, str]) -> Callable[[Matrix], None]:
    return lambda self: self._exchange(line, sides)


for _line in base.LINES:
    for _sides in _ROWS:
        setattr(Matrix, f"test_{_line.replace('.', '_')}_{'_to_'.join(_sides)}", _test(_line, _sides))
