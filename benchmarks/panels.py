"""The settings as small drawings side by side, as SVG: what their values give, and which are the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.results import Part, Row

VERDICTS = "What each default rests on"  # the table that has a row for each setting
WIDTH, HEIGHT, COLUMNS = 260, 200, 3  # of a panel; panels in a row
_LEFT, _RIGHT, _TOP, _BOTTOM = 45, 15, 50, 30  # margins within a panel
_COLOURS = ("#0b6e99", "#b4520a", "#2a7d3b")  # 4.5:1 on white
_STYLE = "font: 12px system-ui, sans-serif"


@dataclass(frozen=True, slots=True)
class Panel:
    """One setting: its values, those of each line above them, and the value that is the default."""

    title: str
    values: Sequence[str]
    lines: Mapping[str, Sequence[float]]
    default: str


def drawing(part: Part) -> str:
    """Return a panel for each setting, of the figures in its table."""
    tables = {table.caption: table.rows for table in part.tables}
    return drawn(
        [_panel_of(row, tables[str(row["setting"])]) for row in tables[VERDICTS]], "What each setting gives"
    )


def _panel_of(verdict: Row, rows: Sequence[Row]) -> Panel:
    lines = [verdict["by"], *(name for name in ("right of the answered",) if verdict["by"] != "f1")]
    values = [str(row["value"]) for row in rows]
    shown = {str(name): [float(row[str(name)]) for row in rows] for name in lines}
    return Panel(str(verdict["setting"]), values, shown, str(verdict["default"]))


def drawn(panels: Sequence[Panel], title: str) -> str:
    """Return the drawing of all panels; the values of a setting stand at equal distances."""
    rows = -(-len(panels) // COLUMNS)
    size = f"0 0 {WIDTH * COLUMNS} {HEIGHT * rows}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" role="img" style="{_STYLE}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH * COLUMNS}" height="{HEIGHT * rows}" fill="#fff"/>',
    ]
    for n, panel in enumerate(panels):
        lines.append(f'<g transform="translate({n % COLUMNS * WIDTH} {n // COLUMNS * HEIGHT})">')
        lines += [*_panel(panel), "</g>"]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _panel(panel: Panel) -> Iterator[str]:
    every = [value for values in panel.lines.values() for value in values]
    low, high = min(every), max(every)
    high = high if high > low else low + 0.01
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(panel.values) - 1)
    xs = [_LEFT + step * n for n in range(len(panel.values))]

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)

    yield _text(_LEFT, 16, panel.title, "start", "#111")
    for bound in (low, high):
        yield f'<line x1="{_LEFT}" y1="{y(bound):.1f}" x2="{WIDTH - _RIGHT}" y2="{y(bound):.1f}" stroke="#ddd"/>'
        yield _text(_LEFT - 6, y(bound) + 4, f"{bound:.2f}", "end")
    at = xs[panel.values.index(panel.default)]
    yield (
        f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{HEIGHT - _BOTTOM}" '
        'stroke="#767676" stroke-dasharray="4 3"/>'
    )
    for x, value in zip(xs, panel.values, strict=True):
        yield _text(
            x, HEIGHT - _BOTTOM + 16, value, "middle", "#111" if value == panel.default else "#595959"
        )
    place = float(_LEFT)
    for (name, values), colour in zip(panel.lines.items(), _COLOURS, strict=False):
        points = " ".join(f"{x:.1f},{y(value):.1f}" for x, value in zip(xs, values, strict=True))
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield _text(place, 34, name, "start", colour)
        place += 7.0 * len(name) + 12


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#595959") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
