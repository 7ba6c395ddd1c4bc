"""Runs a command as a process of its own, and says how long it took and how much memory it held."""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.origin import HOME

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}  # so that nobody waits for a server


@dataclass(frozen=True, slots=True)
class Run:
    """A process that has ended well: what it said (JSON, last line), its wall time and its greatest memory."""

    said: Any
    wall_s: float
    peak_mib: float


def peak_mib(pid: int) -> float:
    """Return the most memory that a process which runs held until now, of its program alone."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def run(*arguments: str, python: str = sys.executable, watched: bool = False, weighed: bool = True) -> Run:
    """Run ``python ARGUMENTS`` here and wait for it; what one that is ``watched`` says on stderr is shown.

    Where it is not ``weighed`` its memory is not a number, and may be anything.

    Raises:
        RuntimeError: it failed, or needed less memory than this process, so that its own cannot be told.
    """
    with tempfile.TemporaryFile("w+") as complaints:
        started = time.perf_counter()
        process = subprocess.Popen(
            [python, *arguments],
            cwd=HOME,
            env=os.environ | OFFLINE,
            stdout=subprocess.PIPE,
            stderr=None if watched else complaints,
            text=True,
        )
        assert process.stdout
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode:
            complaints.seek(0)
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{complaints.read()[-2000:]}")
    told = json.loads(said.splitlines()[-1])
    if not weighed:
        return Run(told, wall_s, math.nan)
    # A process begins as a copy of its parent, whose memory counts in its peak too.
    if usage.ru_maxrss <= (own := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss):
        raise RuntimeError(f"the peak of {arguments[:2]} is hidden by that of this process ({own} KiB)")
    return Run(told, wall_s, usage.ru_maxrss / 1024)


def serve(tasks: Sequence[Any]) -> None:
    """Run the task that the first argument names with the others, and print what it returns as JSON."""
    name, *arguments = sys.argv[1:]
    task = {task.__name__: task for task in tasks}[name]
    print(json.dumps(task(*arguments)))
