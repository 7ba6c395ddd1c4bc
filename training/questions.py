"""The questions that readers are trained and judged on: read, checked, and parted once and for all.

``python -m training.questions DATA`` prints how many questions each part has; ``--write`` fixes the parts anew.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from rag.errors import CorpusError
from rag.text import Span, normalise

Part = Literal["train", "dev", "test"]
FILES = ("new_wiki", "squad2_half", "qed", "fairytaleqa", "reddit", "amazon")
SPLITS = Path(__file__).parent / "splits.json"
# Titles kept apart, (test, dev), in the order of their hash: an article is on one side alone.
N_TITLES: Mapping[str, tuple[int, int]] = {"new_wiki": (9, 3), "squad2_half": (5, 2)}
# The other files are parted by the hash of the context: of 20 shares 2 are for the test and 1 for dev.
SHARES, TEST_SHARES, DEV_SHARES = 20, 2, 1


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one context; ``golds`` are the slices of it that answer, none when it does not."""

    id: str
    file: str
    title: str
    question: str
    context: str
    golds: tuple[Span, ...]

    @property
    def answers(self) -> tuple[str, ...]:
        """The gold slices."""
        return tuple(self.context[start:end] for start, end in self.golds)


def load(data: Path, file: str) -> list[Question]:
    """Return the questions of ``DATA/qa/FILE.jsonl``, in the order of the file, contexts normalised.

    Raises:
        CorpusError: an answer is not where the file says.
    """
    path = data / f"qa/{file}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_question(file, json.loads(line), f"{path}:{n}") for n, line in enumerate(lines, start=1)]


def _question(file: str, row: Mapping[str, Any], place: str) -> Question:
    context = normalise(row["context"])
    golds = tuple(dict.fromkeys(_gold(row["context"], gold, place) for gold in row["answers"]))
    return Question(row["id"], file, row["title"], " ".join(row["question"].split()), context, golds)


def _gold(context: str, gold: Mapping[str, Any], place: str) -> Span:
    """Return where an answer stands in the normalised context."""
    start, end = gold["start"], gold["start"] + len(gold["text"])
    if context[start:end] != gold["text"]:
        found = f"the context has {context[start:end]!r}, not {gold['text']!r}, at {start}"
        raise CorpusError(place, found, "Take the file as it was published.")
    moved = len(normalise(context[:start]))
    return moved, moved + len(normalise(gold["text"]))


# ---- Parts


def part(question: Question) -> Part:
    """Return where a question belongs, by its title or its context."""
    if question.file in N_TITLES:
        named = _named()[question.file]
        return (
            "test"
            if question.title in named["test"]
            else "dev"
            if question.title in named["dev"]
            else "train"
        )
    share = _order(question.context)[0] * SHARES // 256
    return "test" if share < TEST_SHARES else "dev" if share < TEST_SHARES + DEV_SHARES else "train"


def of_part(data: Path, file: str, wanted: Part) -> list[Question]:
    """Return the questions of a file that are in one part."""
    return [question for question in load(data, file) if part(question) == wanted]


def _named() -> dict[str, dict[str, list[str]]]:
    named: dict[str, dict[str, list[str]]] = json.loads(SPLITS.read_text(encoding="utf-8"))
    return named


def drawn(data: Path) -> dict[str, dict[str, list[str]]]:
    """Return the titles that are kept apart, by file and part."""
    found = {}
    for file, (n_test, n_dev) in N_TITLES.items():
        titles = sorted({question.title for question in load(data, file)}, key=_order)
        found[file] = {"test": sorted(titles[:n_test]), "dev": sorted(titles[n_test : n_test + n_dev])}
    return found


def _order(text: str) -> bytes:
    return sha256(text.encode()).digest()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.questions", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds qa/")
    parser.add_argument("--write", action="store_true", help="draw the titles and write splits.json")
    arguments = parser.parse_args(argv)
    if arguments.write:
        SPLITS.write_text(json.dumps(drawn(arguments.data), indent=2) + "\n", encoding="utf-8")
    for file in FILES:
        counts = Counter(part(question) for question in load(arguments.data, file))
        print(f"{file:12} train {counts['train']:6,}  dev {counts['dev']:5,}  test {counts['test']:5,}")


if __name__ == "__main__":
    main()
