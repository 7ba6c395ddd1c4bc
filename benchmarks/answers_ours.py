"""Ours among the systems of ``benchmarks.answers``, and the sentence that is nearest by our embedder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import ingest
import rag
from benchmarks.answers_given import ARTICLES, K, Said, answered
from benchmarks.process import serve
from rag import embed
from rag.retrieve import Dense
from rag.settings import Settings
from rag.store import Store
from rag.text import sentences

INDEX = "citewise"


def build(folder: str) -> dict[str, float]:
    """Index the articles."""
    summary = ingest.index(Path(folder) / ARTICLES, Path(folder) / INDEX)
    return {"n": summary.passages, "seconds": summary.seconds}


def ask(folder: str, which: str, reader: str, precision: str) -> dict[str, Any]:
    """Ask as a user does, with a reader and a precision of the settings."""
    with rag.open(Path(folder) / INDEX, reader=reader, precision=float(precision)) as qa:

        def said(question: str) -> Said:
            answer = qa.ask(question)
            return Said(answer.text, [cited.passage.text for cited in answer.citations])

        return answered(folder, which, said)


def nearest(folder: str, which: str) -> dict[str, Any]:
    """Answer with the sentence that is nearest to the question, of those of the nearest passages."""
    embedder = embed.load(Settings().embedder)
    with Store(Path(folder) / INDEX) as store:
        dense = Dense(store, embedder)

        def said(question: str) -> Said:
            sources = [hit.passage.text for hit in dense.retrieve(question, K)]
            told = [(text[start:end], text) for text in sources for start, end in sentences(text)]
            rows = embedder.embed_passages([sentence for sentence, _ in told])
            sentence, source = told[int(np.argmax(rows @ embedder.embed_questions([question])[0]))]
            return Said(sentence, [source])

        return answered(folder, which, said)


if __name__ == "__main__":
    serve([build, ask, nearest])
