"""What the modules of the house import, read from their source."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
ROOMS = ("rag", "rag/index", "rag/upkeep", "rag/evaluation", "ingest", "ingest/formats", "page")
OURS = {"rag", "ingest", "page", "app", "cli", "training", "benchmarks"}


def modules() -> list[str]:
    """Return the full name of every module of the house, sorted."""
    files = [file for room in ROOMS for file in (HOME / room).glob("*.py")]
    files += [HOME / "app.py", HOME / "cli.py"]
    return sorted(".".join(file.relative_to(HOME).with_suffix("").parts) for file in files)


def imported(module: str) -> set[str]:
    """Return all that a module imports, in functions and for types too; our own with their full names."""
    tree = ast.parse((HOME / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if _is_module(name) else node.module for name in names}
    return {name for name in found if name.split(".")[0] not in sys.stdlib_module_names}


def ours(names: set[str]) -> set[str]:
    """Return those of some modules that are of this project."""
    return {name for name in names if name.split(".")[0] in OURS}


def _is_module(name: str) -> bool:
    return (HOME / f"{name.replace('.', '/')}.py").exists()
