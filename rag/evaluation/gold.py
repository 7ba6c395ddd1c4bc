"""What is gold for a question in one index: its articles by their ids there, and where the answer stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.domain import Article, Citation, Hit, Passage
from rag.errors import QuestionsFault
from rag.evaluation.record import Evidence, Question
from rag.metrics import holds

_PARTS = re.compile(r"[/\\#]")


@dataclass(frozen=True, slots=True)
class Gold:
    """What answers a question: ``articles`` by their ids, ``evidence`` in them with its ``words``.

    ``indexed`` says whether any article that the question names is in the index, None where it names none.
    """

    answers: tuple[str, ...]
    articles: frozenset[str]
    evidence: tuple[tuple[Evidence, str], ...]
    indexed: bool | None

    def has(self, article: Article) -> bool:
        """Return whether an article, or one that is nearly the same, is a gold one."""
        return bool(self.articles & {article.id, *(copy.id for copy in article.copies)})

    def touches(self, passage: Passage) -> bool:
        """Return whether evidence lies in a passage; without any, its article counts, or at last an answer in it."""
        if self.evidence:
            return self._overlaps(passage.article, passage.start, passage.end)
        return self.has(passage.article) if self.indexed is not None else holds(passage.text, self.answers)

    def supports(self, citation: Citation) -> bool:
        """Return whether a quote overlaps evidence, or holds a gold answer."""
        article = citation.passage.article
        return self._overlaps(article, citation.start, citation.end) or holds(citation.quote, self.answers)

    def _overlaps(self, article: Article, start: int, end: int) -> bool:
        copies = {copy.id for copy in article.copies}
        return any(
            (place.article == article.id and place.start < end and start < place.end)
            or (place.article in copies and words in article.text[start:end])
            for place, words in self.evidence
        )


def rank(hits: Sequence[Hit], is_gold: Callable[[Passage], bool]) -> int | None:
    """Return the rank of the first gold passage, from 1; None without one."""
    return next((n for n, hit in enumerate(hits, start=1) if is_gold(hit.passage)), None)


def article_rank(hits: Sequence[Hit], gold: Gold) -> int | None:
    """Return the rank of the first gold article among the articles, each where its first passage stands."""
    articles = {hit.passage.article.id: hit.passage.article for hit in hits}
    return next((n for n, article in enumerate(articles.values(), start=1) if gold.has(article)), None)


def resolved(question: Question, ids: Mapping[str, str], article: Callable[[str], Article]) -> Gold:
    """Return what is gold for a question; ``ids`` are those of the articles that are there, by the names used.

    Raises:
        QuestionsFault: evidence ends behind its article.
    """
    named = named_articles(question)
    here = tuple(
        _placed(question, place, ids, article) for place in question.evidence if place.article in ids
    )
    articles = frozenset(ids[name] for name in named if name in ids)
    return Gold(question.answers, articles, here, bool(articles) if named else None)


def _placed(
    question: Question, place: Evidence, ids: Mapping[str, str], article: Callable[[str], Article]
) -> tuple[Evidence, str]:
    text = article(ids[place.article]).text
    if place.end > len(text):
        raise QuestionsFault(
            f"question {question.id}",
            f"its evidence ends at {place.end:,}, and {place.article} has {len(text):,} characters",
            f"Count in the characters of: citewise show {ids[place.article]}",
        )
    return Evidence(ids[place.article], place.start, place.end), text[place.start : place.end]


def named_articles(question: Question) -> tuple[str, ...]:
    """Return the articles that a question names, those of its evidence too, in order."""
    return tuple(dict.fromkeys((*question.articles, *(place.article for place in question.evidence))))


def known(questions: Iterable[Question], ids: Iterable[str]) -> dict[str, str]:
    """Return the ids of the articles that questions name, by the names, which may be the ends of ids alone.

    Raises:
        QuestionsFault: a name fits several articles.
    """
    asked = {name: question.id for question in questions for name in named_articles(question)}
    fits: dict[str, list[str]] = {}
    for id in ids:
        for name in _ends(id):
            if name in asked:
                fits.setdefault(name, []).append(id)
    return {name: _one(name, fits[name], asked[name]) for name in fits}


def _ends(id: str) -> Iterator[str]:
    """Yield an id, and what is left of it behind each mark that parts its path."""
    yield id
    yield from (id[mark.end() :] for mark in _PARTS.finditer(id))


def _one(name: str, found: Sequence[str], question: str) -> str:
    if name in found or len(found) == 1:
        return name if name in found else found[0]
    raise QuestionsFault(
        f"question {question}",
        f"{len(found)} articles are called {name!r}: {found[0]}, {found[1]}{', …' if len(found) > 2 else ''}",
        "Name it by more of its id, as citewise search shows it.",
    )
