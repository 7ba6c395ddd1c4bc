"""Kills an indexing process again and again, and looks at what it leaves; run by test_crash.py as a program.

``python -m tests.crash_rounds FOLDER ROUNDS SEED`` prints one JSON object a round: how many articles the
process had reported as stored when it was killed, and what is wrong with the index then.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from ingest import sync
from rag import doctor
from rag.errors import IndexMissing
from rag.store import Store
from tests.fakes import LetterEmbedder

TOKENS = 30
N_ARTICLES = 40


def text_of(n: int, version: int) -> str:
    """An article of a few passages, each of which names its version."""
    return "\n\n".join(f"Article {n} in version {version} has part {part}. " * 4 for part in range(3)).strip()


def shuffle(corpus: Path, dice: random.Random, version: int) -> None:
    """Add, change, move and remove some articles."""
    for n in dice.sample(range(N_ARTICLES), 15):
        (corpus / f"{n}.txt").write_text(text_of(n, version))
    for n in dice.sample(range(N_ARTICLES), 4):
        (corpus / f"{n}.txt").unlink(missing_ok=True)
    present = sorted(path for path in corpus.glob("*.txt") if not path.name.startswith("m"))
    for path in dice.sample(present, 2):
        path.rename(corpus / f"m{path.name}")


class Reporting(sync.Silence):
    """Writes a byte for each article that is said to be stored."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def stored(self, n_chars: int, n_passages: int) -> None:
        """Report it."""
        os.write(self.pipe, b".")


def killed(corpus: Path, index: Path, after: int, delay: float) -> int:
    """Index in a child, killed ``delay`` seconds after it reported ``after`` articles; return how many it did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        in_child(
            lambda: sync.index(
                [corpus], index, LetterEmbedder(), TOKENS, yes=True, watcher=Reporting(writing)
            )
        )
    os.close(writing)
    reported = 0
    while reported < after and (part := os.read(reading, 1)):
        reported += len(part)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(reading, 4096):
        reported += len(part)
    os.close(reading)
    return reported


def in_child(work: Callable[[], object]) -> None:
    """Do the work and leave at once, so that nothing of the parent runs twice."""
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def look(index: Path, versions: int) -> list[str]:
    """Return what is wrong with an index after a kill."""
    try:
        with Store(index) as store:
            wrong = [
                f"{article.id} is no version of it"
                for article in store.articles()
                if article.text
                not in {text_of(int(article.id[:-4].lstrip("m")), v) for v in range(versions + 1)}
            ]
            wrong += [] if store.note is None else [store.note]
    except IndexMissing:
        return []  # killed before there was one
    return wrong + list(doctor.faults(index))


def contents(index: Path) -> list[tuple[str, str, list[str]]]:
    """Return every article and the texts of its passages."""
    with Store(index) as store:
        passages: dict[str, list[str]] = {}
        ids = [id for id, _ in store.matching("article", 100_000)]
        for passage in store.passages(sorted(ids)).values():
            passages.setdefault(passage.article.id, []).append(passage.text)
        return sorted((a.id, a.text, sorted(passages[a.id])) for a in store.articles())


def main(home: Path, rounds: int, seed: int) -> None:
    """Run the rounds, then one run to the end, and compare it with an index made at one go."""
    dice = random.Random(seed)
    corpus, index = home / "corpus", home / "index"
    corpus.mkdir()
    for n in range(N_ARTICLES):
        (corpus / f"{n}.txt").write_text(text_of(n, 0))
    for version in range(1, rounds + 1):
        after = dice.choice([0, 0, 1, 3, 8, 15])
        delay = dice.choice([0.0, dice.uniform(0.0, 0.02), dice.uniform(0.0, 0.4)])
        reported = killed(corpus, index, after, delay)
        print(json.dumps({"reported": reported, "faults": look(index, version)}), flush=True)
        shuffle(corpus, dice, version)
    sync.index([corpus], index, LetterEmbedder(), TOKENS, yes=True)
    sync.index([corpus], home / "whole", LetterEmbedder(), TOKENS, yes=True)
    same = contents(index) == contents(home / "whole")
    print(json.dumps({"same_as_uninterrupted": same, "faults": look(index, rounds)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
