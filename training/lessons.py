"""What a reader learns from: each training question with passages that answer it and passages that only seem to.

``python -m training.lessons DATA OUT`` writes ``OUT/FILE.jsonl`` for each file of questions. The contexts of the
training part of a file are a collection of their own, indexed as a user's articles are; what its retriever finds for a
question and does not hold an answer is a hard negative, be it of another context or of the question's own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.contexts import indexed
from rag.domain import Article, Hit, Retriever
from rag.metrics import holds
from rag.text import Span
from training.asked import searching, short_id
from training.questions import FILES, Question, of_part

N_FOUND = 24  # passages that are looked at for each question
N_NEGATIVES = 4  # of them that are kept: with two to three rounds of training none comes up often
Golds = list[Span]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question, the texts that answer it with the slices that do, and the texts that do not.

    A context that answers stands first among ``positives``; the passages that it was cut into and that hold a whole
    answer follow. A question without an answer has its context first among ``negatives``.
    """

    id: str
    file: str
    question: str
    positives: list[tuple[str, Golds]]
    negatives: list[str]


def lessons(data: Path, file: str) -> Iterator[Lesson]:
    """Yield a lesson for each training question of a file."""
    questions = of_part(data, file, "train")
    titles = {question.context: question.title for question in questions}
    ids = {context: f"{n}" for n, context in enumerate(titles)}
    articles = (
        Article(ids[context], title.replace("_", " "), context, source="")
        for context, title in titles.items()
    )
    with indexed(articles) as folder, searching(folder) as retriever:
        for question in questions:
            yield _lesson(question, retriever, ids[question.context])


def _lesson(question: Question, retriever: Retriever, home: str) -> Lesson:
    hits = retriever.retrieve(question.question, N_FOUND)
    own = [hit for hit in hits if short_id(hit) == home]
    whole = [(question.context, list(question.golds))] if question.golds else []
    parts = [(hit.passage.text, inside) for hit in own if (inside := _inside(hit, question))]
    wrong = [hit.passage.text for hit in hits if not holds(hit.passage.text, question.answers)]
    asked = [] if question.golds else [question.context]
    others = [text for text in wrong if question.golds or text not in question.context]
    positives = [*whole, *(part for part in parts if part[0] != question.context)]
    return Lesson(question.id, question.file, question.question, positives, [*asked, *others[:N_NEGATIVES]])


def _inside(hit: Hit, question: Question) -> Golds:
    """Return the gold slices that lie in a passage of the question's own context, counted from its start."""
    passage = hit.passage
    return [
        (start - passage.start, end - passage.start)
        for start, end in question.golds
        if passage.text[start - passage.start : end - passage.start] == question.context[start:end]
        and passage.start <= start
        and end <= passage.end
    ]


def write(data: Path, out: Path) -> None:
    """Write the lessons of each file into ``out``, those that are not there yet."""
    out.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        path = out / f"{file}.jsonl"
        if not path.exists():
            lines = (json.dumps(asdict(lesson), ensure_ascii=False) + "\n" for lesson in lessons(data, file))
            path.with_suffix(".tmp").write_text("".join(lines), encoding="utf-8")
            path.with_suffix(".tmp").replace(path)


def read(out: Path) -> list[Lesson]:
    """Return the lessons that ``write`` made, file by file."""
    lines = (
        line for file in FILES for line in (out / f"{file}.jsonl").read_text("utf-8").split("\n") if line
    )
    return [Lesson(**json.loads(line)) for line in lines]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.lessons", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds qa/")
    parser.add_argument("out", type=Path, help="folder to write")
    arguments = parser.parse_args(argv)
    write(arguments.data, arguments.out)


if __name__ == "__main__":
    main()
