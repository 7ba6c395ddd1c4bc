"""A report as lines of a terminal: the figures with their intervals, then what the failures failed at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rag.columns import aligned
from rag.evaluation.judged import is_answerable
from rag.evaluation.record import Figure, Outcome, Report
from rag.index.durable import counted

HEAD = ("figure", "value", "95 % interval", "n", "")
MEANINGS = {
    "hit@1": "the right article comes first",
    "hit@5": "… is among the first 5",
    "hit@10": "… is among the first 10",
    "mrr@10": "1 / its rank, on average",
    "hit@1_passage": "the passage with the answer comes first",
    "hit@5_passage": "… is among the first 5",
    "hit@10_passage": "… is among the first 10",
    "mrr@10_passage": "1 / its rank, on average",
    "em": "the answer equals a gold one",
    "f1": "words shared with a gold answer",
    "em_given": "em, given the right passage alone",
    "f1_given": "f1, given the right passage alone",
    "abstain_precision": "of those not answered, no article answers",
    "abstain_recall": "of those that no article answers, not answered",
    "auroc": "the confidence parts the two; .5 is chance",
    "aurc": "wrong answers over all thresholds; less is better",
    "coverage@95": "can be answered with 95 % right",
    "ece": "confidence is off by so much; less is better",
    "cite_p": "quotes that support the answer",
    "cite_r": "answers with a quote that supports them",
    "latency_ms_p50": "half of the answers take no longer",
    "latency_ms_p95": "95 % of the answers take no longer",
    "latency_ms_p50_retrieve": "… to find passages",
    "latency_ms_p95_retrieve": "… to find passages",
    "latency_ms_p50_read": "… to read them",
    "latency_ms_p95_read": "… to read them",
}
"""What each figure says, in a few words."""
BLAMES = {
    "": "answered right, or rightly not answered",
    "not indexed": "the article is not in the index",
    "not retrieved": "no passage with the answer was found",
    "not read": "the passage was found, and another was quoted",
    "misread": "the passage was quoted, for the wrong words",
    "not trusted": "the right answer stayed below the threshold",
    "answered anyway": "no article answers, and an answer was given",
}
"""What each blame says, in a few words."""


def lines(report: Report) -> list[str]:
    """Return a report as lines: with what was asked, the figures, some of them by kind, and what went wrong."""
    rows = [HEAD, *(_row(name, figure) for name, figure in report.figures.items())]
    return [_head(report), "", *aligned(rows), *_kinds(report), "", *aligned(_blamed(report.outcomes))]


def _head(report: Report) -> str:
    asked = counted(report.n, "question")
    n_articles = report.settings.get("articles")
    among = f" of {counted(n_articles, 'article')}" if isinstance(n_articles, int) else ""
    return f"{asked}{among}, threshold {report.threshold:g}"


def _row(name: str, figure: Figure) -> tuple[str, ...]:
    digits = 0 if name.startswith("latency") else 3
    low, high = (f"{end:.{digits}f}" for end in (figure.low, figure.high))
    meaning = MEANINGS.get(name, "")
    return (name, f"{figure.value:.{digits}f}", f"{low} to {high}", f"{figure.n:,}", meaning)


SHOWN = ("hit@5", "em", "f1")  # of a kind


def _kinds(report: Report) -> Iterator[str]:
    if not report.by_kind:
        return
    rows: list[tuple[str, ...]] = [("kind", "n", *SHOWN)]
    for kind, figures in report.by_kind.items():
        n = max(figure.n for figure in figures.values()) if figures else 0
        rows.append((kind, f"{n:,}", *(_value(figures.get(name)) for name in SHOWN)))
    yield ""
    yield from aligned(rows)


def _value(figure: Figure | None) -> str:
    return f"{figure.value:.3f}" if figure else "–"


def _blamed(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, ...]]:
    unknown = sum(is_answerable(outcome.question) is None for outcome in outcomes)
    counts: Counter[str] = Counter(outcome.blame for outcome in outcomes)
    counts[""] -= unknown
    for blame, meaning in BLAMES.items():
        if counts[blame]:
            yield blame or "right", f"{counts[blame]:,}", meaning
    if unknown:
        yield "not known", f"{unknown:,}", "nobody said whether the articles answer it"


def remarks(report: Report) -> list[str]:
    """Return what should be known of a report that is not in its figures."""
    missing = sum(outcome.blame == "not indexed" for outcome in report.outcomes)
    named = sum(bool(outcome.ranks) for outcome in report.outcomes)
    if not missing:
        return []
    said = f"{missing:,} of {named:,} questions name no article that the index has"
    mend = "Name the index that has them (--index DIR); a file of SQuAD brings its own (--contexts)."
    return [f"{said}. {mend}" if missing > named / 2 else said]
