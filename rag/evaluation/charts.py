"""The drawings of a report, as SVG that takes its colours from the page around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10

from rag.evaluation.curves import Bin, Point
from rag.markup import safe

WIDTH, HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 16, 46  # margins
_LABEL_GAP = 15  # least distance between the names of two lines
_TICKS = 5  # at most, on an axis that is no share
SHARES = tuple(n / 5 for n in range(6))
_TOPS = (0.1, 0.25, 0.5, 1.0)  # of an axis of risks, so that its ticks are round
RISK = 0.05  # below it lies coverage@95


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: what it measures, from where to where, and its ticks with what is written at them."""

    name: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How the seconds of a stage are spread: the quantiles of 5, 25, 50, 75 and 95 percent, in milliseconds."""

    stage: str
    quantiles: tuple[float, float, float, float, float]


def share_axis(name: str) -> Axis:
    """Return an axis from 0 to 100 %."""
    return Axis(name, 0.0, 1.0, tuple((share, f"{share:.0%}") for share in SHARES))


def risk_coverage(points: Sequence[Point], threshold: float) -> str:
    """Return the risk–coverage curve, with the risk of 5 % and the place of the threshold marked."""
    at = next((point for point in reversed(points) if point.confidence >= threshold), None)
    riskiest = max(point.risk for point in points)
    top = next(top for top in _TOPS if top >= max(2 * RISK, riskiest))
    ticks = tuple((share * top, f"{share * top:.0%}") for share in SHARES)
    frame = _Frame(share_axis("questions answered"), Axis("of these, wrong", 0.0, top, ticks))
    parts = [frame.line(0, RISK, 1, RISK, "rule"), frame.text(1, RISK, "5 %", "end", dy=-4)]
    parts.append(frame.path([(point.coverage, point.risk) for point in points], 0))
    if at:
        side = "start" if at.coverage < 0.2 else "end" if at.coverage > 0.8 else "middle"
        parts.append(frame.line(at.coverage, 0, at.coverage, top, "rule"))
        parts.append(frame.text(at.coverage, top, f"threshold {threshold:g}", side, dy=-5))
        parts.append(frame.dot(at.coverage, at.risk, 0))
    reached = f"{at.coverage:.0%} of the questions with {at.risk:.1%} wrong" if at else "nothing is answered"
    told = f"With the threshold {threshold:g}: {reached}; without one, {points[-1].risk:.1%} are wrong."
    return frame.drawn("Risk and coverage", told, parts)


def reliability(bins: Sequence[Bin]) -> str:
    """Return the reliability diagram: how many answers of each confidence are right, with their numbers."""
    frame = _Frame(share_axis("confidence"), share_axis("of these, right"))
    parts = [frame.bar(row.low, row.high, row.right) for row in bins]
    parts += [frame.line(0, 0, 1, 1, "rule"), *(frame.dot(row.confidence, row.right, 1) for row in bins)]
    parts += [
        frame.text(
            (row.low + row.high) / 2, row.right, f"{row.n:,}", "middle", dy=-8 if row.right < 0.9 else 16
        )
        for row in bins
    ]
    rows = "; ".join(f"of {row.n:,} at {row.confidence:.2f}, {row.right:.0%} right" for row in bins)
    return frame.drawn("Reliability of the confidence", f"By confidence: {rows}.", parts)


def hits(by_name: Mapping[str, Sequence[float]]) -> str:
    """Return hit@k for k from 1 on, a line for each retriever."""
    depth = max(map(len, by_name.values()))
    ticks = tuple((float(k), str(k)) for k in range(1, depth + 1))
    low = floor(5 * min(0.8, *map(min, by_name.values()))) / 5
    up = Axis("hit@k", low, 1.0, tuple((at := low + (1 - low) * share, f"{at:.0%}") for share in SHARES))
    frame = _Frame(Axis("k, articles looked at", 1, max(depth, 2), ticks), up, right=80)
    parts = [
        frame.path([(float(k), value) for k, value in enumerate(values, start=1)], n)
        for n, values in enumerate(by_name.values())
    ]
    heights = _apart([frame.y(values[-1]) for values in by_name.values()])
    parts += [frame.name(name, y, n) for n, (name, y) in enumerate(zip(by_name, heights, strict=True))]
    told = "; ".join(f"{name}: {v[0]:.0%} at 1, {v[-1]:.0%} at {depth}" for name, v in by_name.items())
    return frame.drawn("Gold article among the first k", f"Retrievers: {told}.", parts)


def latency(spreads: Sequence[Spread]) -> str:
    """Return the spread of the milliseconds of each stage: median, middle half, and 5 to 95 percent."""
    high = max(spread.quantiles[-1] for spread in spreads) or 1.0
    rows = Axis("", 0.0, float(len(spreads)), ())
    frame = _Frame(Axis("milliseconds", 0.0, high, _round_ticks(high)), rows, left=80)
    parts: list[str] = []
    for n, spread in enumerate(spreads):
        parts += _box(frame, spread, len(spreads) - n - 0.5)
    told = "; ".join(
        f"{s.stage}: median {s.quantiles[2]:,.0f} ms, 95 % within {s.quantiles[4]:,.0f} ms" for s in spreads
    )
    return frame.drawn("Time by stage", f"{told}.", parts)


def _box(frame: _Frame, spread: Spread, row: float) -> Iterator[str]:
    least, low, middle, high, most = spread.quantiles
    yield frame.line(least, row, most, row, "whisker")
    yield frame.box(low, high, row)
    yield frame.tick(middle, row)
    yield frame.text(0, row, spread.stage, "end", dx=-8, dy=4)


def _round_ticks(high: float) -> tuple[tuple[float, str], ...]:
    """Return round numbers from 0 to ``high``, with what is written at them."""
    power = 10.0 ** floor(log10(high / _TICKS))
    step = next(power * by for by in (1, 2, 5, 10) if power * by * _TICKS >= high)
    return tuple((n * step, f"{n * step:,g}") for n in range(floor(high / step) + 1))


def _apart(heights: Sequence[float]) -> list[float]:
    """Return the heights of names, moved down as far as it takes for them not to cover each other."""
    moved = list(heights)
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + _LABEL_GAP)
    over = max(0.0, max(moved) - (HEIGHT - _BOTTOM))
    return [height - over for height in moved]


class _Frame:
    """A drawing with two axes; positions are those of the axes."""

    def __init__(self, across: Axis, up: Axis, left: int = _LEFT, right: int = _RIGHT) -> None:
        self.across, self.up = across, up
        self.left, self.right = left, WIDTH - right

    def x(self, value: float) -> float:
        """Return where a value lies, in pixels from the left."""
        share = (value - self.across.low) / (self.across.high - self.across.low)
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return where a value lies, in pixels from the top."""
        share = (value - self.up.low) / (self.up.high - self.up.low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    def drawn(self, title: str, told: str, parts: Sequence[str]) -> str:
        """Return the whole drawing, told in words for those who do not see it."""
        key = "".join(c if c.isalnum() else "-" for c in title.lower())
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{key}-title {key}-told">'
            f'<title id="{key}-title">{safe(title)}</title><desc id="{key}-told">{safe(told)}</desc>'
            f"{''.join(self._axes())}{''.join(parts)}</svg>"
        )

    def _axes(self) -> Iterator[str]:
        low, base = self.up.low, self.across.low
        for value, words in self.up.ticks:
            yield self.line(base, value, self.across.high, value, "grid")
            yield self.text(base, value, words, "end", dx=-8, dy=4)
        for value, words in self.across.ticks:
            yield self.text(value, low, words, "middle", dy=18)
        yield self.line(base, low, self.across.high, low, "axis")
        yield _named(f"translate({(self.left + self.right) / 2:.1f} {HEIGHT - 8})", self.across.name)
        if self.up.name:
            yield _named(f"translate(14 {(_TOP + HEIGHT - _BOTTOM) / 2:.1f}) rotate(-90)", self.up.name)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
        """Return a straight line."""
        ends = f'x1="{self.x(x1):.1f}" y1="{self.y(y1):.1f}" x2="{self.x(x2):.1f}" y2="{self.y(y2):.1f}"'
        return f'<line class="{kind}" {ends}/>'

    def path(self, points: Sequence[tuple[float, float]], n: int) -> str:
        """Return a line through points, in the colour and dashes of the ``n``-th."""
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        return f'<polyline class="line line-{n % 4}" points="{places}"/>'

    def dot(self, x: float, y: float, n: int) -> str:
        """Return a dot in the colour of the ``n``-th."""
        return f'<circle class="dot-{n % 4}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4"/>'

    def bar(self, left: float, right: float, top: float) -> str:
        """Return a bar from the base to ``top``."""
        x, y = self.x(left) + 1, self.y(top)
        size = f'width="{self.x(right) - x - 1:.1f}" height="{self.y(self.up.low) - y:.1f}"'
        return f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" {size}/>'

    def box(self, left: float, right: float, row: float) -> str:
        """Return a box of fixed height around a row."""
        width = max(2.0, self.x(right) - self.x(left))
        return f'<rect class="box" x="{self.x(left):.1f}" y="{self.y(row) - 9:.1f}" width="{width:.1f}" height="18"/>'

    def tick(self, x: float, row: float) -> str:
        """Return a mark across a row."""
        ends = f'x1="{self.x(x):.1f}" y1="{self.y(row) - 12:.1f}" x2="{self.x(x):.1f}" y2="{self.y(row) + 12:.1f}"'
        return f'<line class="median" {ends}/>'

    def text(self, x: float, y: float, words: str, anchor: str, dx: float = 0, dy: float = 0) -> str:
        """Return words at a place, moved by so many pixels."""
        place = f'x="{self.x(x) + dx:.1f}" y="{self.y(y) + dy:.1f}" text-anchor="{anchor}"'
        return f"<text {place}>{safe(words)}</text>"

    def name(self, words: str, y: float, n: int) -> str:
        """Return the name of the ``n``-th line, to the right of its end."""
        return f'<text class="name-{n % 4}" x="{self.right + 8}" y="{y + 4:.1f}">{safe(words)}</text>'


def _named(place: str, words: str) -> str:
    return f'<text class="axis-name" transform="{place}" text-anchor="middle">{safe(words)}</text>'
