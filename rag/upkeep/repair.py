"""Mends an index as far as it can be mended; what cannot be proved to be what was stored goes, and is named."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path

from rag.errors import IndexDamaged, IndexFault, IndexMissing, IndexStale
from rag.index import caches, folder
from rag.index.database import one_line
from rag.index.durable import NEW, require_room, size, sync_folder, unwritable
from rag.index.truth import FORMAT, RECOUNT, Truth
from rag.store import Shape
from rag.upkeep import checks, swap
from rag.upkeep.checks import Fault
from rag.upkeep.doctor import Caches
from rag.upkeep.losses import Losses
from rag.upkeep.salvage import Guess, Salvage, Saved
from rag.upkeep.witness import Witness
from rag.upkeep.wreck import Wreck

DAMAGED = f"{folder.DATABASE}.damaged"  # what an articles.db is called that was put aside
_ROUNDS = 3  # of mending: what goes may leave something behind that must go too
_ORIGIN = (
    "made from"  # of an unfinished generation: the state that it is made from, while it can be gone on with
)


def repair(index: str | Path, guess: Guess | None = None) -> Iterator[str]:
    """Mend an index, and yield what was done, a line each; none if it was sound. It is locked until the end.

    ``guess`` returns the shape that it is likely to have, for one that cannot say it any more.

    Raises:
        IndexMissing, IndexLocked, IndexStale: as their names say.
        IndexDamaged: nothing of it can be saved, and it stays as it is; or, at the end, articles are lost.
        IndexFault: it cannot be written.
    """
    where = Path(index)
    if not folder.generations(where):
        if (where / folder.CURRENT).exists():
            raise IndexDamaged(f"{where} has no generation left", folder.anew(where))
        folder.live(where)  # which says that there is no index
    losses = Losses()
    with folder.writing(where):
        yield from _pointed(where, losses)
        yield from _truth_mended(where, guess, losses)
        yield from _caches_mended(folder.live(where))
        yield from _tidied(where)
    losses.tell(where)


# -- CURRENT ------------------------------------------------------------------------------------------


def _pointed(index: Path, losses: Losses) -> Iterator[str]:
    """Let CURRENT name a generation that is there: the newest whole one, or else one that may be saved."""
    try:
        folder.live(index)
        return
    except (IndexMissing, IndexDamaged) as error:
        why = error.message
    newest = [path for path in reversed(folder.generations(index)) if (path / folder.DATABASE).is_file()]
    fit = [path for path in newest if folder.is_whole(path)] or [path for path in newest if not _opens(path)]
    if not fit:
        raise IndexDamaged(f"{index} has no whole generation left", folder.anew(index))
    skipped = [path for path in newest[: newest.index(fit[0])] if not _opens(path)]
    losses.may_be_more = bool(folder.named(index) or skipped)  # what answered may have had other articles
    folder.publish(index, fit[0])
    folder.settle(index)
    yield f"{why}: {fit[0].name} answers from now on"


def _opens(generation: Path) -> bool:
    try:
        Truth(generation / folder.DATABASE).close()
    except IndexFault:
        return False
    return True


# -- articles.db --------------------------------------------------------------------------------------


def _truth_mended(index: Path, guess: Guess | None, losses: Losses) -> Iterator[str]:
    alive = folder.live(index)
    for turn in range(_ROUNDS):
        found = _faults(alive / folder.DATABASE)
        is_readable = all(fault.articles or fault.cure for fault in found)
        if turn == 0 and is_readable and (said := list(_put_back(alive))):
            yield from said
            continue
        if not found:
            return
        if not is_readable:
            break
        yield from _cured(alive / folder.DATABASE, found, losses)
    yield from _saved(index, alive, found[0].says, guess, losses)


def _faults(database: Path) -> list[Fault]:
    """Return what is wrong with an articles.db.

    Raises:
        IndexStale: a newer Citewise made it.
    """
    try:
        with closing(Truth(database)) as truth, truth.snapshot():
            return list(checks.faults(truth))
    except IndexStale as error:
        if _is_newer(database):
            raise
        return [Fault(error.message)]
    except IndexDamaged as error:
        return [Fault(error.message)]
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        return [Fault(f"{database} contradicts itself: {one_line(error)}")]


def _put_back(alive: Path) -> Iterator[str]:
    """Make vectors what they were, where vectors.faiss tells: nobody would see a bit of one that has turned over."""
    with closing(Truth(alive / folder.DATABASE, write=True)) as truth:
        path = alive / caches.VECTORS
        witness = Witness(path, truth.meta("uid"))
        rows = truth.stream(
            "SELECT v.n, v.vector, p.id FROM vectors v JOIN passages p ON p.vector = v.n ORDER BY v.n"
        )
        wrong: list[tuple[int, int, bytes]] = []
        for n, same in groupby(rows, itemgetter(0)):
            _, blobs, ids = zip(*same, strict=True)
            told = {vector for id in ids if (vector := witness.vector(id))}
            if len(told) == 1 and not told & set(blobs):  # else a passage has the vector of another
                wrong.append((ids[0], n, *told))
        with truth.transaction():
            for _, n, vector in wrong:
                truth.run("UPDATE vectors SET vector = ? WHERE n = ?", (vector, n))
    yield from (f"the vector of passage {id} is what it was again, as {path} has it" for id, _, _ in wrong)


def _is_newer(database: Path) -> bool:
    with closing(Wreck(database, database.parent)) as wreck:
        made = wreck.meta("format")
    return made.isdecimal() and int(made) > FORMAT


def _cured(database: Path, found: list[Fault], losses: Losses) -> Iterator[str]:
    """Delete what refers to nothing, and the articles that are not what was stored; their files are read again."""
    said: list[str] = []
    articles = {n: fault.says for fault in reversed(found) for n in fault.articles}
    with closing(Truth(database, write=True)) as truth, truth.change():
        n_before, _ = truth.counted()
        for fault in found:
            for sql, values in fault.cure:
                truth.run(sql, values)
            said += [f"{fault.says}: mended"] if fault.cure else []
        for n, says in sorted(articles.items()):
            for id, file in truth.rows("SELECT id, file FROM articles WHERE n = ?", (n,)):
                truth.remember_file(file, None)
                said.append(f"{says}: article {id} is dropped; indexing {file} again brings it back")
            truth.remove(n)
        losses.dropped(n_before - truth.counted()[0], n_before)
        for statement in RECOUNT:
            truth.run(statement, ())
    yield from said


def _saved(index: Path, alive: Path, reason: str, guess: Guess | None, losses: Losses) -> Iterator[str]:
    """Save what can be read into the next generation, and put the damaged file aside."""
    database = alive / folder.DATABASE
    require_room(index, 2 * size(alive), "saving what can be read")
    with swap.next_generation(index) as new:
        n_kept, (lost, n_read) = _salvaged(index, database, new, guess, losses)
        swap.finish(new)
    folder.publish(index, new, folder.previous(index) or new)
    aside = _put_aside(database, index)
    shutil.rmtree(alive, ignore_errors=True)
    yield f"{database} is damaged ({reason})"
    yield f"{n_kept:,} articles are saved into {new.name}, {len(lost):,} that are known of are not"
    if n_read:
        yield f"the text of {n_read:,} of these is whole and is what was stored, its passages or vectors are not"
    yield f"the damaged file is kept as {aside}"
    yield from (f"not saved: article {name}; indexing its file again brings it back" for name in lost)


def _salvaged(
    index: Path, database: Path, new: Path, guess: Guess | None, losses: Losses
) -> tuple[int, Saved]:
    """Make the draft of a generation of what is proved; return the number of articles in it, and what is not."""
    with closing(Wreck(database, new)) as wreck:
        salvage = Salvage(wreck, Witness(database.with_name(caches.VECTORS), wreck.meta("uid")))
        shape = salvage.shape(_shapes(index), guess)
        if shape is None:
            raise IndexDamaged(
                f"{database} does not say any more which embedder made its vectors",
                "Name the one it was made with: citewise doctor --repair --embedder NAME",
            )
        draft, above = swap.draft_of(new), max(salvage.last_id, swap.last_id(index))
        Truth.create(draft, {**shape.facts(), "whole": "yes", "uid": uuid.uuid4().hex}, above)
        with closing(Truth(draft, write=True)) as truth:
            truth.rows("PRAGMA synchronous=OFF")  # nobody trusts it before it is finished
            saved = salvage.save(truth, shape)
            n_kept, _ = truth.counts()
        losses.unsaved(n_kept, len(saved.lost), wreck.meta("n articles"))
    for left in (*new.glob(f"wreck{NEW}*"), *new.glob(f"head{NEW}*")):
        left.unlink()
    return n_kept, saved


def _shapes(index: Path) -> Iterator[Shape]:
    """Yield the shapes of the generations that can be read."""
    for path in folder.generations(index):
        with suppress(IndexFault), closing(Truth(path / folder.DATABASE)) as truth:
            yield Shape.of(truth)


def _put_aside(database: Path, index: Path) -> Path:
    """Move a damaged file, and its log, where no generation is, under a name that is free."""
    names = (index / f"{DAMAGED}{'' if n == 1 else f'.{n}'}" for n in count(1))
    aside = next(path for path in names if not path.exists())
    try:
        for end in ("", "-wal"):
            with suppress(FileNotFoundError):
                database.with_name(database.name + end).rename(aside.with_name(aside.name + end))
        sync_folder(index)
    except OSError as error:
        raise unwritable(aside, error) from error
    return aside


# -- what can be made again, and what is left over ----------------------------------------------------


def _caches_mended(alive: Path) -> Iterator[str]:
    with closing(Truth(alive / folder.DATABASE, write=True)) as truth:
        cached, wrong = Caches.opened(alive, truth), dict[Path, str]()
        with truth.snapshot():
            for path, fault in cached.faults(truth):
                wrong.setdefault(path, fault)
        for path in wrong:
            caches.forget(path)
        if wrong:
            caches.flush(alive, truth, final=True)
    yield from (f"{fault}: made again" for fault in wrong.values())


def _tidied(index: Path) -> Iterator[str]:
    """Delete what a killed process left behind, but for a rebuild that can be gone on with."""
    alive = folder.live(index)
    with closing(Truth(alive / folder.DATABASE)) as truth:
        now = truth.reach()
    for path in folder.generations(index):
        if path != alive and not _is_of_use(path, f"{now.uid} {now.seq} {now.last_id}"):
            shutil.rmtree(path, ignore_errors=True)
            yield f"{path} was not finished: deleted"
    for place in (index, *folder.generations(index)):
        for left in sorted({*place.glob(f"*{NEW}"), *place.glob(f"*{NEW}-*")}):
            caches.forget(left)
            yield f"{left} was left behind: deleted"


def _is_of_use(generation: Path, state: str) -> bool:
    try:
        with closing(Truth(generation / folder.DATABASE)) as truth:
            return truth.meta("whole") == "yes" or truth.meta(_ORIGIN) == state
    except IndexDamaged:
        return True  # it was whole once: rollback may put it back, and then it can be saved
    except IndexFault:
        return False
