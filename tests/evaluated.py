"""Outcomes and reports that can be worked out by eye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.evaluation import scores
from rag.evaluation.record import Outcome, Question, Quote, Report


def question(n: int = 1, text: str = "", **known: Any) -> Question:
    facts = {"answers": ("Ida Moll",), "articles": ("a.txt",)} | known
    return Question(f"q{n}", text or f"Who is number {n}?", **facts)


def quote(text: str = "Ida Moll opened it.", article: str = "a.txt", start: int = 0) -> Quote:
    return Quote(article, article.upper(), start, start + len(text), text)


def outcome(asked: Question | None = None, best: str = "Ida Moll", **known: Any) -> Outcome:
    """An outcome that is right, sure and quoted unless told otherwise."""
    facts: dict[str, Any] = {
        "question": asked or question(),
        "best": best,
        "answered": True,
        "confidence": 0.9,
        "mode": "quote",
        "quotes": (quote(),),
        "article_rank": 1,
        "passage_rank": None,
        "em": float(best == "Ida Moll"),
        "f1": float(best == "Ida Moll"),
        "em_given": None,
        "f1_given": None,
        "cite_p": None,
        "cite_r": None,
        "ranks": {"fused": 1, "words": 3},
        "seconds": {"retrieve": 0.01, "read": 0.1, "total": 0.11},
        "blame": "",
    }
    return Outcome(**(facts | known))


def report(outcomes: Sequence[Outcome], threshold: float = 0.35, **settings: Any) -> Report:
    told = {"index": "index", "articles": 3} | settings
    return Report(
        len(outcomes), threshold, scores.figures(outcomes), scores.by_kind(outcomes), tuple(outcomes), told
    )
