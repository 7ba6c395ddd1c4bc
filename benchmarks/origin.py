"""Where a figure comes from: command, commit, date, machine, versions, and the data's sums."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.results import Origin
from rag.errors import CorpusError, SettingsError

HOME = Path(__file__).parent.parent
OUTPUTS = (
    "benchmarks/results.json",
    "benchmarks/README.md",
    "benchmarks/scale.svg",
    "benchmarks/defaults.svg",
    "benchmarks/answers.svg",
)
PACKAGES = (
    "citewise faiss-cpu llama-index-core llama-index-embeddings-huggingface llama-index-vector-stores-faiss "
    "numpy onnxruntime sentence-transformers tantivy tokenizers torch transformers"
).split()


def data(name: str) -> Path:
    """Return a file of the shared data, which CITEWISE_DATA names the folder of.

    Raises:
        SettingsError: CITEWISE_DATA is not set.
        CorpusError: the file is not there.
    """
    if not (folder := os.environ.get("CITEWISE_DATA")):
        raise SettingsError(
            "CITEWISE_DATA is not set",
            "Set it to the folder that holds qa/ and corpora/; see docs/CONTRIBUTING.md.",
        )
    path = Path(folder) / name
    if not path.is_file():
        raise CorpusError(
            str(path), "no such file", "Set CITEWISE_DATA to the folder that holds qa/ and corpora/."
        )
    return path


def origin(part: str, files: Sequence[Path]) -> Origin:
    """Return where the figures of ``part`` come from, when it is measured here and now on ``files``."""
    return Origin(
        command=f"python -m benchmarks {part}",
        commit=_commit(),
        date=datetime.now(UTC).date().isoformat(),
        machine=_machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        load=round(os.getloadavg()[0], 2),
        versions={"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        data={file.name: sha256(file.read_bytes()).hexdigest() for file in files},
    )


def _commit() -> str:
    """Return the short name of the commit; ``+`` when the files are not all as it has them."""
    name = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", *(f":!{path}" for path in OUTPUTS))
    return f"{name}+" if changed else name


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=HOME, check=True, capture_output=True, text=True
    ).stdout.strip()


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
