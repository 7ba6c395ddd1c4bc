"""The Python of each peer, which needs other versions than ours and so an environment of its own.

``CITEWISE_PEERS`` names the folder that holds the environments; they are made when they are missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.origin import HOME

LOCKS = HOME / "benchmarks" / "locks"
PEERS = "CITEWISE_PEERS"


def python(name: str) -> Path:
    """Return the Python of a peer, whose environment is made from its lock when it is missing."""
    return made(Path(os.environ.get(PEERS) or Path(sys.prefix) / "peers") / name, LOCKS / f"{name}.lock")


def made(folder: Path, lock: Path) -> Path:
    """Return the Python of an environment; one that is missing is made with what a lock names."""
    found = folder / "bin" / "python"
    if not found.exists():
        print(f"installing {lock.name} into {folder}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", str(lock)], check=True)
    return found


def versions(name: str, *packages: str) -> Mapping[str, str]:
    """Return which versions of some packages a lock pins.

    Raises:
        KeyError: it does not pin one.
    """
    lines = (LOCKS / f"{name}.lock").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    return {package: pins[package] for package in packages}
