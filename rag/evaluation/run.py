"""Ask questions whose answers are known, and say what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.domain import Answer, Citation, Embedder, Hit, Passage, Reader, Retriever
from rag.errors import QuestionError, QuestionsFault
from rag.evaluation import scores
from rag.evaluation.gold import Gold, article_rank, known, rank, resolved
from rag.evaluation.judged import Found, blame, is_answerable
from rag.evaluation.record import Outcome, Question, Quote, Report
from rag.metrics import em, f1
from rag.pipeline import Pipeline, checked, one_line

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    from rag.settings import Settings
    from rag.store import Store

DEPTH = 50  # passages among which the gold one is looked for
FUSED = "fused"  # the name of the pipeline's own retriever beside those of its parts
Watch = Callable[[Outcome], object]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is asked: a pipeline as its users have it, and its parts.

    ``quoting`` reads gold passages; ``unsilenced`` says what would be answered where the pipeline abstains. Neither
    abstains for a doubt. ``parts`` are the retrievers whose ranks are fused.
    """

    pipeline: Pipeline
    quoting: Reader
    unsilenced: Reader
    parts: Mapping[str, Retriever]
    ids: Sequence[str]
    passages_of: Callable[[str], Sequence[Passage]]
    threshold: float
    settings: Mapping[str, Any]


@contextmanager
def opened(settings: Settings, embedder: Embedder | None = None, llm: LLM | None = None) -> Iterator[Bench]:
    """Open the index that ``settings`` name, with the models, for an evaluation.

    Raises:
        SettingsError, IndexMissing, IndexStale, IndexDamaged, ModelMissing: as their names say.
    """
    from rag import wiring
    from rag.store import Store

    with Store(settings.index) as store:
        embedder = wiring.matching(settings, store, embedder)
        with wiring.pipeline(settings, embedder, llm) as pipeline:
            quoting, unsilenced = wiring.unsilenced(settings, embedder)
            yield Bench(
                pipeline,
                quoting,
                unsilenced,
                wiring.retrievers(store, embedder),
                [id for id, _ in store.titles(store.n_articles)],
                store.passages_of,
                wiring.threshold(settings),
                _facts(settings, store, pipeline, embedder),
            )


def _facts(settings: Settings, store: Store, pipeline: Pipeline, embedder: Embedder) -> dict[str, Any]:
    return {
        "index": settings.index,
        "articles": store.n_articles,
        "k": settings.k,
        "depth": settings.depth,
        "precision": settings.precision,
        "mode": settings.mode,
        "passage_tokens": store.shape.passage_tokens,
        "embedder": embedder.name,
        "reader": pipeline.reader.name,
    }


def evaluate(questions: Sequence[Question], bench: Bench, watch: Watch | None = None) -> Report:
    """Ask all questions in their order; ``watch`` is told of each as it is done.

    Raises:
        QuestionsFault: there are none, one cannot be asked, or what one names is two articles or no part of a text.
    """
    if not questions:
        raise QuestionsFault("the evaluation", "there are no questions", "Give one at least.")
    for question in questions:
        _check(question)
    ids = known(questions, bench.ids)
    golds = [resolved(question, ids, bench.pipeline.index.article) for question in questions]
    outcomes = []
    for question, gold in zip(questions, golds, strict=True):
        outcomes.append(_outcome(question, gold, bench))
        if watch:
            watch(outcomes[-1])
    return report(outcomes, bench.threshold, bench.settings)


def report(outcomes: Sequence[Outcome], threshold: float, settings: Mapping[str, Any]) -> Report:
    """Return what outcomes say together."""
    return Report(
        len(outcomes),
        threshold,
        scores.figures(outcomes),
        scores.by_kind(outcomes),
        tuple(outcomes),
        settings,
    )


def _check(question: Question) -> None:
    try:
        (one_line if question.history else checked)(question.question)
    except QuestionError as error:
        raise QuestionsFault(f"question {question.id}", error.message, error.hint) from error


def _outcome(question: Question, gold: Gold, bench: Bench) -> Outcome:
    answer = _asked(question, bench.pipeline)
    best = bench.unsilenced.read(answer.searched_for, answer.hits) if _is_doubted(answer) else answer
    found = _Ranks.of(answer.searched_for, gold, bench) if _is_findable(question, answer) else NOWHERE
    given = _given(question, gold, answer.searched_for, bench)
    cited = [gold.supports(citation) for citation in answer.citations] if _is_known(question) else []
    quoted = any(gold.touches(citation.passage) for citation in best.citations)
    return Outcome(
        question=question,
        best=best.text,
        answered=bool(answer.text),
        confidence=best.confidence,
        mode=answer.mode,
        quotes=tuple(map(_quote, best.citations)),
        article_rank=found.ranks.get(FUSED),
        passage_rank=found.gold if gold.evidence else None,
        em=_scored(em, question, answer.text),
        f1=_scored(f1, question, answer.text),
        em_given=None if given is None else em(given, question.answers),
        f1_given=None if given is None else f1(given, question.answers),
        cite_p=sum(cited) / len(cited) if cited else None,
        cite_r=float(any(cited)) if cited else None,
        ranks=found.ranks,
        seconds=dict(answer.timings),
        blame=blame(
            question, best.text, bool(answer.text), Found(gold.indexed, found.gold is not None, quoted)
        ),
    )


def _asked(question: Question, pipeline: Pipeline) -> Answer:
    try:
        return pipeline.ask(question.question, turns=question.history)
    except QuestionError as error:  # a follow-up that nothing before it explains
        return Answer(question.question, reason=error.message)


def _is_doubted(answer: Answer) -> bool:
    return bool(answer.hits and not answer.text)


def _is_findable(question: Question, answer: Answer) -> bool:
    return bool(answer.searched_for and is_answerable(question))


def _is_known(question: Question) -> bool:
    """Return whether it can be told if a quote supports an answer; none supports one that there is not."""
    return bool(question.answers or question.evidence) or is_answerable(question) is False


@dataclass(frozen=True, slots=True)
class _Ranks:
    """The rank of the first gold passage, and by retriever that of the first gold article."""

    gold: int | None
    ranks: Mapping[str, int | None]

    @classmethod
    def of(cls, asked: str, gold: Gold, bench: Bench) -> _Ranks:
        fused = bench.pipeline.retriever.retrieve(asked, DEPTH)
        first = rank(fused, gold.touches)
        if gold.indexed is None:
            return cls(first, {})
        parts = {name: article_rank(part.retrieve(asked, DEPTH), gold) for name, part in bench.parts.items()}
        return cls(first, {**parts, FUSED: article_rank(fused, gold)})


NOWHERE = _Ranks(None, {})


def _given(question: Question, gold: Gold, asked: str, bench: Bench) -> str | None:
    """Return what the quoting reader answers from the gold passages alone; None where they are not known."""
    if not (question.answers and gold.evidence and asked):
        return None
    articles = dict.fromkeys(place.article for place, _ in gold.evidence)
    passages = [passage for id in articles for passage in bench.passages_of(id) if gold.touches(passage)]
    if not passages:
        return None
    return bench.quoting.read(asked, [Hit(passage, 0.0) for passage in passages]).text


def _scored(score: Callable[[str, Sequence[str]], float], question: Question, text: str) -> float | None:
    if question.answers:
        return score(text, question.answers)
    return score(text, []) if is_answerable(question) is False else None


def _quote(citation: Citation) -> Quote:
    article = citation.passage.article
    return Quote(article.id, article.title, citation.start, citation.end, citation.quote)
