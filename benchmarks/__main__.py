"""``python -m benchmarks [PART] [--quick]``: measure, then write results.json and README.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from benchmarks import bars, panels, report, results, scale
from benchmarks.results import Part
from rag.errors import CitewiseError

# Speed first: its processes are measured under a small parent.
PARTS = (
    "speed",
    "scale",
    "beside",
    "answers",
    "crash",
    "faults",
    "together",
    "retrieval",
    "found",
    "start",
    "defaults",
    "reading",
    "accurate",
    "rewriting",
    "writing",
    "page",
)
RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parent / "README.md"
DRAWINGS: Mapping[str, tuple[Path, Callable[[Part], str]]] = {
    "scale": (Path(__file__).parent / "scale.svg", scale.drawing),
    "answers": (Path(__file__).parent / "answers.svg", bars.drawing),
    "defaults": (Path(__file__).parent / "defaults.svg", panels.drawing),
}


def main() -> int:
    """Measure the parts that the command line names, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and write README.md.")
    parser.add_argument("part", nargs="?", choices=PARTS, help="one part alone; all unless given")
    parser.add_argument("--quick", action="store_true", help="try it on little; print, and write nothing")
    arguments = parser.parse_args()
    parts = {} if arguments.quick else results.load(RESULTS)
    try:
        for name in [arguments.part] if arguments.part else PARTS:
            parts[name] = import_module(f"benchmarks.{name}").measure(arguments.quick)
            if not arguments.quick:
                results.save(RESULTS, parts)
                README.write_text(report.readme(results.load(RESULTS)), encoding="utf-8")
                if name in DRAWINGS:
                    file, drawing = DRAWINGS[name]
                    file.write_text(drawing(parts[name]), encoding="utf-8")
    except CitewiseError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.quick:
        print(report.readme(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
