"""How well passages are found: hit@k and mrr@10 by article, for each retriever, and what the settings change."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import ingest
from benchmarks import wiki
from benchmarks.interval import score
from benchmarks.origin import data, origin
from benchmarks.results import Part, Row, Score, Table
from benchmarks.wiki import Gold
from rag import embed, retrieve
from rag.domain import EVERYWHERE, Hit, Retriever, Where
from rag.metrics import hit, reciprocal_rank
from rag.retrieve import Dense, Fused, Words
from rag.settings import Settings
from rag.store import Store

N_QUICK = 200  # questions
DEEPEST = 100  # passages that a sweep considers
DEFAULTS = Settings()
TARGETS = {"hit@5": 0.945, "hit@10": 0.97}  # of the fused retriever
TOKENS = (96, 128, 160, 200, 256)
CONSTANTS = (1, 5, 10, 20, 40, 60, 100)
DEPTHS = (10, 20, 50, 100)
WEIGHTS = ((1, 0), (3, 1), (2, 1), (1, 1), (1, 2), (1, 3), (0, 1))  # of dense and words


class Foreseen:
    """An embedder that has embedded the questions beforehand, once for all indexes."""

    def __init__(self, embedder: Embedder, questions: Sequence[str]) -> None:
        self.name, self.dim, self.max_tokens = embedder.name, embedder.dim, embedder.max_tokens
        self.embed_passages, self.token_spans = embedder.embed_passages, embedder.token_spans
        self._vectors = dict(zip(questions, embedder.embed_questions(questions), strict=True))

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` rows of questions that were foreseen."""
        return np.stack([self._vectors[text] for text in texts])


class Remembered:
    """A retriever asked once for each question, to a depth; what it found then is what it finds."""

    def __init__(self, part: Retriever, questions: Sequence[str], depth: int) -> None:
        self._passages: dict[int, Passage] = {}  # one object each, or the articles would fill the memory
        self._found = {question: list(map(self._kept, part.retrieve(question, depth))) for question in questions}

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        """Return the first ``k`` of what was found."""
        return self._found[question][:k]

    def _kept(self, hit: Hit) -> Hit:
        return Hit(self._passages.setdefault(hit.passage.id, hit.passage), hit.score)


def measure(quick: bool) -> Part:
    """Return the scores of the retrievers as they ship, and the sweeps around them."""
    golds = wiki.questions()[: N_QUICK if quick else None]
    with tempfile.TemporaryDirectory() as folder:
        dense, words = parts(Path(folder), golds, titled=True, passage_tokens=DEFAULTS.passage_tokens)
        fused = Fused([dense, words], DEFAULTS.depth)
        scores = [
            *scored("dense", dense, golds, {}),
            *scored("words", words, golds, {}),
            *scored("fused", fused, golds, TARGETS),
        ]
        tables = [
            Table("Depth, of fused", [_row({"depth": d}, dense, words, golds, depth=d) for d in DEPTHS]),
            Table("Rank constant, of fused", [_with_constant(c, dense, words, golds) for c in CONSTANTS]),
            Table("Weights, of fused", [_weighted(*pair, dense, words, golds) for pair in WEIGHTS]),
            Table("Titles and passage size, of fused", list(_shaped(Path(folder), golds))),
        ]
    return Part(origin("retrieval", [data(wiki.FILE)]), scores=scores, tables=tables)


def parts(folder: Path, golds: Sequence[Gold], titled: bool, passage_tokens: int) -> tuple[Remembered, Remembered]:
    """Index the collection so, and return what dense and words find in it."""
    name = f"{'titled' if titled else 'untitled'}-{passage_tokens}"
    articles = wiki.write(folder / f"{name}.jsonl", titled)
    ingest.index(articles, folder / name, passage_tokens=passage_tokens)
    with closing(Store(folder / name)) as store:
        dense = Dense(store, embed.load(DEFAULTS.embedder))
        return Remembered(dense, golds, DEEPEST), Remembered(Words(store), golds, DEEPEST)


def scored(what: str, retriever: Retriever, golds: Sequence[Gold], targets: dict[str, float]) -> list[Score]:
    """Return hit@1, hit@5, hit@10 and mrr@10 of a retriever that considers as many passages as it ships with."""
    found = measures(retriever, golds, DEFAULTS.depth)
    return [score(f"{name}, {what}", values, targets.get(name)) for name, values in found.items()]


def measures(retriever: Retriever, golds: Sequence[Gold], n_passages: int) -> dict[str, list[float]]:
    """Return measure → value of each question; articles rank as the best of their passages."""
    ranked = [(articles(retriever.retrieve(gold.question, n_passages)), {gold.article}) for gold in golds]
    found = {f"hit@{k}": [hit(order, gold, k) for order, gold in ranked] for k in (1, 5, 10)}
    return found | {"mrr@10": [reciprocal_rank(order, gold, 10) for order, gold in ranked]}


def articles(hits: Sequence[Hit]) -> list[str]:
    """Return the distinct articles of ``hits``, each where its first passage stands."""
    return list(dict.fromkeys(wiki.key(hit.passage.article.id) for hit in hits))


def _row(
    setting: Row, dense: Retriever, words: Retriever, golds: Sequence[Gold], depth: int = DEFAULTS.depth
) -> Row:
    return _means(setting, Fused([dense, words], depth), golds, depth)


def _weighted(n_dense: int, n_words: int, dense: Retriever, words: Retriever, golds: Sequence[Gold]) -> Row:
    fused = Fused([dense] * n_dense + [words] * n_words, DEFAULTS.depth)  # twice in the list counts twice
    return _means({"dense": n_dense, "words": n_words}, fused, golds, DEFAULTS.depth)


def _with_constant(constant: int, dense: Retriever, words: Retriever, golds: Sequence[Gold]) -> Row:
    with _rank_constant(constant):
        return _row({"constant": constant}, dense, words, golds)


def _shaped(folder: Path, golds: Sequence[Gold]) -> Iterator[Row]:
    for titled in (True, False):
        for tokens in TOKENS:
            dense, words = parts(folder, golds, titled, tokens)
            yield _row({"title": "given" if titled else "none", "passage_tokens": tokens}, dense, words, golds)


def _means(setting: Row, retriever: Retriever, golds: Sequence[Gold], n_passages: int) -> Row:
    found = measures(retriever, golds, n_passages)
    return {**setting, **{name: sum(values) / len(values) for name, values in found.items()}}


@contextmanager
def _rank_constant(constant: int) -> Iterator[None]:
    shipped, retrieve.RANK_CONSTANT = retrieve.RANK_CONSTANT, constant
    try:
        yield
    finally:
        retrieve.RANK_CONSTANT = shipped
