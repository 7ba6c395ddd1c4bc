"""Make the readers that ship, in rag/models: ``python -m training DATA OUT``; it goes on from what OUT holds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rag.reader import SIZES
from training import calibrate, excerpts, export, reader, taught


def main(argv: Sequence[str] | None = None) -> None:
    """Train, export and fit both readers."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("data", help="folder that holds qa/ and corpora/")
    parser.add_argument("out", type=Path, help="folder for lessons, checkpoints and indexes")
    arguments = parser.parse_args(argv)
    data, out = arguments.data, arguments.out
    for size in ("fast", "accurate"):
        reader.main([data, str(out), size])
    _exported("accurate", "accurate", data, out)
    taught.main([data, str(out)])
    reader.main([data, str(out), "taught"])
    _exported("taught", "fast", data, out)
    for size in SIZES:
        fitting = [data, "--keep", str(out / "indexes"), "--reader", size]
        calibrate.main(fitting)
        excerpts.main(fitting)


def _exported(recipe: str, size: str, data: str, out: Path) -> None:
    made = str(out / reader.RECIPES[recipe].folder)
    export.main(["reader", made, str(SIZES[size]), "--measure", data])


if __name__ == "__main__":
    main()
