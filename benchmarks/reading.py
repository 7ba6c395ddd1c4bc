"""How well questions are answered: em and f1, the passages found first or the right article given."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import ingest
import rag
from benchmarks import wiki
from benchmarks.interval import score
from benchmarks.origin import data, origin
from benchmarks.results import Part, Score
from benchmarks.wiki import Gold
from rag.domain import Answer, Article, Hit, Passage
from rag.metrics import em, f1
from rag.pipeline import Pipeline
from rag.store import Store

N = 600  # questions: a reader takes about a tenth of a second for each
N_QUICK, OF_QUICK = 20, 200
SEED = 0
ALWAYS = 0.0  # the threshold that never abstains

Ask = Callable[[Gold], Answer]


def measure(quick: bool) -> Part:
    """Return the scores on a sample of the questions, each of which the collection answers."""
    here = origin("reading", [data(wiki.FILE)])
    first = OF_QUICK if quick else None
    golds = random.Random(SEED).sample(wiki.questions(first), N_QUICK if quick else N)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        ingest.index(wiki.write(Path(folder) / "wiki.jsonl", titled=True, n=first), index)
        with rag.open(index) as shipped, rag.open(index, threshold=ALWAYS) as always:
            scores = [
                *scored("as shipped", lambda gold: shipped.ask(gold.question), golds),
                *scored("never abstaining", lambda gold: always.ask(gold.question), golds),
                *scored("given the right article", given(always, right_articles(index)), golds),
            ]
    return Part(here, scores=scores)


def scored(what: str, ask: Ask, golds: Sequence[Gold]) -> Iterator[Score]:
    """Yield em, f1 and the share answered; to abstain is wrong here, since every question has an answer."""
    answers = [(ask(gold), gold.answers) for gold in golds]
    yield score(f"em, {what}", [em(answer.text, right) for answer, right in answers])
    yield score(f"f1, {what}", [f1(answer.text, right) for answer, right in answers])
    yield score(f"answered, {what}", [float(bool(answer.text)) for answer, _ in answers])


def given(pipeline: Pipeline, articles: dict[str, Article]) -> Ask:
    """Return a way to answer from the right article alone, whole, as one passage."""

    def ask(gold: Gold) -> Answer:
        article = articles[gold.article]
        return pipeline.reader.read(gold.question, [Hit(Passage(1, article, 0, len(article.text)), 1.0)])

    return ask


def right_articles(index: Path) -> dict[str, Article]:
    """Return the articles of an index by what ``Gold.article`` says."""
    with Store(index) as store:
        return {wiki.key(article.id): article for article in store.articles()}
