"""Lays out what is asked: ``python -m benchmarks.answers_lay lay FOLDER N_ANSWERABLE N_UNANSWERABLE ...``.

The collection is all contexts of the test part of SQuADShifts New Wikipedia but those of some titles, whose questions
nothing in it was written to answer; the answerable ones are of the other titles.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.answers_given import ALL, ARTICLES, FEW, GOLDS, PASSAGES, QUESTIONS, WARM, Given
from benchmarks.origin import data
from benchmarks.process import serve
from rag.text import sentences
from training.asked import contexts
from training.questions import Question, load, of_part, part

FILE = "new_wiki"
SEED = 0
N_WITHOUT = 3  # titles
N_WARM = 2  # questions


def lay(folder: str, n_asked: str, n_without: str, n_few: str, n_few_without: str) -> dict[str, int]:
    """Write articles, passages, questions and their gold answers; return how many passages there are.

    ``n_asked`` questions have an answer and ``n_without`` have none; the few are the first of both.
    """
    place, root = Path(folder), data(f"qa/{FILE}.jsonl").parent.parent
    asked = of_part(root, FILE, "test")
    without = titles_without(sorted({one.title for one in asked}))
    elsewhere = {one.title for one in load(root, FILE) if part(one) != "test"}
    articles = contexts(root, FILE, place / ARTICLES, {*without, *elsewhere})
    rows = [json.loads(line) for line in articles.read_text(encoding="utf-8").splitlines()]
    given = [Given(row["id"], row["title"], row["text"], sentences(row["text"])) for row in rows]
    (place / PASSAGES).write_text("".join(json.dumps(asdict(one)) + "\n" for one in given), encoding="utf-8")
    known, unknown = drawn(asked, without)
    some = [*known[: int(n_asked)], *unknown[: int(n_without)]]
    few = [*known[: int(n_few)], *unknown[: int(n_few_without)]]
    warm = known[int(n_asked) :][:N_WARM]
    listed = {name: [one.question for one in of] for name, of in ((WARM, warm), (ALL, some), (FEW, few))}
    golds = {name: [_golds(one, without) for one in of] for name, of in ((ALL, some), (FEW, few))}
    (place / QUESTIONS).write_text(json.dumps(listed), encoding="utf-8")
    (place / GOLDS).write_text(json.dumps(golds), encoding="utf-8")
    return {"n": len(given)}


def titles_without(titles: Sequence[str]) -> list[str]:
    """Return which titles are kept out of the collection, always the same."""
    return sorted(random.Random(SEED).sample(titles, N_WITHOUT))


def drawn(asked: Sequence[Question], without: Sequence[str]) -> tuple[list[Question], list[Question]]:
    """Return the questions that the collection answers and those that it does not, each in a fixed random order.

    A question that its own context only seems to answer is neither.
    """
    known = [one for one in asked if one.golds and one.title not in without]
    unknown = [one for one in asked if one.golds and one.title in without]
    chance = random.Random(SEED)
    return chance.sample(known, len(known)), chance.sample(unknown, len(unknown))


def _golds(question: Question, without: Sequence[str]) -> list[str]:
    return [] if question.title in without else list(question.answers)


if __name__ == "__main__":
    serve([lay])
