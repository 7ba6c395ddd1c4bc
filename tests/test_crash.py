"""Kill at any moment, open again, nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).parent.parent
ROUNDS = 20


def test_an_index_survives_kills_and_a_finished_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.crash_rounds", str(tmp_path), str(ROUNDS), "1"]
    run = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    *rounds, end = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(rounds) == ROUNDS
    assert [done["faults"] for done in rounds if done["faults"]] == []
    assert any(0 < done["reported"] < 15 for done in rounds), "no kill fell within a run"
    assert end == {"same_as_uninterrupted": True, "faults": []}
