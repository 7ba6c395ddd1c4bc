"""Questions to click on, made without a language model: each is one that the engine was seen to answer well."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from page.record import Record, Slice
from rag.domain import EVERYWHERE, Answer, Article, Exchange, Reader, Way, Where
from rag.names import names
from rag.phrasing import Question, questions
from rag.text import fold

SURE = 0.5  # confidence of the answer to a question worth suggesting
_POOL = 8  # articles looked at for each question that may be tried: many give none
_NEAR = 2  # passages considered that an abstention draws from

Ask = Callable[[str], Answer]


class Engine(Protocol):
    """What answers questions, in one of several ways."""

    @property
    def readers(self) -> Mapping[Way, Reader]:
        """The ways in which a question can be asked to be answered."""

    def ask(
        self,
        question: str,
        k: int | None = None,
        where: Where = EVERYWHERE,
        turns: Sequence[Exchange] = (),
        way: Way | None = None,
    ) -> Answer:
        """Answer from the articles, or abstain."""


def quietly(engine: Engine) -> Ask:
    """Return how to ask what nobody waits for: with quotes, so that no language model is woken."""
    way: Way | None = "quote" if "quote" in engine.readers else None
    return lambda question: engine.ask(question, way=way)


def examples(articles: Iterable[Article], ask: Ask, n: int = 4, tries: int = 12) -> list[str]:
    """Return at most ``n`` questions that the collection answers, each from an article of its own.

    The articles are spread over the collection, the same ones each time; ``ask`` is called at most ``tries`` times.
    """
    found: list[str] = []
    forms: Counter[str] = Counter()
    for article in heapq.nsmallest(_POOL * tries, articles, key=_place):
        if len(found) == n or not tries:
            break
        if not (asked := questions(article.text)):
            continue
        question = min(asked, key=lambda question: forms[question.form])
        tries -= 1
        answer = ask(question.text)
        if _is_sure(answer, question) and answer.citations[0].passage.article.id == article.id:
            found.append(question.text)
            forms[question.form] += 1
    return found


def follow_ups(record: Record, asked: Sequence[str], ask: Ask, n: int = 3, tries: int = 6) -> list[str]:
    """Return at most ``n`` questions to ask after an answer, about what else its evidence tells.

    None was ``asked`` before; ``ask`` is called at most ``tries`` times.
    """
    over = {_key(question) for question in (*asked, record.question, record.searched_for)}
    found: list[str] = []
    told = {_key(record.text)}
    for question in _candidates(record):
        if len(found) == n or not tries:
            break
        if _key(question.text) in over:
            continue
        tries -= 1
        over.add(_key(question.text))
        answer = ask(question.text)
        if _is_sure(answer, question) and _key(answer.text) not in told:
            found.append(question.text)
            told.add(_key(answer.text))
    return found


def _place(article: Article) -> str:
    return sha256(article.id.encode()).hexdigest()


def _is_sure(answer: Answer, question: Question) -> bool:
    return bool(answer.citations) and answer.confidence >= SURE and question.is_answered(answer.text)


def _key(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in fold(text)).split())


def _candidates(record: Record) -> Iterator[Question]:
    """Yield what the quoted sentences answer, then the rest of their passages, then the other passages.

    Of each, names that were not asked about come first, and a name comes once.
    """
    known = _key(f"{record.question} {record.searched_for}")
    made = [
        (passage, question)
        for passage in _passages(record)
        for question in questions(passage.text, passage.start)
    ]
    made.sort(key=lambda pair: (not _is_quoted(record, *pair), _key(pair[1].name) in known))
    seen: set[str] = set()
    for _, question in made:
        if not question.name or question.name not in seen or _key(question.name) in known:
            seen.add(question.name)
            yield question


def _passages(record: Record) -> list[Slice]:
    """Return the passages quoted, and those of their articles or about the same names; without a quote the nearest."""
    others = [considered.passage for considered in record.considered]
    spoken = {n.text for text in (record.searched_for or record.question, record.text) for n in names(text)}
    if not record.quotes:
        return [p for p in others[:_NEAR] if not spoken or any(name in p.text for name in spoken)]
    quoted = list({quote.passage.id: quote.passage for quote in record.quotes}.values())
    articles = {passage.article.id for passage in quoted}
    return quoted + [p for p in others if p.article.id in articles or any(name in p.text for name in spoken)]


def _is_quoted(record: Record, passage: Slice, question: Question) -> bool:
    return any(
        quote.passage.id == passage.id and quote.start < question.end and question.start < quote.end
        for quote in record.quotes
    )
