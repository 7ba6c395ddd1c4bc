"""What the code as it stands makes of test questions that nobody looked at, as one line of mended.jsonl.

``python -m benchmarks.mended FOLDER >> benchmarks/mended.jsonl`` with CITEWISE_DATA set; the indexes stay in FOLDER.
Two lines, one before a change and one after it, hold the same questions in the same order, so that
``docs/evaluation.md`` can tell the change. The sample is another than that of ``benchmarks.reading``.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import rag
from benchmarks.origin import data, origin
from rag.metrics import em, f1, holds
from training.asked import Asked, of_contexts

SEED = 11
N: Mapping[str, int] = {"new_wiki": 200, "squad2_half": 150}  # of those that their contexts answer
RIGHT_F1 = 0.5
Values = Mapping[str, Sequence[float]]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mended", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the indexes are")
    folder = parser.parse_args(argv).folder
    files = [data(f"qa/{file}.jsonl") for file in N]
    measured = {file: scored(files[0].parent.parent, file, n, folder / file) for file, n in N.items()}
    about = asdict(origin("mended", files)) | {"command": "python -m benchmarks.mended FOLDER"}
    print(json.dumps({"origin": about, "sets": measured}))


def scored(root: Path, file: str, n: int, index: Path) -> Values:
    """Return em, f1, answered and right of each of ``n`` test questions, asked of all contexts as it ships."""
    asked = drawn(of_contexts(root, file, "test", index), n)
    with rag.open(index) as qa:
        rows = [judged(qa.ask(one.question).text, one.answers) for one in asked]
    return {name: [row[name] for row in rows] for name in rows[0]}


def drawn(asked: Sequence[Asked], n: int) -> list[Asked]:
    """Return ``n`` of the answerable questions, the same each time."""
    return random.Random(SEED).sample([one for one in asked if one.homes], n)


def judged(text: str, golds: Sequence[str]) -> dict[str, float]:
    """Return what an answer is worth; it is right as ``rag.evaluation`` has it, and silence is not."""
    found = f1(text, golds)
    right = bool(text) and (found >= RIGHT_F1 or holds(text, golds))
    return {
        "em": em(text, golds),
        "f1": round(found, 4),
        "answered": float(bool(text)),
        "right": float(right),
    }


if __name__ == "__main__":
    main()
