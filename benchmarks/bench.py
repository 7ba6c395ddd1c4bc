"""A bench for one operation: an index made ready once, copied for each trial, and looked at after it."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import aftermath, calls
from benchmarks.aftermath import Found
from benchmarks.calls import Call, Strike
from benchmarks.changing import NOTHING, Contents, contents, contents_of
from benchmarks.children import Child, Pipe, in_child
from benchmarks.operations import BACKUP, SENT, Operation, be_eager
from ingest.run import Silence
from rag.errors import CitewiseError
from rag.index import folder
from rag.upkeep import parcel


class Bench:
    """An operation on a bench of its own: an index made ready once, and copied for each trial."""

    def __init__(self, home: Path, operation: Operation) -> None:
        self.operation = operation
        self._ready, self.here = home / "ready" / operation.name, home / "trial" / operation.name
        self.index, self.corpus = self.here / "index", home / "corpus" / operation.name
        self.before, self.after, self.copied, self.sent = NOTHING, NOTHING, NOTHING, NOTHING
        self.calls: Sequence[Call] = ()
        self.seconds = 0.0

    def make_ready(self) -> None:
        """Make the index, and run the operation once to its end to know its calls and its result."""
        self.here.mkdir(parents=True)  # where it will be struck: what it is given by hand is kept by its path
        done = in_child(lambda pipe: self.operation.prepare(self.index, self.corpus, pipe))
        _require(done)
        shutil.copytree(self.here, self._ready)
        self.before, self.copied = contents(self.index), contents(self.index.with_name(BACKUP))
        self.sent = _sent(self.index.with_name(SENT))
        started = time.perf_counter()
        done = self.cut_short(Strike("count"))
        self.seconds = time.perf_counter() - started
        _require(done)
        self.calls = [calls.parse(line) for line in done.said.get("call", [])]
        self.after = contents(self.index)

    def lay_out(self) -> None:
        """Put a copy of the index that was made ready in its place."""
        shutil.rmtree(self.here, ignore_errors=True)
        shutil.copytree(self._ready, self.here)

    def cut_short(self, strike: Strike, kill_after: float | None = None) -> Child:
        """Run the operation on a fresh copy, struck; all caches are written after every article."""
        self.lay_out()

        def work(pipe: Pipe) -> None:
            pipe.listen()
            be_eager()
            calls.watch(self.here, strike, pipe.descriptor if kill_after is None else -1)
            try:
                self.operation.run(self.index, self.corpus, pipe)
            finally:
                calls.watch(self.here, Strike("count"))

        return in_child(work, kill_after)

    def looked_at(self, reported: Sequence[str]) -> dict[str, list[str]]:
        """Return what is wrong with the index as it lies, and after the operation was done again to its end."""
        done = in_child(lambda pipe: pipe.say("wrong", json.dumps(asdict(self._wrong(reported)))))
        if found := done.first("wrong"):
            return {kind: said for kind, said in json.loads(found).items() if said}
        return {"closed": [done.first("broken") or done.first("told") or "it hangs, or is killed"]}

    def _wrong(self, reported: Sequence[str]) -> Found:
        found = self._look(reported)
        try:
            self.operation.again(self.index, self.corpus, Silence())
        except CitewiseError as error:
            found.unequal.append(f"it cannot be done again: {error}")
            return found
        again = self._look(() if self.operation.turns else reported)
        found.unequal += again.closed + again.lost + again.faulty + self._unlike(contents(self.index))
        found.unequal += aftermath.unkept(self.index)
        found.unequal += [f"{name} is left over" for name in aftermath.left_over(self.index)]
        return found

    def _look(self, reported: Sequence[str]) -> Found:
        if self.operation.makes_next:
            found = aftermath.look(self.index, self.before, self.after, ())
            found.lost += aftermath.not_stored(_newest(self.index), self.after, reported) if reported else []
        else:
            found = aftermath.look(self.index, self.before, self.after, reported)
        if (backup := self.index.with_name(BACKUP)).exists():
            also = aftermath.look(backup, self.copied, self.after, ())
            found.closed += also.closed
            found.lost += also.lost
            found.faulty += also.faulty
        if (file := self.index.with_name(SENT)).exists():
            found.lost += aftermath.unsent(file, (self.sent, self.before))
        return found

    def _unlike(self, now: Contents) -> list[str]:
        differing = now.unlike(self.after)
        if self.operation.turns and not now.unlike(self.before):
            return []
        return differing


def _sent(file: Path) -> Contents:
    if not file.exists():
        return NOTHING
    with parcel.opened(file) as sent, tempfile.TemporaryDirectory() as home:
        sent.unpack(sent.manifest.parts[0], Path(home) / folder.DATABASE)
        return contents_of(Path(home) / folder.DATABASE)


def _newest(index: Path) -> Contents:
    return contents_of(folder.generations(index)[-1] / folder.DATABASE)


def _require(done: Child) -> None:
    if "done" not in done.said:
        raise RuntimeError(f"it does not even run when nobody disturbs it: {done.said}, {done.status}")
