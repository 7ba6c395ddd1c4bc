"""What the larger reader thought of each text just before it learned from it; the smaller one learns from that too.

Both have the same pieces of words under other numbers, but for the marks around a question and its text: there the
larger has two in a row where the smaller has one. A thought is a start and an end logit for each token.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from training import examples
from training.examples import Group, Step, Text

RAW = 0.2  # share of the first steps whose thoughts are left out: it knew too little then
MARKS = {"<s>": "[CLS]", "</s>": "[SEP]", "<unk>": "[UNK]"}


def keep(folder: Path, n: int, step: Step, logits: Tensor) -> None:
    """Write the texts of step ``n`` and what was thought of them, ``(n_tokens, 2)``."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        "ids": step.batch.ids.int(),
        "texts": step.batch.texts.int(),
        "groups": step.groups.int(),
        "may": step.may,
        "gold": step.gold,
        "logits": logits.detach().half(),
    }
    save_file(tensors, folder / f"{n:05}.safetensors")


def steps(
    folder: Path, theirs: Tokenizer, ours: Tokenizer, seed: int, n_tokens: int, first: int = 0
) -> Iterator[Step]:
    """Yield the steps of a run without end from number ``first`` on, of the texts in ``folder``, in our tokens."""
    paths = sorted(folder.glob("*.safetensors"))
    ids = numbers(theirs, ours)
    every = [
        group for n, path in enumerate(paths) for group in groups(path, ids, known=n >= RAW * len(paths))
    ]
    found = (some for n in range(1_000_000) for some in _round(every, random.Random(f"{seed} {n}"), n_tokens))
    return (examples.step(some) for some in islice(found, first, None))


def _round(every: Sequence[Group], draw: random.Random, n_tokens: int) -> Iterator[list[Group]]:
    return examples.ordered(draw.sample(every, len(every)), draw, n_tokens)


def numbers(theirs: Tokenizer, ours: Tokenizer) -> NDArray[np.int64]:
    """Return our number of each of their tokens, by theirs."""
    unknown = ours.token_to_id("[UNK]")
    found = np.full(theirs.get_vocab_size(), unknown)
    for token, n in theirs.get_vocab().items():
        known = ours.token_to_id(MARKS.get(token, token))
        found[n] = unknown if known is None else known
    return found


def groups(path: Path, ids: NDArray[np.int64], known: bool) -> Iterator[Group]:
    """Yield the texts of each question of a step; where it is not ``known`` nothing was thought of them."""
    kept = load_file(path)
    ends = [0, *(np.flatnonzero(np.diff(kept["texts"])) + 1), len(kept["texts"])]
    found: dict[int, Group] = {}
    for start, end in pairwise(ends):
        parts = {name: values[start:end] for name, values in kept.items()}
        found.setdefault(int(parts["groups"][0]), []).append(_text(parts, ids, known))
    yield from found.values()


def _text(parts: dict[str, NDArray[np.generic]], ids: NDArray[np.int64], known: bool) -> Text:
    own = ids[np.asarray(parts["ids"], np.intp)]
    first = int(np.flatnonzero(own == own[-1])[0])  # of the two marks behind the question
    kept = np.arange(len(own)) != first
    types = (np.arange(len(own)) > first + 1)[kept]
    thought = np.asarray(parts["logits"], np.float32)[kept] if known else None
    return Text(
        _list(own[kept]), _list(types), _bools(parts["may"])[kept], _bools(parts["gold"])[kept], thought
    )


def _list(values: NDArray[np.generic]) -> Sequence[int]:
    return [int(value) for value in values]


def _bools(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    return np.asarray(values, np.bool_)
