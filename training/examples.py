"""The lessons as the network takes them: tokens, where answers begin and end, and the order of the whole run."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from rag.text import Span
from training import net
from training.export import READER_TOKENS
from training.lessons import Lesson

# How much of a file comes up in each round: "the reviewer" and "the poster" of two files are asked about by nobody
# who reads articles, but their questions are the plainest English.
SHARES: Mapping[str, float] = {"reddit": 0.6, "amazon": 0.6}
WHOLE = 0.5  # share of the positives that are a whole context; the others are passages of an index
BESIDE = 0.5  # share of the questions that come with a hard negative too
SORTED = 1024  # questions in a row whose lengths are brought together


@dataclass(frozen=True, slots=True)
class Text:
    """One text beside its question, ``(length,)`` tokens; ``gold`` says which begin and which end an answer.

    ``may`` are the tokens of the text, which may begin or end one; a text without an answer has none that does.
    """

    ids: Sequence[int]
    types: Sequence[int]
    may: NDArray[np.bool_]
    gold: NDArray[np.bool_]  # (length, 2)
    taught: NDArray[np.float32] | None = None  # (length, 2): a teacher's logits


Group = list[Text]
"""The texts of one question."""


@dataclass(frozen=True, slots=True)
class Step:
    """The questions of one step: their texts as a batch, and of each token what ``Text`` says, and its question.

    ``taught`` are a teacher's logits, ``(n_tokens, 2)``, where there is one.
    """

    batch: net.Batch
    may: Tensor  # (n_tokens,)
    gold: Tensor  # (n_tokens, 2)
    groups: Tensor  # (n_tokens,)
    n_groups: int
    taught: Tensor | None = None


def steps(
    lessons: Sequence[Lesson], tokenizer: Tokenizer, seed: int, n_tokens: int, first: int = 0
) -> Iterator[Step]:
    """Yield the steps of a run without end, each of ``n_tokens``, from number ``first`` on; a seed gives the same."""
    return _rounds(lambda draw: _round(lessons, tokenizer, draw, n_tokens), seed, first)


def taught_steps(groups: Sequence[Group], seed: int, n_tokens: int, first: int = 0) -> Iterator[Step]:
    """Yield the steps of a run over groups that a teacher has read, as ``steps`` does."""
    return _rounds(lambda draw: ordered(draw.sample(groups, len(groups)), draw, n_tokens), seed, first)


def _rounds(one: Callable[[random.Random], Iterator[list[Group]]], seed: int, first: int) -> Iterator[Step]:
    found = (groups for n in range(1_000_000) for groups in one(random.Random(f"{seed} {n}")))
    return (step(groups) for groups in islice(found, first, None))


def _round(
    lessons: Sequence[Lesson], tokenizer: Tokenizer, draw: random.Random, n_tokens: int
) -> Iterator[list[Group]]:
    """Yield the groups of each step of one round over the lessons."""
    chosen = [lesson for lesson in lessons if draw.random() < SHARES.get(lesson.file, 1.0)]
    draw.shuffle(chosen)
    return ordered((group(lesson, tokenizer, draw) for lesson in chosen), draw, n_tokens)


def ordered(groups: Iterable[Group], draw: random.Random, n_tokens: int) -> Iterator[list[Group]]:
    """Yield the groups of each step of ``n_tokens``: those of like length beside each other, in any order."""
    rest = iter(groups)
    while some := list(islice(rest, SORTED)):
        parts = list(_filled(sorted(some, key=_longest), n_tokens))
        draw.shuffle(parts)
        yield from parts


def _longest(texts: Group) -> int:
    return max(len(text.ids) for text in texts)


def _filled(groups: Sequence[Group], n_tokens: int) -> Iterator[list[Group]]:
    part: list[Group] = []
    size = 0
    for texts in groups:
        more = sum(len(text.ids) for text in texts)
        if part and size + more > n_tokens:
            yield part
            part, size = [], 0
        part.append(texts)
        size += more
    if part:
        yield part


def group(lesson: Lesson, tokenizer: Tokenizer, draw: random.Random) -> Group:
    """Return the texts that a question comes with this time."""
    return [text(tokenizer, lesson.question, *one) for one in drawn(lesson, draw, BESIDE)]


def drawn(lesson: Lesson, draw: random.Random, beside: float) -> list[tuple[str, Sequence[Span]]]:
    """Return the texts that a question comes with this time, with the slices that answer it.

    ``beside`` is how often a hard negative is one of them.
    """
    texts: list[tuple[str, Sequence[Span]]] = []
    if lesson.positives:
        whole, *parts = lesson.positives
        texts.append(draw.choice(parts) if parts and draw.random() >= WHOLE else whole)
    elif lesson.negatives:
        texts.append((lesson.negatives[0], ()))
    others = lesson.negatives if lesson.positives else lesson.negatives[1:]
    if others and draw.random() < beside:
        texts.append((draw.choice(others), ()))
    return texts


def text(tokenizer: Tokenizer, question: str, context: str, golds: Sequence[Span]) -> Text:
    """Return a text beside its question; a gold slice counts where it was not cut off."""
    encoding = tokenizer.encode(question, context)
    may = np.array([side == 1 for side in encoding.sequence_ids])
    gold = np.zeros((len(may), 2), dtype=bool)
    for start, end in golds:
        touched = _touched(encoding, may, start, end)
        if len(touched):
            gold[touched[0], 0] = gold[touched[-1], 1] = True
    return Text(encoding.ids, encoding.type_ids, may, gold)


def _touched(encoding: Encoding, may: NDArray[np.bool_], start: int, end: int) -> NDArray[np.intp]:
    spans = np.array(encoding.offsets)  # (length, 2)
    if not may.any() or spans[may][-1, 1] < end:
        return np.array([], np.intp)
    return np.flatnonzero(may & (spans[:, 0] < end) & (spans[:, 1] > start))


def opened(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer set to the length that the reader reads."""
    tokenizer.enable_truncation(READER_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def step(groups: Sequence[Group]) -> Step:
    """Return the questions of one step as the network takes them."""
    texts = [text for texts in groups for text in texts]
    numbers = [n for n, texts in enumerate(groups) for text in texts for _ in text.ids]
    taught = [text.taught for text in texts if text.taught is not None]
    return Step(
        net.batch([text.ids for text in texts], [text.types for text in texts]),
        torch.from_numpy(np.concatenate([text.may for text in texts])),
        torch.from_numpy(np.concatenate([text.gold for text in texts])),
        torch.tensor(numbers),
        len(groups),
        torch.from_numpy(np.concatenate(taught)) if len(taught) == len(texts) else None,
    )
