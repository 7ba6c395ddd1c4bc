"""What the commands that look after an index say, as aligned lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rag.columns import aligned
from rag.index.durable import counted, in_words
from rag.upkeep.inventory import Fragmentation, Held, Inventory, Kept

SHOWN = 10  # sources, or years, that are named
LISTED = 20  # files of each kind that are named
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_STATES = {
    "live": "answers",
    "previous": "rollback puts it back",
    "spare": "whole",
    "unfinished": "not finished",
}


def of_files(fates: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return (what, path, note) of files as a table, of each kind the first ``LISTED`` and how many more there are."""
    kinds: dict[str, list[tuple[str, str, str]]] = {}
    for fate in fates:
        kinds.setdefault(fate[0], []).append(fate)
    return aligned(row for what, rows in kinds.items() for row in _listed(what, rows))


def of_held(rows: Iterable[tuple[str, Held | None]]) -> list[str]:
    """Return what generations hold, each named first, with their sizes in columns."""
    return aligned((name, *_cells(held)) for name, held in rows)


def of_inventory(held: Inventory) -> list[str]:
    """Return what an index holds, a fact a line."""
    facts = [
        ("index", held.path),
        ("generation", held.generation),
        ("articles", f"{held.n_articles:,}"),
        ("passages", f"{held.n_passages:,} of at most {held.passage_tokens} tokens"),
        ("embedder", held.embedder),
        ("size", in_words(held.n_bytes)),
        ("last change", f"{held.changed} ({ago(held.age_s)}); {held.changes:,} so far"),
        ("writer", str(held.writer or "nobody writes just now")),
        *([("note", held.note)] if held.note else []),
        *_under("generations", [_of(kept) for kept in held.generations]),
        *_under("sources", _first(held.sources, "without a source")),
        *_under("years", _first(held.years, "without a date")),
        *_under("dead weight", [*_dead(held.fragmentation)]),
    ]
    return aligned(facts)


def ago(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits: 3 days ago."""
    for name, length in _UNITS:
        if seconds >= length:
            n = int(seconds // length)
            return f"{counted(n, name)} ago"
    return "just now"


def _listed(what: str, rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    more = len(rows) - LISTED
    return [*rows[:LISTED], (what, f"and {more:,} more", "")] if more > 0 else list(rows)


def _of(kept: Kept) -> tuple[str, ...]:
    name, *cells = _cells(kept.held)
    return (kept.name, _STATES[kept.state], *(cells if kept.held else (name, "", "", in_words(kept.n_bytes))))


def _under(name: str, rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield the lines of a table, its name before the first."""
    for n, line in enumerate(aligned(rows)):
        yield ("" if n else name, line)


def _cells(held: Held | None) -> tuple[str, ...]:
    if held is None:
        return ("cannot be read", *[""] * 4)
    passages = f"{counted(held.n_passages, 'passage')} of {held.passage_tokens} tokens"
    articles = counted(held.n_articles, "article")
    return (held.generation, articles, passages, held.embedder, in_words(held.n_bytes))


def _first(counts: Mapping[str, int], nameless: str) -> list[tuple[str, str]]:
    named = [(name or nameless, f"{n:,}") for name, n in counts.items()]
    if len(named) <= SHOWN + 1:
        return named
    others = list(counts.values())[SHOWN:]
    return [*named[:SHOWN], (f"{len(others):,} others", f"{sum(others):,}")]


def _dead(fragments: Fragmentation) -> Iterator[tuple[str, str]]:
    yield (
        "articles.db",
        (f"{in_words(fragments.n_free_bytes)} free, {fragments.n_removed:,} removed passages remembered"),
    )
    share = fragments.n_dead / fragments.n_cached if fragments.n_cached else 0
    yield (
        "vectors.faiss",
        (
            f"{fragments.n_dead:,} of {fragments.n_cached:,} passages are gone ({share:.0%}), "
            f"{fragments.n_tail:,} are not in it yet"
        ),
    )
