"""What was measured, and what is said of it."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """What one measurement of one side has given; several values are those of its single operations."""

    benchmark: str  # what made it
    group: str  # a table, and a plot
    what: str  # a row of it
    unit: str
    side: str
    values: Sequence[float]


@dataclass(frozen=True)
class Spread:
    """A row's figures of one side, over all runs."""

    count: int
    median: float
    low: float  # the smallest
    high: float  # the largest
    p99: float

    @staticmethod
    def of(values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        ordered = sorted(values)
        return Spread(
            len(ordered),
            statistics.median(ordered),
            ordered[0],
            ordered[-1],
            ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        )


class Results:
    """All samples of one run, on disk as they come."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.samples: list[Sample] = []
        self.facts: dict[str, str] = {}
        if file.exists():
            kept = json.loads(file.read_text())
            self.samples, self.facts = [Sample(**one) for one in kept["samples"]], kept["facts"]

    def add(self, sample: Sample) -> None:
        """Keeps it."""
        self.samples.append(sample)

    def forget(self, benchmark: str) -> None:
        """Drops what an earlier run of it has given."""
        self.samples = [sample for sample in self.samples if sample.benchmark != benchmark]

    def save(self, facts: dict[str, str]) -> None:
        """Writes everything; `facts` say on what it was measured."""
        text = json.dumps({"facts": facts, "samples": [asdict(sample) for sample in self.samples]})
        self._file.write_text(text + "\n")

    def values(self, group: str, what: str, side: str) -> list[float]:
        """All values of a row and side, over all runs."""
        found = [one for one in self.samples if (one.group, one.what, one.side) == (group, what, side)]
        return [value for sample in found for value in sample.values]
