"""Collections and questions about them, as a user has them: what the confidence is fitted on, and judged on."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import ingest
from rag import embed, wiring
from rag.domain import Hit, Retriever
from rag.retrieve import Distinct, Fused
from rag.settings import Settings
from rag.store import Store
from training.questions import Part, load, of_part

CORPORA = ("digitalgov", "blog_18f", "current_events", "onestop")
QUESTIONS = Path(__file__).parent / "calibration.jsonl"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a collection; ``homes`` are the articles that are known to answer it, none where none does."""

    id: str
    question: str
    answers: Sequence[str]
    homes: Collection[str]


def of_corpora(data: Path, index: Path) -> list[Asked]:
    """Bring an index of the corpora in step, and return our own questions of it."""
    ingest.index([data / "corpora" / f"{name}.jsonl" for name in CORPORA], index)
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    return [Asked(row["id"], row["question"], row["answers"], frozenset(row["articles"])) for row in rows]


def of_contexts(data: Path, file: str, part: Part, index: Path) -> list[Asked]:
    """Bring an index of all contexts of a file in step, and return the questions of a part of it.

    One that its own context only seems to answer has no home; the context is there all the same.
    """
    ingest.index(contexts(data, file, index.with_suffix(".jsonl")), index)
    return [
        Asked(one.id, one.question, one.answers, frozenset([context_id(one.context)] if one.golds else []))
        for one in of_part(data, file, part)
    ]


def contexts(data: Path, file: str, out: Path, without: Collection[str] = ()) -> Path:
    """Write the distinct contexts of a file as articles, one a line, into ``out``; return it.

    Those of the titles in ``without`` are left out.
    """
    titles = {one.context: one.title for one in load(data, file) if one.title not in without}
    articles = (
        {"id": context_id(context), "text": context} | ({"title": title.replace("_", " ")} if title else {})
        for context, title in titles.items()
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(article) + "\n" for article in articles), encoding="utf-8")
    return out


def context_id(context: str) -> str:
    """Return the id that a context has as an article; the text alone may lose white space at its ends."""
    return sha256(context.encode()).hexdigest()[:16]


def short_id(hit: Hit) -> str:
    """Return the id that an article has in its corpus."""
    return hit.passage.article.id.partition("#")[2]


@contextmanager
def searching(index: Path) -> Iterator[Retriever]:
    """Open what finds passages in an index as it ships; no reader is needed, which may have no confidence yet."""
    with Store(index) as store:
        yield Distinct(Fused(wiring.retrievers(store, embed.load(Settings().embedder)), Settings().depth))


def twice(retriever: Retriever, asked: Sequence[Asked], k: int) -> Iterator[tuple[Asked, list[Hit], bool]]:
    """Yield each question with its ``k`` best passages as it is, if it has an answer, and with its homes taken away."""
    for one in asked:
        hits = retriever.retrieve(one.question, 4 * k)
        for present in (True, False) if one.homes else (False,):
            yield one, [hit for hit in hits if present or short_id(hit) not in one.homes][:k], present
