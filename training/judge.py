"""How well a reader marks spans, given the passage: ``python -m training.judge DATA FOLDER… [--part dev]``.

A folder is one that ``training.reader`` wrote (float32), or one with a card (the int8 that ships); several float32
ones are also judged with the mean of their weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer

from rag.domain import Article, Hit, Passage
from rag.encoder import CARD, Encoder, Outputs
from rag.metrics import em, f1
from rag.reader import Span, best_span
from training import examples, net
from training.calibrate import auroc
from training.questions import FILES, Part, Question, of_part

AT_ONCE = 32  # texts

Read = Callable[[Sequence[Encoding]], Iterator[Outputs]]


def spans(questions: Sequence[Question], tokenizer: Tokenizer, read: Read) -> list[Span]:
    """Return the best span of each question in its context."""
    encodings = [tokenizer.encode(one.question, one.context) for one in questions]
    hits = [Hit(Passage(1, Article(one.id, "", one.context), 0, len(one.context)), 1.0) for one in questions]
    reading = zip(hits, encodings, read(encodings), strict=True)
    found = (best_span(hit, encoding, outputs) for hit, encoding, outputs in reading)
    return [span for span in found if span is not None]


def by_network(model: net.Network) -> Read:
    """Return what reads with a float network."""

    def read(encodings: Sequence[Encoding]) -> Iterator[Outputs]:
        for at in range(0, len(encodings), AT_ONCE):
            some = encodings[at : at + AT_ONCE]
            with torch.inference_mode():
                found = net.logits(model, net.batch([e.ids for e in some], [e.type_ids for e in some]))
            for one in torch.split(found, [len(e.ids) for e in some]):
                yield one[:, 0].numpy(), one[:, 1].numpy()

    return read


def figures(questions: Sequence[Question], found: Sequence[Span]) -> dict[str, float]:
    """Return em and f1, position 0 counting as no answer where some questions have none, and then auroc."""
    margins = np.array([span.margin for span in found])
    answerable = np.array([bool(question.golds) for question in questions])
    forced = bool(answerable.all())
    texts = [span.text if forced or span.margin > 0 else "" for span in found]
    golds = [question.answers for question in questions]
    scores = {
        "em": float(np.mean([em(text, gold) for text, gold in zip(texts, golds, strict=True)])),
        "f1": float(np.mean([f1(text, gold) for text, gold in zip(texts, golds, strict=True)])),
    }
    return scores if forced else scores | {"auroc": auroc(margins, answerable)}


def readers(folders: Sequence[Path]) -> Iterator[tuple[str, Read]]:
    """Yield what reads, with its name."""
    networks = []
    for folder in folders:
        if (folder / CARD).exists():
            yield str(folder), Encoder(folder).run
        else:
            networks.append(net.opened(folder))
            yield str(folder), by_network(networks[-1])
    if len(networks) > 1:
        yield "their mean", by_network(mean(networks))


def mean(networks: Sequence[net.Network]) -> net.Network:
    """Return the first network with the mean of the weights of all."""
    every: Sequence[Mapping[str, torch.Tensor]] = [network.state_dict() for network in networks]
    networks[0].load_state_dict(
        {name: torch.stack([one[name] for one in every]).mean(0) for name in every[0]}
    )
    return networks[0]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.judge", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds qa/")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--part", choices=get_args(Part), default="dev")
    arguments = parser.parse_args(argv)
    first = str(arguments.folders[0] / "tokenizer.json")
    tokenizer = examples.opened(Tokenizer.from_file(first))
    files = {file: of_part(arguments.data, file, arguments.part) for file in FILES}
    for name, read in readers(arguments.folders):
        for file, questions in files.items():
            told = figures(questions, spans(questions, tokenizer, read))
            print(
                f"{name}  {file:12} n {len(questions):5,}", *(f"{k} {100 * v:.1f}" for k, v in told.items())
            )


if __name__ == "__main__":
    main()
