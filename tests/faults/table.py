"""Keeps what the rows have shown in results.json, and renders it as FAULTS.md."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.workspace import ROOT, RUNS, TESTS

from .rows import ROWS, Row

NEW = RUNS / "faults" / "results"
KEPT = TESTS / "faults" / "results.json"
PAGE = TESTS / "FAULTS.md"
SIDES = ("ours", "stock")
Result = dict[str, Any]

_HEAD = """\
# The fault matrix

Every row breaks one thing under a real Flink with a running job that must write each record exactly once, on a real kube-apiserver and
etcd: with this jar, and with Flink's own Kubernetes HA services (the Role has `patch` for them). Both are judged by the same code, from
logs, the audit log of the API server, Flink's REST interface, storage and the job's output (`faults/observation.py`). With the jar, every
row must meet what its test expects; Flink's own services are only looked at.

`tests/faults/run [--full] [--stock] [--seed N] [ROW...]` runs rows; `tests/faults/table` writes this page from what was run. A cell names
what went wrong, and figures; "held" is: never two leaders, no write of a former leader accepted, no completed checkpoint lost, output
exactly once, nothing left after the job, no pointer without its file, and the job runs again within 180 s. "Gap" is the longest time
between two completed checkpoints, which are taken every half second. It comprises the start of the job on another JobManager: all runs of
2026-11-21, 22 and 30 had two cores that were busy with other work, some of them with up to four rows at once, and a JobManager took up to a minute
to start there. What is compared is what happened, not how long it took.

Output and leftovers are judged when a run ends, for all faults of it together.
"""


def merge(kept: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """One result for each row, variant and side, the newer one; in the order of the matrix."""
    by_key = {(one["row"], one["variant"], one["side"]): one for one in (*kept, *new)}
    unknown = sorted({row for row, _, _ in by_key} - set(ROWS))
    if unknown:
        raise SystemExit(f"No rows of the matrix: {', '.join(unknown)}")
    order = list(ROWS)

    def place(one: Result) -> tuple[Any, ...]:
        # 5 s before 30 s.
        parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", one["variant"])]
        return order.index(one["row"]), parts, SIDES.index(one["side"])

    return sorted(by_key.values(), key=place)


def of_lines(prefix: str, readme: str) -> str:
    """The rows of the README's table of Flink lines that begin so."""
    if not prefix:
        return ""
    rows = [line.strip("| ").split(" | ") for line in readme.splitlines() if line.startswith("| ")]
    found = [(first, cells) for first, *cells in rows if first.startswith(prefix)]
    return "; ".join(f"{first}: {', '.join(cell for cell in cells if cell != '–')}" for first, cells in found)


def render(results: Sequence[Result], readme: str = "", rows: Mapping[str, Row] = ROWS) -> str:
    """The page."""
    lines = [_HEAD, "| | fault | | this jar | Flink's own services |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        mine = [one for one in results if one["row"] == name]
        variants = list(dict.fromkeys(one["variant"] for one in mine))
        if not variants:
            shown = "; ".join(part for part in (row.ours or "not run", of_lines(row.lines, readme)) if part)
            lines.append(_line(name, row.fault, "", shown, row.stock or "not run"))
        for index, variant in enumerate(variants):
            by_side = {one["side"]: one for one in mine if one["variant"] == variant}
            instead = {"ours": row.ours, "stock": row.stock}
            cells = [describe(by_side[side]) if side in by_side else instead[side] or "not run" for side in SIDES]
            first = (name, row.fault) if index == 0 else ("", "")
            lines.append(_line(*first, variant, *cells))
    lines += ["", "## Runs", "", "| | command | Flink | date |", "|---|---|---|---|"]
    runs = {(one["row"], one["command"], one["flink"], one["date"]): None for one in results}
    lines += [_line(row, f"`{command}`", flink, date) for row, command, flink, date in runs]
    return "\n".join(lines) + "\n"


def describe(result: Result) -> str:
    """A cell: what was wrong first, then what it cost."""
    seen = result["observation"]
    wrong = list(_wrong(seen))
    parts = [f"**{'; '.join(wrong)}**" if wrong else "held"]
    parts += [_plural(seen["transitions"], "transition"), _plural(seen["restarts"], "restart")]
    if seen["failed_checkpoints"]:
        parts.append(_plural(seen["failed_checkpoints"], "failed checkpoint"))
    if seen["revoked_after_thaw_ms"] is not None:
        parts.append(f"revoked {seen['revoked_after_thaw_ms']} ms after the thaw")
    if seen["stale_refused"]:
        parts.append(f"{_plural(seen['stale_refused'], 'stale write')} refused")
    if seen["available"] and seen["downtime"]:
        parts.append(f"gap {seen['downtime']:.1f} s")
    parts += [f"{name.replace('_', ' ')}: {value}" for name, value in result["figures"].items()]
    return ", ".join(parts)


def _wrong(seen: Result) -> Iterable[str]:
    if seen["overlap_ms"]:
        yield f"two leaders for {seen['overlap_ms'] / 1000:.1f} s"
    if seen["stale_accepted"]:
        yield f"{_plural(seen['stale_accepted'], 'stale write')} accepted"
    if seen.get("foreign_writes"):
        yield f"{_plural(len(seen['foreign_writes']), 'write')} by others than the holder of the lock"
    if seen["lost"]:
        yield "a checkpoint lost"
    if seen["dangling"]:
        yield f"{_plural(len(seen['dangling']), 'pointer')} without a file"
    if not seen["available"]:
        yield "the job did not run again within 180 s"
    if seen["exits"]:
        yield f"{_plural(seen['exits'], 'JobManager')} ended with an error"
    if seen["not_exactly_once"]:
        yield "output not exactly once"
    if seen["leaks"]:
        yield f"{_plural(len(seen['leaks']), 'leftover')} of the job"
    if seen.get("misreported"):
        yield f"{_plural(len(seen['misreported']), 'end')} of leadership not reported once"


def _plural(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'s' if count > 1 else ''}"


def _line(*cells: str) -> str:
    assert not any("|" in cell or "\n" in cell for cell in cells), f"no text for a table: {cells}"
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _read(files: Iterable[Path]) -> list[Result]:
    return [json.loads(file.read_text()) for file in files]


def main() -> None:
    """The command line."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else []
    results = merge(kept, _read(sorted(NEW.glob("*.json"))))
    KEPT.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(render(results, (ROOT / "README.md").read_text()))


if __name__ == "__main__":
    main()
