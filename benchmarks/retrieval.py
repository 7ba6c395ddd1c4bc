"""How well passages are found: hit@k and mrr@10 by article, for each retriever."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

import ingest
from benchmarks import sweep, wiki
from benchmarks.interval import score
from benchmarks.origin import data, origin
from benchmarks.results import Part, Score
from rag import embed
from rag.domain import EVERYWHERE, Embedder, Hit, Passage, Retriever, Vectors, Where
from rag.metrics import hit, reciprocal_rank
from rag.retrieve import Dense, Fused, Searchable, Words
from rag.settings import Settings
from rag.store import Store

N_QUICK = 200  # questions
TARGETS = {"hit@5": 0.945, "hit@10": 0.97}  # of the fused retriever


class Foreseen:
    """An embedder that has embedded the questions beforehand, once for all indexes."""

    def __init__(self, embedder: Embedder, questions: Sequence[str]) -> None:
        self._vectors = dict(zip(questions, embedder.embed_questions(questions), strict=True))
        self.name, self.dim, self.max_tokens = embedder.name, embedder.dim, embedder.max_tokens
        self.embed_passages, self.token_spans = embedder.embed_passages, embedder.token_spans

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` rows of questions that were foreseen."""
        return np.stack([self._vectors[text] for text in texts])


class Held:
    """An index that fetches each passage once: one object each, or the articles would fill the memory."""

    def __init__(self, index: Searchable) -> None:
        self.near, self.matching = index.near, index.matching
        self._fetch = index.passages
        self._held: dict[int, Passage] = {}

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Return those of ``ids`` that exist."""
        self._held |= self._fetch([id for id in ids if id not in self._held])
        return {id: self._held[id] for id in ids if id in self._held}


class Remembered:
    """A retriever asked once for each question, to a depth; what it found then is what it finds."""

    def __init__(self, part: Retriever, questions: Sequence[str], depth: int) -> None:
        self._found = {asked: part.retrieve(asked, depth) for asked in questions}

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:  # noqa: ARG002
        """Return the first ``k`` of what was found."""
        return self._found[question][:k]


class Bench:
    """The collection, indexed as often as there are settings to try, and its questions."""

    def __init__(self, folder: Path, n_questions: int | None) -> None:
        self.golds = wiki.questions(n_questions)
        self._folder, self._n_questions = folder, n_questions
        self._questions = [gold.question for gold in self.golds]
        self._embedder = Foreseen(embed.load(Settings().embedder), self._questions)

    def parts(self, titled: bool, passage_tokens: int, depth: int) -> tuple[Remembered, Remembered]:
        """Index the collection so, and return what dense and words find in it, to a depth."""
        index = self._folder / f"{'titled' if titled else 'untitled'}-{passage_tokens}"
        articles = wiki.write(index.with_suffix(".jsonl"), titled, self._n_questions)
        ingest.index(articles, index, passage_tokens=passage_tokens)
        with closing(Store(index)) as store:
            held = Held(store)
            parts = Dense(held, self._embedder), Words(held)
            dense, words = (Remembered(part, self._questions, depth) for part in parts)
            return dense, words

    def measures(self, retriever: Retriever, n_passages: int) -> dict[str, list[float]]:
        """Return measure → value of each question; an article ranks where its first passage stands."""
        ranked = [
            (ranked_articles(retriever.retrieve(gold.question, n_passages)), {gold.article})
            for gold in self.golds
        ]
        found = {f"hit@{k}": [hit(order, gold, k) for order, gold in ranked] for k in (1, 5, 10)}
        return found | {"mrr@10": [reciprocal_rank(order, gold, 10) for order, gold in ranked]}

    def scores(self, what: str, retriever: Retriever, targets: dict[str, float]) -> list[Score]:
        """Return the scores of a retriever that considers as many passages as by default."""
        measures = self.measures(retriever, Settings().depth)
        return [score(f"{name}, {what}", values, targets.get(name)) for name, values in measures.items()]


def measure(quick: bool) -> Part:
    """Return the scores of the retrievers as they ship, and the sweeps around them."""
    here = origin("retrieval", [data(wiki.FILE)])
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), N_QUICK if quick else None)
        dense, words = bench.parts(
            titled=True, passage_tokens=Settings().passage_tokens, depth=max(sweep.DEPTHS)
        )
        scores = [
            *bench.scores("fused", Fused({"meaning": dense, "words": words}, Settings().depth), TARGETS),
            *bench.scores("dense", dense, {}),
            *bench.scores("words", words, {}),
        ]
        tables = sweep.tables(bench, dense, words)
    return Part(here, scores=scores, tables=tables)


def ranked_articles(hits: Sequence[Hit]) -> list[str]:
    """Return the distinct articles of ``hits``, each where its first passage stands."""
    return list(dict.fromkeys(wiki.key(hit.passage.article.id) for hit in hits))
