"""What the accurate reader makes of the lessons, for the fast one to learn: ``python -m training.taught DATA OUT``.

It writes ``OUT/taught``, a file for each ``AT_ONCE`` questions, and goes on from there when it was cut short.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from rag.encoder import TOKENIZER, Encoder, Outputs
from rag.errors import CorpusError
from rag.reader import SIZES
from rag.text import Span
from training import examples, lessons
from training.examples import Group, Text
from training.lessons import Lesson

SEED = 2
AT_ONCE = 256  # questions
# How much of a file is taught. Reading a text takes the teacher as long as learning it takes the pupil.
SHARES: Mapping[str, float] = {"fairytaleqa": 0.4, "reddit": 0.0, "amazon": 0.0}
BESIDE = 0.25  # share of the questions that are taught with a hard negative too
COLUMNS = tuple(field.name for field in fields(Text))
UNREAD = -30.0  # logit of a token that the teacher does not see as one


def chosen(every: Sequence[Lesson]) -> list[Lesson]:
    """Return the lessons that are taught, in the order in which the teacher takes them."""
    draw = random.Random(SEED)
    taught = [lesson for lesson in every if draw.random() < SHARES.get(lesson.file, 1.0)]
    draw.shuffle(taught)
    return taught


def write(every: Sequence[Lesson], tokenizer: Tokenizer, teacher: Encoder, out: Path) -> None:
    """Write what ``teacher`` makes of the lessons, those that are not there yet; ``tokenizer`` is the pupil's."""
    out.mkdir(parents=True, exist_ok=True)
    taught = chosen(every)
    for at in range(0, len(taught), AT_ONCE):
        path = out / f"{at // AT_ONCE:03}.npz"
        if not path.exists():
            began = time.monotonic()
            groups = read(taught[at : at + AT_ONCE], tokenizer, teacher, random.Random(f"{SEED} {at}"))
            save(groups, path)
            print(f"{path.name} of {len(taught) // AT_ONCE}, {time.monotonic() - began:.0f} s", flush=True)


def read(some: Sequence[Lesson], tokenizer: Tokenizer, teacher: Encoder, draw: random.Random) -> list[Group]:
    """Return the texts of each lesson with the teacher's logits."""
    groups = [(lesson.question, examples.drawn(lesson, draw, BESIDE)) for lesson in some]
    theirs = [teacher.tokens(question, text) for question, texts in groups for text, _ in texts]
    told = zip(theirs, teacher.run(theirs), strict=True)
    return [[_heard(tokenizer, question, *text, *next(told)) for text in texts] for question, texts in groups]


def _heard(
    tokenizer: Tokenizer, question: str, text: str, golds: Sequence[Span], theirs: Encoding, outputs: Outputs
) -> Text:
    ours = examples.text(tokenizer, question, text, golds)
    return replace(ours, taught=moved(outputs, theirs, tokenizer.encode(question, text)))


def moved(outputs: Outputs, theirs: Encoding, ours: Encoding) -> NDArray[np.float32]:
    """Return the teacher's start and end logit of each of our tokens, ``(length, 2)``.

    A token of ours that begins where one of theirs does has its start logit, one that ends with it its end logit;
    position 0 stands for "not in this text" in both.
    """
    logits = np.full((len(ours.ids), 2), UNREAD, np.float32)
    for side in (0, 1):
        places = {place[side]: n for n, place in enumerate(theirs.offsets) if theirs.sequence_ids[n] == 1}
        for n, place in enumerate(ours.offsets):
            if ours.sequence_ids[n] == 1 and place[side] in places:
                logits[n, side] = outputs[side][places[place[side]]]
        logits[0, side] = outputs[side][0]
    return logits


# ---- Files


def save(groups: Sequence[Group], path: Path) -> None:
    """Write groups into one file, wholly or not at all."""
    texts = [text for group in groups for text in group]
    arrays: dict[str, Any] = {
        name: np.concatenate([np.asarray(getattr(text, name)) for text in texts]) for name in COLUMNS
    }
    arrays["lengths"] = np.array([len(text.ids) for text in texts])
    arrays["sizes"] = np.array([len(group) for group in groups])
    with path.with_suffix(".tmp").open("wb") as file:
        np.savez_compressed(file, **arrays)
    path.with_suffix(".tmp").replace(path)


def load(path: Path) -> Iterator[Group]:
    """Yield the groups of a file."""
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    ends = np.cumsum(arrays["lengths"])
    parts = (slice(end - length, end) for end, length in zip(ends, arrays["lengths"], strict=True))
    texts = (Text(**{name: arrays[name][part] for name in COLUMNS}) for part in parts)
    return ([next(texts) for _ in range(size)] for size in arrays["sizes"])


def groups(out: Path) -> list[Group]:
    """Return all groups that ``write`` made.

    Raises:
        CorpusError: it made none.
    """
    found = [group for path in sorted(out.glob("*.npz")) for group in load(path)]
    if not found:
        raise CorpusError(str(out), "no lesson that a teacher has read", "python -m training.taught DATA OUT")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.taught", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds qa/")
    parser.add_argument("out", type=Path, help="folder to write")
    arguments = parser.parse_args(argv)
    out = arguments.out
    lessons.write(arguments.data, out / "lessons")
    pupil = examples.opened(Tokenizer.from_file(str(SIZES["fast"] / TOKENIZER)))
    write(lessons.read(out / "lessons"), pupil, Encoder(SIZES["accurate"]), out / "taught")


if __name__ == "__main__":
    main()
