"""A drawing of how times grow with a collection: lines on two logarithmic axes, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

from benchmarks.results import Row

WIDTH, HEIGHT = 760, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 250, 20, 50  # margins; the names stand at the right
_LINE = 15  # least distance between two names
_SECONDS = {"s": 1.0, "ms": 0.001}
_COLOURS = (
    "#0b6e99",
    "#b4520a",
    "#2a7d3b",
    "#8a2f8a",
    "#a11d33",
    "#5b5b00",
    "#00695c",
    "#4a4a8a",
)  # 4.5:1 on white
_STYLE = "font: 13px system-ui, sans-serif"


def growth(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Return a drawing of the rows of these names; their sizes are the columns that are numbers, in s or ms."""
    chosen = [next(row for row in rows if row[""] == name) for name in names]
    sizes = [column for column in chosen[0] if column.replace(",", "").isdecimal()]
    ns = [int(size.replace(",", "")) for size in sizes]
    lines = {
        str(row[""]): [_SECONDS[str(row["unit"])] * float(row[size]) for size in sizes] for row in chosen
    }
    return "\n".join(_drawing(ns, lines)) + "\n"


def _drawing(ns: Sequence[int], lines: Mapping[str, Sequence[float]]) -> Iterator[str]:
    every = [value for values in lines.values() for value in values]
    low, high = floor(log10(min(every))), ceil(log10(max(every)))

    def x(n: int) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * log10(n / ns[0]) / log10(ns[-1] / ns[0])

    def y(seconds: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (log10(seconds) - low) / (high - low)

    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" style="{_STYLE}">'
    )
    yield "<title>Seconds by the number of passages, both axes logarithmic</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    for power in range(low, high + 1):
        yield _rule(_LEFT, y(10.0**power), WIDTH - _RIGHT, y(10.0**power))
        yield _text(_LEFT - 8, y(10.0**power) + 4, f"{10.0**power:g} s", "end")
    for n in ns:
        yield _rule(x(n), _TOP, x(n), HEIGHT - _BOTTOM)
        yield _text(x(n), HEIGHT - _BOTTOM + 20, f"{n:,}", "middle")
    places = _apart([y(values[-1]) for values in lines.values()])
    for (name, values), place, colour in zip(lines.items(), places, _COLOURS, strict=False):
        points = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in zip(ns, values, strict=True))
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield _text(WIDTH - _RIGHT + 10, place + 4, name, "start", colour)
    yield _text(_LEFT + (WIDTH - _LEFT - _RIGHT) / 2, HEIGHT - 10, "passages", "middle")
    yield "</svg>"


def _apart(heights: Sequence[float]) -> list[float]:
    """Return the heights of names, moved down as far as it takes for them not to cover each other."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    moved = list(heights)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + _LINE)
    return moved


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
