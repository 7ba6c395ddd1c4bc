"""What the figures of this project mean, for one question: hit@k, mrr@k, em, f1, and holding an answer."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(answer: str) -> str:
    """Return an answer as SQuAD compares it: lower case, no punctuation, no a/an/the, single spaces.

    Source: the evaluation script of SQuAD 1.1 (Rajpurkar et al. 2016).
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def em(answer: str, golds: Sequence[str]) -> float:
    """Return 1.0 when the answer equals a gold one, normalised; no gold and no answer are equal."""
    return float(any(normalised(answer) == normalised(gold) for gold in golds or [""]))


def f1(answer: str, golds: Sequence[str]) -> float:
    """Return the best harmonic mean of precision and recall in words over the gold answers."""
    return max(_f1(normalised(answer).split(), normalised(gold).split()) for gold in golds or [""])


def _f1(found: list[str], gold: list[str]) -> float:
    if not found or not gold:
        return float(found == gold)
    shared = sum((Counter(found) & Counter(gold)).values())
    return 2 * shared / (len(found) + len(gold))


def hit(ranked: Sequence[object], golds: Collection[object], k: int) -> float:
    """Return 1.0 when one of the first ``k`` of ``ranked`` is gold (hit@k of one question)."""
    return float(any(item in golds for item in ranked[:k]))


def reciprocal_rank(ranked: Sequence[object], golds: Collection[object], k: int) -> float:
    """Return 1 / rank of the first gold item among the first ``k``, 0.0 without one (mrr@k of one question)."""
    return next((1 / rank for rank, item in enumerate(ranked[:k], start=1) if item in golds), 0.0)


def holds(text: str, golds: Sequence[str]) -> bool:
    """Return whether a text has the words of a gold answer in a row, normalised."""
    words = f" {normalised(text)} "
    return any(f" {gold} " in words for gold in map(normalised, golds) if gold)
