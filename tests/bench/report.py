"""The figures as a page with one table for each group, and a plot beside it."""

from collections.abc import Iterator
from pathlib import Path

from . import plots
from .results import Results, Spread
from .sides import OURS, STOCK

# In the order of the page; what each group is about.
GROUPS = {
    "take-over": "A JobManager ends, and another one leads: whole Flink processes",
    "hand-over": "The release of the lock, HA services alone",
    "calls": "What is asked of the API server",
    "latency": "What a job waits for, one job",
    "throughput": "Twenty jobs, a checkpoint after the other",
    "many jobs": "A standby takes over a cluster with many jobs",
    "watchers": "Processes that only look for the leader",
    "storage on S3": "Metadata and blobs on S3: stock with the plug-in on Presto's client, and with the one on Hadoop's",
    "storage in files": "Metadata and blobs in local files",
    "start": "Start of the HA services, in a new JVM",
    "footprint": "What a process holds that leads",
}


def write(results: Results, facts: dict[str, str], directory: Path) -> None:
    """FIGURES.md and plots/ in that directory."""
    (directory / "plots").mkdir(exist_ok=True)
    (directory / "FIGURES.md").write_text("\n".join(_page(results, facts, directory)) + "\n")


def _page(results: Results, facts: dict[str, str], directory: Path) -> Iterator[str]:
    yield "# Figures"
    yield ""
    yield "Written by `tests/bench/run --publish`. Both sides ran in turn on the same machine and the same API server."
    yield "Median, in brackets the smallest and the largest value; ratio of the medians, stock to ours."
    yield ""
    for name, fact in facts.items():
        yield f"- {name}: {fact}"
    for group, title in GROUPS.items():
        rows = _rows(results, group)
        if not rows:
            continue
        plot = f"plots/{group.replace(' ', '-')}.svg"
        (directory / plot).write_text(plots.strips(title, rows))
        yield ""
        yield f"## {title}"
        yield ""
        yield f"![{title}]({plot})"
        yield ""
        others = sorted({side for row in rows for side in row.sides} - {STOCK.name, OURS.name})
        names = [STOCK.name, OURS.name, *others]
        yield f"| | {' | '.join(names)} | ratio | values |"
        yield f"|---|{'---|' * len(names)}---|---|"
        for row in rows:
            cells = [_cell(row, name) for name in names]
            counts = "/".join(str(row.sides[name].count) for name in names if name in row.sides)
            yield f"| {row.what} | {' | '.join(cells)} | {_ratio(row)} | {counts} |"


def _rows(results: Results, group: str) -> list[plots.Row]:
    whats = dict.fromkeys((one.what, one.unit) for one in results.samples if one.group == group)
    rows = []
    for what, unit in whats:
        sides = dict.fromkeys(one.side for one in results.samples if (one.group, one.what) == (group, what))
        values = {side: results.values(group, what, side) for side in sides}
        rows.append(plots.Row(what, unit, values, {side: Spread.of(found) for side, found in values.items()}))
    return rows


def _cell(row: plots.Row, side: str) -> str:
    if side not in row.sides:
        return "–"
    spread = row.sides[side]
    text = f"{plots.number(spread.median)} {row.unit}".strip()
    if spread.count == 1:
        return text
    tail = f", p99 {plots.number(spread.p99)}" if spread.count >= 100 else ""
    return f"{text} ({plots.number(spread.low)}–{plots.number(spread.high)}{tail})"


def _ratio(row: plots.Row) -> str:
    """To ours, of stock and then of its variants."""
    ours = row.sides.get(OURS.name)
    stocks = [spread for name, spread in row.sides.items() if name.startswith(STOCK.name)]
    if not stocks or not ours or not ours.median:
        return "–"
    return ", ".join(f"{stock.median / ours.median:.3g}" for stock in stocks)
