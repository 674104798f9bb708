"""What the rows of the fault matrix share: a fleet, an expectation, a record of what was shown."""

import datetime
import json
import os
from collections.abc import Callable, Mapping, Set
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cluster.base
from cluster.base import FULL, LEASE, MARGIN, STOCK, VERBS, directory, kubernetes, teardown
from rig.proxy import FaultProxy
from rig.workspace import FLINK_VERSION, RUNS, progress

from . import fleet
from .fleet import Fleet
from .observation import Observation, missed

__all__ = [
    *("FULL", "LEASE", "MARGIN", "STOCK", "VERBS", "SEED", "SIDE", "RESULTS"),
    *("directory", "kubernetes", "setup", "teardown", "FaultTest"),
]

SEED = int(os.environ.get("FLINKKUBEHA_SEED") or 1)
SIDE = "stock" if STOCK else "ours"
# One file for each row, variant and side, until tests/faults/table has read it.
RESULTS = RUNS / "faults" / "results"


def setup() -> None:
    """Before the first row."""
    cluster.base.setup(f"faults/{SIDE}", audit_bodies=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    progress(f"seed {SEED}")


class FaultTest(cluster.base.ClusterTest):
    """One row of the matrix, on ours or on Flink's own HA services."""

    # Its name in the matrix.
    row = ""
    # Whether it runs without being named and without --full; what the cluster tier shows is not shown twice.
    in_ci = False

    def setUp(self) -> None:
        super().setUp()
        self._missed: list[str] = []

    def tearDown(self) -> None:
        # When everything is recorded: the table tells of what was missed, too.
        self.assertEqual([], self._missed)
        super().tearDown()

    def fleet(
        self,
        job_managers: int = 2,
        task_managers: int = 1,
        settings: Mapping[str, str | None] | None = None,
        path: Callable[[], fleet.Path] | None = None,
        direct: bool = False,
        debug: bool = False,
        job: Mapping[str, Any] | None = None,
        seed: int = SEED,
        **options: Any,
    ) -> Fleet:
        """A running fleet: a path for each JobManager (a FaultProxy unless `path` makes another), the counting job.

        With `direct` there are no paths; with `debug`, JVMs can be suspended. `job` as CountingJob takes it, `options`
        as FlinkCluster does.
        """
        name = options.pop("name", "flink")
        started = self.flink(
            name, job_managers=job_managers, task_managers=task_managers, settings=settings, **options
        )

        def make_path() -> fleet.Path:
            made = path() if path else FaultProxy(kubernetes().access.server, seed)
            self.addCleanup(made.close)
            return made

        result = Fleet(started, None if direct else make_path, seed, started.namespace.kubernetes.audit, debug)
        result.start(**(job or {}))
        return result

    def expect(
        self,
        seen: Observation,
        transitions: Any = 0,
        restarts: Any = 0,
        failed_checkpoints: Any = 0,
        exits: Any = 0,
        causes: list[str] | Set[str] | None = frozenset(),
        **more: Any,
    ) -> None:
        """Every oracle holds, and these figures are as they should be: a value, or a range, tuple or set of them.

        `causes` of lost leaderships are a list, in order, or a set of which each is one; without it none may have been lost, but by
        whoever was killed. None for a figure that is not expected to be anything. What was missed fails the test at its end, when it is recorded; on
        stock it is reported.
        """
        named = {"transitions": transitions, "restarts": restarts, "failed_checkpoints": failed_checkpoints}
        named |= {"exits": exits, **more}
        if not STOCK:
            named["causes"] = causes
        sentences = missed(seen, {name: value for name, value in named.items() if value is not None})
        if STOCK:
            for sentence in sentences:
                self.report(f"stock: {sentence}")
        elif sentences:
            self._missed += [*sentences, f"of {seen}"]

    def record(self, variant: str, seen: Observation, **figures: Any) -> None:
        """For the table: how this variant of the row went; `figures` are further columns, by name."""
        command = f"tests/faults/run{' --full' if FULL else ''}{' --stock' if STOCK else ''} --seed {SEED}"
        result = {
            "row": self.row,
            "variant": variant,
            "side": SIDE,
            "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "seed": SEED,
            "flink": FLINK_VERSION,
            "command": f"{command} {type(self).__name__}",
            "observation": asdict(seen),
            "figures": figures,
        }
        file: Path = RESULTS / f"{self.row}.{variant.replace(' ', '-').replace('/', '-') or 'only'}.{SIDE}.json"
        file.write_text(json.dumps(result, indent=1) + "\n")
        shown = {key: value for key, value in asdict(seen).items() if value not in (0, [], None)}
        self.report(f"{self.row} {variant}: {shown} {figures or ''}")
