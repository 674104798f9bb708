"""Plots as SVG: one strip for each row and side, a dot for each value, a bar at the median."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from .results import Spread

_WIDTH, _LEFT, _RIGHT = 860, 330, 60
_STRIP, _GAP, _TOP, _BOTTOM = 18, 14, 56, 34
_COLOURS = ("#b5651d", "#1f6f8b", "#4c9a52", "#7d5ba6")
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
    """One plot with a logarithmic axis; it looks the same on a light and a dark page."""
    sides = list(dict.fromkeys(side for row in rows for side in row.values))
    colours = dict(zip(sides, _COLOURS))
    height = _TOP + _BOTTOM + sum(len(row.values) * _STRIP + _GAP for row in rows)
    axis = _Axis([value for row in rows for values in row.values.values() for value in values])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
        *_legend(colours),
        *axis.lines(height),
    ]
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

    def __init__(self, values: Sequence[float]) -> None:
        positive = [value for value in values if value > 0] or [1.0]
        self._first = math.floor(math.log10(min(positive)))
        self._last = max(self._first + 1, math.ceil(math.log10(max(positive))))

    def x(self, value: float) -> float:
        """A value that has no logarithm stands at the left end."""
        exponent = math.log10(value) if value > 0 else self._first
        part = (exponent - self._first) / (self._last - self._first)
        return _LEFT + max(0.0, part) * (_WIDTH - _LEFT - _RIGHT)

    def lines(self, height: int) -> Iterator[str]:
        """One for each power of ten."""
        for exponent in range(self._first, self._last + 1):
            x = self.x(10.0**exponent)
            yield f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{height - _BOTTOM}" stroke="#dddddd"/>'
            yield f'<text x="{x:.1f}" y="{height - 14}" text-anchor="middle" fill="#555555">{10.0**exponent:g}</text>'
