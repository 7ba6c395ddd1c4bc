"""The house as a drawing, docs/house.svg, counted from what its modules import: ``python -m docs.picture``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple

from docs.imports import ROOMS, imported, modules, ours

FILE = Path(__file__).parent / "house.svg"
FEWEST = 4  # imports that an arrow stands for; with every arrow nothing can be seen
WIDTH, HEIGHT = 750, 500
_BOX = (160, 56)  # width and height of a room
_GAP = 3  # between a room and the end of an arrow
_STYLE = "font: 13px system-ui, sans-serif; background: #fff"
_ARROW = (
    '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="#0b6e99"/></marker>'
)


class Place(NamedTuple):
    """The middle of a room on the drawing, and what the room is for."""

    x: int
    y: int
    caption: str


PLAN: Mapping[str, Place] = {
    "cli": Place(380, 50, "the command line"),
    "app": Place(640, 50, "serves the page"),
    "ingest/formats": Place(110, 180, "a module for a format"),
    "ingest": Place(380, 180, "files → an index"),
    "page": Place(640, 180, "what a person sees"),
    "rag/upkeep": Place(110, 330, "looks after an index"),
    "rag": Place(640, 330, "a question → an answer"),
    "rag/evaluation": Place(640, 450, "how well it answers"),
    "rag/index": Place(380, 450, "the truth and its caches"),
}


def room(module: str) -> str:
    """Return the room that a module is in: its folder, or itself where it is in none."""
    return "/".join(module.split(".")[:-1]) or module


def arrows() -> Counter[tuple[str, str]]:
    """Return (room, room) → how many imports of modules there are from the first to the second."""
    pairs = ((room(module), _room_of(name)) for module in modules() for name in ours(imported(module)))
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def drawn() -> str:
    """Return the drawing. A room that has no place in ``PLAN`` is a KeyError."""
    sizes = Counter(map(room, modules()))
    main = {pair for pair, n in arrows().items() if n >= FEWEST}
    lines = [_arrow(a, b, (b, a) in main) for a, b in sorted(main) if a < b or (b, a) not in main]
    boxes = [line for name, n in sorted(sizes.items()) for line in _room(name, PLAN[name], n)]
    return "\n".join([*_head(), *lines, *boxes, "</svg>"]) + "\n"


def _room_of(name: str) -> str:
    """The room of what is imported, which may be a package itself."""
    folder = name.replace(".", "/")
    return folder if folder in ROOMS else room(name)


def _head() -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" style="{_STYLE}">'
    )
    yield "<title>The rooms of the house with their numbers of modules, and which imports which</title>"
    yield f"<defs>{_ARROW}</defs>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'


def _arrow(start: str, end: str, is_both: bool) -> str:
    (x1, y1), (x2, y2) = _edge(PLAN[start], PLAN[end]), _edge(PLAN[end], PLAN[start])
    line = f'x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"'
    other = ' marker-start="url(#head)"' if is_both else ""
    return f'<line {line} stroke="#0b6e99" stroke-width="1.5" marker-end="url(#head)"{other}/>'


def _edge(here: Place, there: Place) -> tuple[float, float]:
    """Return where the line between the middles of two rooms leaves the first."""
    dx, dy = there.x - here.x, there.y - here.y
    across = (_BOX[0] / 2 + _GAP) / abs(dx) if dx else 1.0
    down = (_BOX[1] / 2 + _GAP) / abs(dy) if dy else 1.0
    share = min(across, down)
    return here.x + share * dx, here.y + share * dy


def _room(name: str, place: Place, n: int) -> Iterator[str]:
    width, height = _BOX
    corner = f'x="{place.x - width // 2}" y="{place.y - height // 2}"'
    yield f'<rect {corner} width="{width}" height="{height}" rx="6" fill="#f4f1ea" stroke="#8a1f1b"/>'
    shown = f"{name}/" if name in ROOMS else f"{name}.py"
    size = f' <tspan fill="#666" font-weight="normal">{n}</tspan>' if name in ROOMS else ""
    middle = f'x="{place.x}" text-anchor="middle"'
    yield f'<text {middle} y="{place.y - 5}" font-weight="bold">{escape(shown)}{size}</text>'
    yield f'<text {middle} y="{place.y + 15}" font-size="12">{escape(place.caption)}</text>'


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8")
