"""Renders what the tests of the lines have shown as the README's compatibility table."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypedDict

from rig.workspace import LINES, ROOT, RUNS

# In the README; what is between them is written here.
BEGIN, END = "<!-- tests/lines/table: begin -->", "<!-- tests/lines/table: end -->"
SHOWN = RUNS / "lines" / "shown.json"


class Shown(TypedDict):
    """One cell, as `ClusterTest.record` leaves it."""

    line: str
    what: str
    result: str
    test: str
    date: str


def render(shown: Sequence[Shown]) -> str:
    """A table with a row for each `what`, in their order, and a column for each line; the later of two cells counts."""
    rows: dict[str, dict[str, str]] = {}
    for cell in shown:
        rows.setdefault(cell["what"], {})[cell["line"]] = cell["result"]
    columns = sorted({cell["line"] for cell in shown}, key=lambda line: (line not in LINES, line))
    dates = sorted({cell["date"] for cell in shown})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    lines = [
        f"Shown by `tests/lines/run`, {when}:",
        "",
        _row("", columns),
        _row("---", ["---"] * len(columns), space=""),
        *(_row(what, [cells.get(column, "–") for column in columns]) for what, cells in rows.items()),
    ]
    return "\n".join(lines)


def _row(first: str, cells: Iterable[str], space: str = " ") -> str:
    texts = [first, *cells]
    assert not any("|" in text or "\n" in text for text in texts), f"no text for a table: {texts}"
    return "|" + "|".join(f"{space}{text}{space}" if text else space for text in texts) + "|"


def put(text: str, table: str) -> str:
    """The text with the table between its two marks."""
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{BEGIN} and {END} have to stand in the text once, in this order.")
    return f"{before}{begin}\n{table}\n{end}{after}"


def main() -> None:
    """The command line."""
    files = [Path(argument) for argument in sys.argv[1:]] or [SHOWN]
    shown = [cell for file in files for cell in json.loads(file.read_text())]
    readme = ROOT / "README.md"
    readme.write_text(put(readme.read_text(), render(shown)))


if __name__ == "__main__":
    main()
