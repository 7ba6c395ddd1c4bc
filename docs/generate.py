"""Writes what the documents do not say by hand: ``python -m docs.generate``.

A block fenced as ``console`` shows commands after ``$`` and their output; they run beside corpus/ and an index
of it. Tables come from the models' cards, from the benchmarks, and those of docs/evaluation.md from failures.jsonl
and mended.jsonl of benchmarks/; docs/house.svg from the imports.
tests/test_docs.py makes all of it too and compares.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from docs import cards, picture
from docs.imports import HOME

MODELS = HOME / "docs" / "models.md"
TABLED = (MODELS, HOME / "docs" / "evaluation.md")
PAGES = ("README.md", "docs/cli.md")
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)


def refreshed(text: str, place: Path) -> str:
    """Return a page with its tables, and the output of its commands as they print it in ``place``."""
    return cards.filled(_BLOCK.sub(lambda block: _played(block[0], place), text))


def prepare(place: Path) -> None:
    """Put the shipped collection and an index of it into an empty folder."""
    (place / "corpus").symlink_to(HOME / "corpus")
    run("citewise index corpus", place)


def run(command: str, place: Path) -> str:
    """Return what a shell command prints on stdout in ``place``, where ``citewise`` is this checkout's."""
    environ = {**os.environ, "COLUMNS": "100", "PYTHON": sys.executable, "HOME_OF_CITEWISE": str(HOME)}
    script = f'citewise() {{ "$PYTHON" "$HOME_OF_CITEWISE/cli.py" "$@"; }}\n{command}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{shlex.quote(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def _played(block: str, place: Path) -> str:
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "\n".join(f"{command}\n{run(command[2:], place)}" for command in commands)


def main() -> None:
    """Write the pages and the picture anew."""
    picture.FILE.write_text(picture.drawn(), encoding="utf-8")
    for page in TABLED:
        page.write_text(cards.filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    with TemporaryDirectory() as temporary:
        place = Path(temporary)
        prepare(place)
        for name in PAGES:
            path = HOME / name
            path.write_text(refreshed(path.read_text(encoding="utf-8"), place), encoding="utf-8")


if __name__ == "__main__":
    main()
