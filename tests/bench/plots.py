"""Plots as SVG. Each looks the same on a light and a dark page."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from .results import Spread

_WIDTH, _LEFT, _RIGHT = 860, 330, 60
_STRIP, _GAP, _TOP, _BOTTOM = 18, 14, 56, 34
_COLOURS = ("#b5651d", "#1f6f8b", "#4c9a52", "#7d5ba6", "#c2408b", "#556270")
# More than these say nothing more, and make a large file.
_DOTS = 200


@dataclass(frozen=True)
class Row:
    """A row of a table, with its values of each side."""

    what: str
    unit: str
    values: Mapping[str, Sequence[float]]
    sides: Mapping[str, Spread]


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def strips(title: str, rows: Sequence[Row]) -> str:
    """One strip for each row and side on a logarithmic axis: a dot for each value, a bar at the median."""
    colours = _colours(rows)
    height = _TOP + _BOTTOM + sum(len(row.values) * _STRIP + _GAP for row in rows)
    axis = _Axis([value for row in rows for values in row.values.values() for value in values])
    parts = [*_page(title, height), *_legend(colours), *axis.lines(height)]
    top = float(_TOP)
    for row in rows:
        label = f"{row.what}{f' [{row.unit}]' if row.unit else ''}"
        middle = top + len(row.values) * _STRIP / 2 + 4
        parts.append(f'<text x="{_LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(label)}</text>')
        for side, values in row.values.items():
            parts += _strip(axis, values, row.sides[side], top, colours[side])
            top += _STRIP
        top += _GAP
    return "\n".join([*parts, "</svg>", ""])


def timelines(title: str, rows: Sequence[tuple[str, str, Sequence[tuple[str, float]]]]) -> str:
    """A bar for each row and side, from the fault on: what has happened after how many seconds, on a linear axis."""
    colours = dict(zip(dict.fromkeys(side for _, side, _ in rows), _COLOURS))
    whole = max((seconds for _, _, events in rows for _, seconds in events), default=1.0)
    height = _TOP + _BOTTOM + len(rows) * (_STRIP + _GAP)
    width = _WIDTH - _LEFT - 170
    parts = [*_page(title, height), *_legend(colours)]
    for second in range(0, math.ceil(whole) + 1, max(1, math.ceil(whole / 10))):
        parts += _grid(_LEFT + second / whole * width, height, f"{second} s")
    for place, (what, side, events) in enumerate(rows):
        top = _TOP + place * (_STRIP + _GAP)
        parts.append(f'<text x="{_LEFT - 10}" y="{top + 14}" text-anchor="end">{escape(what)}</text>')
        x = float(_LEFT)
        for step, (name, seconds) in enumerate(events):
            end = _LEFT + seconds / whole * width
            opacity = 1 - 0.5 * step / max(1, len(events) - 1)
            parts.append(
                f'<rect x="{x:.1f}" y="{top + 2}" width="{max(1.5, end - x):.1f}" height="{_STRIP - 4}" '
                f'fill="{colours[side]}" fill-opacity="{opacity:.2f}"><title>{escape(name)}: {number(seconds)} s</title></rect>'
            )
            x = max(x, end)
        told = ", ".join(f"{name} {number(seconds)}" for name, seconds in events)
        parts.append(f'<text x="{x + 6:.1f}" y="{top + 14}" fill="{colours[side]}">{escape(told)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def curves(title: str, unit: str, rows: Sequence[Row], across: str) -> str:
    """Medians of rows whose names begin with a number, over that number, a line for each side; both axes are logarithmic."""
    lines = {
        side: [(float(row.what.split()[0]), row.sides[side].median) for row in rows if side in row.sides]
        for side in _colours(rows)
    }
    return _lines(title, unit, lines, across, linear=False)


def distributions(title: str, rows: Sequence[Row]) -> str:
    """What part of the values lies below which time: a line for each row and side."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for side, values in row.values.items():
            ordered = sorted(value for value in values if value > 0)
            step = max(1, len(ordered) // _DOTS)
            part = [(value, 100 * (rank + 1) / len(ordered)) for rank, value in enumerate(ordered)]
            lines[f"{row.what}, {side}"] = part[::step] + part[-1:]
    return _lines(title, "%", lines, rows[0].unit, linear=True)


def _lines(
    title: str, unit: str, lines: Mapping[str, Sequence[tuple[float, float]]], across: str, linear: bool
) -> str:
    left, top, bottom = 70, 44, 300
    height = bottom + 44 + 18 * len(lines)
    xs = _Axis([x for points in lines.values() for x, _ in points], left, _WIDTH - 40)
    ys = _Axis([y for points in lines.values() for _, y in points], bottom, top)
    parts = [*_page(title, height)]
    for exponent, x in xs.ticks():
        parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#555555">{10.0**exponent:g}</text>')
    heights = [(f"{part}", bottom - part / 100 * (bottom - top)) for part in range(0, 101, 25)] if linear else [
        (f"{10.0**exponent:g}", y) for exponent, y in ys.ticks()
    ]
    for label, y in heights:
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{_WIDTH - 40}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#555555">{label}</text>')
    parts.append(f'<text x="{left}" y="{top - 6}" fill="#555555">{escape(unit)}</text>')
    parts.append(f'<text x="{_WIDTH - 40}" y="{bottom + 32}" text-anchor="end" fill="#555555">{escape(across)}</text>')
    for index, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        place = [
            (xs.x(x), bottom - y / 100 * (bottom - top) if linear else ys.x(y)) for x, y in sorted(points)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if not linear:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in place]
        y = bottom + 50 + 18 * index
        parts.append(f'<circle cx="{left + 5}" cy="{y - 4}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{left + 16}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _page(title: str, height: float) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">'
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    yield f'<text x="12" y="22" font-size="15" font-weight="bold">{escape(title)}</text>'


def _grid(x: float, height: float, label: str) -> Iterator[str]:
    yield f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{height - _BOTTOM}" stroke="#dddddd"/>'
    yield f'<text x="{x:.1f}" y="{height - 14}" text-anchor="middle" fill="#555555">{label}</text>'


def _colours(rows: Sequence[Row]) -> dict[str, str]:
    return dict(zip(dict.fromkeys(side for row in rows for side in row.values), _COLOURS))


def _legend(colours: Mapping[str, str]) -> Iterator[str]:
    x = 12
    for side, colour in colours.items():
        yield f'<circle cx="{x + 5}" cy="38" r="5" fill="{colour}"/>'
        yield f'<text x="{x + 15}" y="42">{escape(side)}</text>'
        x += 40 + 8 * len(side)


def _strip(axis: "_Axis", values: Sequence[float], spread: Spread, top: float, colour: str) -> Iterator[str]:
    middle = top + _STRIP / 2
    ordered = sorted(values)
    step = max(1, len(ordered) // _DOTS)
    for value in ordered[::step]:
        yield f'<circle cx="{axis.x(value):.1f}" cy="{middle:.1f}" r="3" fill="{colour}" fill-opacity="0.45"/>'
    x = axis.x(spread.median)
    yield f'<rect x="{x - 1.5:.1f}" y="{top + 2:.1f}" width="3" height="{_STRIP - 4}" fill="{colour}"/>'
    yield f'<text x="{axis.x(spread.high) + 8:.1f}" y="{middle + 4:.1f}" fill="{colour}">{number(spread.median)}</text>'


class _Axis:
    """From the power of ten below the smallest value to the one above the largest."""

    def __init__(self, values: Sequence[float], start: float = _LEFT, end: float = _WIDTH - _RIGHT) -> None:
        positive = [value for value in values if value > 0] or [1.0]
        self._start, self._end = start, end
        self._first = math.floor(math.log10(min(positive)))
        self._last = max(self._first + 1, math.ceil(math.log10(max(positive))))

    def x(self, value: float) -> float:
        """Its place; a value that has no logarithm stands at the beginning."""
        exponent = math.log10(value) if value > 0 else self._first
        part = (exponent - self._first) / (self._last - self._first)
        return self._start + max(0.0, part) * (self._end - self._start)

    def ticks(self) -> Iterator[tuple[int, float]]:
        """The exponents of ten, and their places."""
        for exponent in range(self._first, self._last + 1):
            yield exponent, self.x(10.0**exponent)

    def lines(self, height: float) -> Iterator[str]:
        """One for each power of ten."""
        for exponent, x in self.ticks():
            yield from _grid(x, height, f"{10.0**exponent:g}")
