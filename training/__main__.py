"""Make the readers that ship, in rag/models: ``python -m training DATA OUT``; it goes on from what OUT holds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rag.reader import SIZES
from training import calibrate, excerpts, export, reader


def main(argv: Sequence[str] | None = None) -> None:
    """Train, export and fit both readers."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("data", help="folder that holds qa/ and corpora/")
    parser.add_argument("out", type=Path, help="folder for lessons, checkpoints and indexes")
    arguments = parser.parse_args(argv)
    data, out = arguments.data, arguments.out
    for size in reader.RECIPES:
        reader.main([data, str(out), size])
    for size, folder in SIZES.items():
        made, fitting = out / reader.RECIPES[size].folder, [data, "--keep", str(out / "indexes")]
        export.main(["reader", str(made), str(folder), "--measure", data])
        calibrate.main([*fitting, "--reader", size])
        excerpts.main([*fitting, "--reader", size])


if __name__ == "__main__":
    main()
