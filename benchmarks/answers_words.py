"""The sentence that is best by BM25 (bm25s), of those of the passages that are best by it."""

from __future__ import annotations

from typing import Any

import bm25s
import numpy as np
import Stemmer

from benchmarks.answers_given import K, Said, answered, passages
from benchmarks.process import serve


def ask(folder: str, which: str) -> dict[str, Any]:
    """Index passages and sentences, English stems without stop words, and ask."""
    given = passages(folder)
    told = [(n, one.text[start:end]) for n, one in enumerate(given) for start, end in one.sentences]
    homes = np.array([n for n, _ in told])
    stemmer = Stemmer.Stemmer("english")
    of_passages = _index([f"{one.title}\n{one.text}" for one in given], stemmer)
    of_sentences = _index([sentence for _, sentence in told], stemmer)

    def said(question: str) -> Said:
        words = bm25s.tokenize(
            question, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
        )[0]
        if not words:
            return Said()
        found = np.argsort(-of_passages.get_scores(words), kind="stable")[:K]
        scores = np.where(np.isin(homes, found), of_sentences.get_scores(words), -1)
        home, sentence = told[int(np.argmax(scores))]
        return Said(sentence, [given[home].text])

    return answered(folder, which, said)


def _index(texts: list[str], stemmer: Any) -> Any:
    index = bm25s.BM25()
    index.index(
        bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False
    )
    return index


if __name__ == "__main__":
    serve([ask])
