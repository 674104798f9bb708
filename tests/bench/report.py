"""The figures as a page with one table for each group and plots beside it, and the short table of the README."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from . import plots
from .results import Results, Spread
from .sides import FAST, OURS, STOCK

# In the order of the page; what each group is about.
GROUPS = {
    "take-over": "A JobManager ends, and another one leads: whole Flink processes",
    "hand-over": "The release of the lock, HA services alone",
    "calls": "What is asked of the API server",
    "latency": "What a job waits for, one job",
    "throughput": "Twenty jobs, a checkpoint after the other",
    "jobs": "More and more jobs, each a checkpoint after the other",
    "many jobs": "A standby takes over a cluster with many jobs",
    "watchers": "Processes that only look for the leader",
    "clusters": "Many clusters on one API server",
    "storage on S3": "Metadata and blobs on S3: stock with the plug-in on Presto's client, and with the one on Hadoop's",
    "storage in files": "Metadata and blobs in local files",
    "start": "Start of the HA services, in a JVM that has done what every process of Flink does first",
    "footprint": "What a process holds that leads",
    "bridge": "The boundary between Java and native code",
}
# What the README shows of the plots.
_SHOWN = {
    "timelines": "After the end of the leader",
    "calls": "What is asked of the API server",
    "latency-distribution": "What a job waits for",
    "jobs": "Checkpoints of more and more jobs",
    "watchers-growing": "What more and more TaskManagers receive",
}
_BEGIN, _END = "<!-- written by tests/bench/run --publish -->", "<!-- up to here -->"


def write(results: Results, facts: dict[str, str], directory: Path) -> None:
    """FIGURES.md and plots/ in that directory."""
    (directory / "plots").mkdir(exist_ok=True)
    (directory / "FIGURES.md").write_text("\n".join(_page(results, facts, directory)) + "\n")


def write_into(readme: Path, results: Results, facts: dict[str, str]) -> None:
    """All rows, with medians only, and some plots, between the marks in the README."""
    text = readme.read_text()
    begin, end = text.index(_BEGIN) + len(_BEGIN), text.index(_END)
    readme.write_text(text[:begin] + "\n" + "\n".join(_short(results, facts)) + "\n" + text[end:])


def _short(results: Results, facts: dict[str, str]) -> Iterator[str]:
    yield "What it costs and how fast it is, by [benchmarks](tests/README.md#the-benchmarks) of both sides in one run; [all of it](tests/bench/FIGURES.md),"
    yield f"with spreads. {facts['Date']}, {facts['Command']}, on {facts['Machine']}; {facts['Versions']}."
    yield "Medians; the ratio is how many times less than stock's, or how many times more a second."
    yield ""
    yield "| | Flink's own services | this jar | ratio |"
    yield "|---|---|---|---|"
    for group in GROUPS:
        for row in _rows(results, group):
            ours = _median(row, OURS.name)
            if FAST.name in row.sides:
                ours += f"; {_median(row, FAST.name)} {FAST.name}"
            yield f"| {row.what} | {_median(row, STOCK.name)} | {ours} | {_ratio(row)} |"
    yield ""
    for name, title in _SHOWN.items():
        if (Path(__file__).parent / "plots" / f"{name}.svg").exists():
            yield f"![{title}](tests/bench/plots/{name}.svg)"


def _median(row: plots.Row, side: str) -> str:
    if side not in row.sides:
        return "–"
    spread = row.sides[side]
    tail = f" (p99 {plots.number(spread.p99)})" if spread.count >= 100 else ""
    return f"{plots.number(spread.median)} {row.unit}".strip() + tail


def _page(results: Results, facts: dict[str, str], directory: Path) -> Iterator[str]:
    yield "# Figures"
    yield ""
    yield "Written by `tests/bench/run --publish`. Both sides ran in turn on the same machine and the same API server."
    yield "Median, in brackets the smallest and the largest value; ratio of the medians: how many times less than stock, or how many times more a second."
    yield ""
    for name, fact in facts.items():
        yield f"- {name}: {fact}"
    for group, title in GROUPS.items():
        rows = _rows(results, group)
        if not rows:
            continue
        yield ""
        yield f"## {title}"
        yield ""
        for name, plot in _plots(group, title, rows):
            (directory / "plots" / f"{name}.svg").write_text(plot)
            yield f"![{title}](plots/{name}.svg)"
            yield ""
        others = sorted({side for row in rows for side in row.sides} - {STOCK.name, OURS.name})
        names = [STOCK.name, OURS.name, *others]
        yield f"| | {' | '.join(names)} | ratio | values |"
        yield f"|---|{'---|' * len(names)}---|---|"
        for row in rows:
            cells = [_cell(row, name) for name in names]
            counts = "/".join(str(row.sides[name].count) for name in names if name in row.sides)
            yield f"| {row.what} | {' | '.join(cells)} | {_ratio(row)} | {counts} |"


def _plots(group: str, title: str, rows: Sequence[plots.Row]) -> Iterator[tuple[str, str]]:
    name = group.replace(" ", "-")
    growing = [row for row in rows if row.what.split()[0].isdigit()]
    if group == "take-over":
        yield "timelines", plots.timelines("After the end of the leader, in seconds", _timelines(rows))
    elif group == "latency":
        yield f"{name}-distribution", plots.distributions(title, rows)
    elif group == "jobs":
        yield name, plots.curves(title, rows[0].unit, growing, "jobs")
        return
    elif group == "watchers":
        growing = [row for row in growing if row.unit == "MiB"]
        yield f"{name}-growing", plots.curves(title, "MiB a minute", growing, "TaskManagers")
    yield name, plots.strips(title, rows)


def _timelines(rows: Sequence[plots.Row]) -> list[tuple[str, str, list[tuple[str, float]]]]:
    """What a fault leads to, by medians: rows of one fault are called `FAULT → EVENT`."""
    lines: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for row in rows:
        fault, event = row.what.rsplit(" → ", 1)
        for side, spread in row.sides.items():
            lines.setdefault((fault, side), []).append((event, spread.median))
    return [(fault, side, sorted(events, key=lambda one: one[1])) for (fault, side), events in sorted(lines.items())]


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
    if not stocks or not ours or not ours.median or not all(stock.median for stock in stocks):
        return "–"
    more_is_better = row.unit.endswith("/s")
    ratios = (ours.median / stock.median if more_is_better else stock.median / ours.median for stock in stocks)
    return ", ".join(f"{ratio:.3g}" for ratio in ratios)
