"""Systems beside each other as bars, as SVG: f1 with its interval, and the time of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import log10

from benchmarks.results import Part

TIME = "ms per answer"  # the column of the table that the second bars show
WIDTH, ROW = 760, 34  # of the drawing, and the height of a system
_TOP, _NAMES, _BAR, _GAP = (
    40,
    270,
    190,
    60,
)  # heights and widths of the heads, the names, the bars, between them
_OURS, _THEIRS = "#0b6e99", "#8a8a8a"
_STYLE = "font: 13px system-ui, sans-serif"


@dataclass(frozen=True, slots=True)
class Bar:
    """A system: its f1 with the 95 % interval, and its milliseconds per answer."""

    name: str
    f1: float
    low: float
    high: float
    ms: float


def drawing(part: Part) -> str:
    """Return the drawing of the systems in a part's first table."""
    f1 = {score.what: score for score in part.scores}
    bars = []
    for row in part.tables[0].rows:
        score = f1[f"f1, {row['system']}"]
        bars.append(Bar(str(row["system"]), score.value, score.low, score.high, float(row[TIME])))
    return drawn(bars)


def drawn(bars: Sequence[Bar]) -> str:
    """Return a row for each system; f1 begins at 0, the times are logarithmic and begin at a tenth of the least."""
    height = _TOP + ROW * len(bars) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" style="{_STYLE}">',
        "<title>f1, and milliseconds per answer, of each system</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(_NAMES, 22, "f1, 95 % interval"),
        _text(_NAMES + _BAR + _GAP, 22, "ms per answer, logarithmic"),
    ]
    times = [bar.ms for bar in bars]
    least, most = min(times) / 10, max(times)
    for n, bar in enumerate(bars):
        share = log10(bar.ms / least) / log10(most / least)
        lines += _row(bar, _TOP + ROW * n, share)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _row(bar: Bar, top: int, share: float) -> Iterator[str]:
    colour = _OURS if bar.name.startswith("Citewise") else _THEIRS
    middle, second = top + ROW // 2, _NAMES + _BAR + _GAP
    yield _text(_NAMES - 10, middle + 4, bar.name, "end")
    yield _box(_NAMES, top + 7, _BAR * bar.f1, colour)
    low, high = (_NAMES + _BAR * value for value in (bar.low, bar.high))
    yield f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#111" stroke-width="2"/>'
    yield _text(_NAMES + _BAR * max(bar.f1, bar.high) + 6, middle + 4, f"{bar.f1:.2f}")
    yield _box(second, top + 7, _BAR * share, colour)
    yield _text(second + _BAR * share + 6, middle + 4, f"{bar.ms:,.0f}" if bar.ms >= 1 else f"{bar.ms:.1f}")


def _box(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{ROW - 14}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{escape(text)}</text>'
