"""Whether what the reader thinks of a passage ranks better than the retriever does, in the first 8 and 16."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Row, Table
from rag.domain import Hit
from rag.metrics import f1, reciprocal_rank
from rag.pipeline import Pipeline
from rag.reader import Extractive
from training.asked import Asked, short_id

DEPTHS = (8, 16)


def table(qa: Pipeline, reader: Extractive, asked: Sequence[Asked]) -> Table:
    """Return hit@1 and mrr@10 of the article by either order, and f1 of what is read in as many passages."""
    rows: list[Row] = []
    for depth in DEPTHS:
        found = [(one, qa.search(one.question, k=depth)) for one in asked]
        rows.append(_row(f"as retrieved, {depth} read", reader, found, by_reader=False))
        rows.append(_row(f"by the reader, {depth} read", reader, found, by_reader=True))
    return Table(f"The first passages in another order, {len(asked):,} questions", rows)


def _row(
    name: str, reader: Extractive, found: Sequence[tuple[Asked, list[Hit]]], by_reader: bool
) -> dict[str, str | float]:
    firsts, ranks, scores = [], [], []
    for one, hits in found:
        spans = reader.spans(one.question, hits)
        best = sorted(spans, key=lambda span: -span.margin)
        order = [Hit(span.passage, 0.0) for span in best] if by_reader else hits
        ids = list(dict.fromkeys(short_id(hit) for hit in order))
        firsts.append(reciprocal_rank(ids, one.homes, 1))
        ranks.append(reciprocal_rank(ids, one.homes, 10))
        scores.append(f1(best[0].text, one.answers))
    return {"order": name, "hit@1": _mean(firsts), "mrr@10": _mean(ranks), "f1": _mean(scores)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
