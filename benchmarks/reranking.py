"""Whether what the reader thinks of a passage ranks better than the retriever does, in the first 8 and 16."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from benchmarks.results import Row, Table
from rag.domain import Hit
from rag.metrics import f1, reciprocal_rank
from rag.pipeline import Pipeline
from rag.reader import Extractive
from training.asked import Asked, short_id

DEPTHS = (8, 16)


def table(qa: Pipeline, reader: Extractive, asked: Sequence[Asked]) -> Table:
    """Return hit@1 and mrr@10 of the article by either order, and f1 of the best answer in as many passages."""
    rows: list[Row] = []
    for depth in DEPTHS:
        read = [_read(qa.search(one.question, k=depth), reader, one) for one in asked]
        for name, order in (("as retrieved", 0), ("by the reader", 1)):
            measures = {
                "hit@1": [_rank(one, order, 1) for one in read],
                "mrr@10": [_rank(one, order, 10) for one in read],
            }
            means = {what: sum(values) / len(values) for what, values in measures.items()}
            rows.append(
                {"order": f"{name}, {depth} read", **means, "f1": sum(one.f1 for one in read) / len(read)}
            )
    return Table(f"The first passages in another order, {len(asked):,} questions", rows)


@dataclass(frozen=True, slots=True)
class _Read:
    """The articles of some passages in both orders, those that answer, and f1 of the best span."""

    orders: tuple[list[str], list[str]]
    homes: Collection[str]
    f1: float


def _read(hits: Sequence[Hit], reader: Extractive, one: Asked) -> _Read:
    best = sorted(reader.spans(one.question, hits), key=lambda span: -span.margin)
    orders = _articles(hits), _articles([Hit(span.passage, span.margin) for span in best])
    return _Read(orders, one.homes, f1(best[0].text, one.answers))


def _articles(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(short_id(hit) for hit in hits))


def _rank(read: _Read, order: int, k: int) -> float:
    return reciprocal_rank(read.orders[order], read.homes, k)
