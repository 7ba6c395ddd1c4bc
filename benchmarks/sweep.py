"""What the settings of the fused retriever change: one at a time, the others as they ship."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.results import Row, Table
from rag import retrieve
from rag.domain import Retriever
from rag.retrieve import Fused
from rag.settings import Settings

if TYPE_CHECKING:
    from benchmarks.retrieval import Bench

CONSTANTS = (1, 2, 5, 10, 20, 40, 60, 100)
DEPTHS = (10, 20, 50, 100)
WEIGHTS = ((1, 0), (3, 1), (2, 1), (1, 1), (1, 2), (1, 3), (0, 1))  # of dense and words
TOKENS = (96, 128, 160, 200, 256)


def tables(bench: Bench, dense: Retriever, words: Retriever) -> list[Table]:
    """Return a table for each setting; ``dense`` and ``words`` are the parts as they ship."""
    parts, depth = [dense, words], Settings().depth
    return [
        Table("Rank constant", [_with_constant(bench, constant, parts) for constant in CONSTANTS]),
        Table("Depth, in passages", [_row(bench, {"depth": n}, parts, n) for n in DEPTHS]),
        Table(
            "Weights",
            [_row(bench, {"dense": n, "words": m}, [dense] * n + [words] * m, depth) for n, m in WEIGHTS],
        ),
        Table("Titles, and passage size in tokens", list(_shapes(bench))),
    ]


def _shapes(bench: Bench) -> Iterator[Row]:
    for titled in (True, False):
        for tokens in TOKENS:
            setting = {"title": "given" if titled else "none", "passage_tokens": tokens}
            depth = Settings().depth
            yield _row(bench, setting, [*bench.parts(titled, tokens, depth)], depth)


def _with_constant(bench: Bench, constant: int, parts: list[Retriever]) -> Row:
    with rank_constant(constant):
        return _row(bench, {"constant": constant}, parts, Settings().depth)


def _row(bench: Bench, setting: Row, parts: list[Retriever], depth: int) -> Row:
    found = bench.measures(Fused(dict(zip(("meaning", "words"), parts, strict=True)), depth), depth)
    return {**setting, **{name: sum(values) / len(values) for name, values in found.items()}}


@contextmanager
def rank_constant(constant: int) -> Iterator[None]:
    """Let ``Fused`` rank with another constant for a while."""
    shipped, retrieve.RANK_CONSTANT = retrieve.RANK_CONSTANT, constant
    try:
        yield
    finally:
        retrieve.RANK_CONSTANT = shipped
