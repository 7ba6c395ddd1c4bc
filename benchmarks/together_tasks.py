"""One writer of an index that never rests, and those who ask it meanwhile: each a process of its own.

``python -m benchmarks.together_tasks TASK ARGUMENT…`` prints one object of JSON.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from benchmarks import process
from benchmarks.changing import EMBEDDER, TOKENS, text
from ingest import sync
from rag.domain import Article, Passage
from rag.index.truth import Piece, Truth
from rag.store import Store
from rag.upkeep import swap

LOG = "committed.log"  # the sums of all states of articles that were ever about to be committed
K = 5  # passages that are asked for
PAUSE_S = 0.05  # between two questions of one reader, who has to read the answer
_LOOK_S = 1.0  # between two looks at files and memory
_SLOW_S = 0.1  # a wait that is looked at more closely
_FEW = 3  # articles that change between two runs, at most
STAGES = ("refresh", "near", "matching", "passages")


@dataclass(slots=True)
class Asked:
    """What one reader met: its waits in seconds, the parts of the long ones, and what was wrong with passages.

    ``blocked`` is the part of each wait in which it neither ran nor waited for a processor.
    """

    waits: list[float] = field(default_factory=list)
    blocked: list[float] = field(default_factory=list)
    slow: list[dict[str, float]] = field(default_factory=list)
    n_passages: int = 0
    wrong: list[str] = field(default_factory=list)
    files: list[int] = field(default_factory=list)  # open, second by second
    memory_mib: list[float] = field(default_factory=list)  # resident, at the same moments


@dataclass(slots=True)
class Written:
    """What the writer did."""

    runs: int = 0
    stored: int = 0
    removed: int = 0
    compacted: int = 0


def sum_of(article: Article) -> str:
    """Return what tells one state of an article from any other."""
    return sha256(f"{article.id}\0{article.title}\0{article.text}".encode()).hexdigest()


# -- the writer ---------------------------------------------------------------------------------------


def begin(home: str, n_articles: str) -> int:
    """Make a folder of articles and its index; return the number of articles."""
    corpus = Path(home) / "corpus"
    corpus.mkdir()
    for n in range(int(n_articles)):
        (corpus / f"{n}.txt").write_text(text(str(n)), encoding="utf-8")
    return _run(Path(home)).articles


def write(home: str, seconds: str, compact_s: str) -> dict[str, int]:
    """Add, change and remove articles until some seconds have passed, and compact the index now and then."""
    _log_puts(Path(home) / LOG)
    done, dice = Written(), random.Random(1)
    started = compacted = time.monotonic()
    n = len(list((Path(home) / "corpus").iterdir()))
    while time.monotonic() - started < float(seconds):
        change(Path(home) / "corpus", dice, n, version=done.runs + 1)
        summary = _run(Path(home))
        done.runs += 1
        done.stored += summary.new + summary.changed
        done.removed += summary.removed
        if time.monotonic() - compacted > float(compact_s):
            swap.compact(Path(home) / "index")
            compacted = time.monotonic()
            done.compacted += 1
    return asdict(done)


def change(corpus: Path, dice: random.Random, n: int, version: int) -> None:
    """Add or change some articles of about ``n``, and remove others."""
    for _ in range(dice.randint(1, _FEW)):
        path = corpus / f"{dice.randrange(n * 5 // 4)}.txt"
        if path.exists() and dice.random() < 0.3:
            path.unlink()
        else:
            path.write_text(text(path.stem, version), encoding="utf-8")


def _run(home: Path) -> sync.Summary:
    return sync.index([home / "corpus"], home / "index", EMBEDDER(), TOKENS, yes=True)


def _log_puts(log: Path) -> None:
    put = Truth.put
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def noting(truth: Truth, article: Article, place: str, file: str, pieces: Sequence[Piece]) -> None:
        os.write(written, f"{sum_of(article)}\n".encode())
        put(truth, article, place, file, pieces)

    setattr(Truth, put.__name__, noting)


# -- a reader -----------------------------------------------------------------------------------------


def read(home: str, seconds: str, seed: str) -> dict[str, object]:
    """Ask an index until some seconds have passed, each question after a pause."""
    asked, dice, known = Asked(), random.Random(int(seed)), Committed(Path(home) / LOG)
    n = len(list((Path(home) / "corpus").iterdir()))
    with Store(Path(home) / "index") as store:
        for article in store.articles():
            known.sums.add(sum_of(article))
        started = looked = time.monotonic()
        while time.monotonic() - started < float(seconds):
            time.sleep(PAUSE_S)
            passages = ask(store, text(str(dice.randrange(n))).split(".")[0], asked)
            asked.n_passages += len(passages)
            asked.wrong += wrong(passages, known)
            if time.monotonic() - looked > _LOOK_S:
                looked = time.monotonic()
                asked.files.append(len(list(Path("/proc/self/fd").iterdir())))
                asked.memory_mib.append(_resident_mib())
    return asdict(asked)


class Committed:
    """The sums of all states of articles that may have been committed so far."""

    def __init__(self, log: Path) -> None:
        self.sums: set[str] = set()
        self._log, self._read = log, 0

    def holds(self, article: Article) -> bool:
        """Whether an article was ever about to be committed as it is."""
        if sum_of(article) not in self.sums and self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._read)
                whole, end, _ = file.read().rpartition(b"\n")
            self._read += len(whole + end)
            self.sums.update(whole.decode().split())
        return sum_of(article) in self.sums


def ask(store: Store, question: str, asked: Asked) -> list[Passage]:
    """Ask as a pipeline does, and note how long it took."""
    vector = EMBEDDER().embed_questions([question])[0]
    moments, running = [time.perf_counter()], Running.now()
    store.refresh()
    moments.append(time.perf_counter())
    ids = [id for id, _ in store.near(vector, K)]
    moments.append(time.perf_counter())
    ids += [id for id, _ in store.matching(question, K)]
    moments.append(time.perf_counter())
    passages = list(store.passages(list(dict.fromkeys(ids))).values())
    moments.append(time.perf_counter())
    wait, ran = moments[-1] - moments[0], Running.now() - running
    asked.waits.append(wait)
    asked.blocked.append(max(0.0, wait - ran.processor - ran.queue))
    if wait > _SLOW_S:
        parts = dict(zip(STAGES, (b - a for a, b in pairwise(moments)), strict=True))
        asked.slow.append(parts | asdict(ran) | {"blocked": asked.blocked[-1]})
    return passages


@dataclass(frozen=True, slots=True)
class Running:
    """Seconds that this process ran on a processor, and that this thread waited for one."""

    processor: float
    queue: float

    @classmethod
    def now(cls) -> Running:
        """Return those since it began."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _, queue_ns, _ = Path("/proc/thread-self/schedstat").read_text().split()
        return cls(usage.ru_utime + usage.ru_stime, int(queue_ns) / 1e9)

    def __sub__(self, other: Running) -> Running:
        return Running(self.processor - other.processor, self.queue - other.queue)


def wrong(passages: Sequence[Passage], known: Committed) -> Iterator[str]:
    """Yield what is wrong with passages: each must be a slice of a state that was committed at some time."""
    for article in {passage.article.id: passage.article for passage in passages}.values():
        if not known.holds(article):
            yield f"{article.id} was never committed like this"
    for passage in passages:
        if passage.text != passage.article.text[passage.start : passage.end] or not passage.text.strip():
            yield f"passage {passage.id} is no slice of {passage.article.id}"


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


TASKS: tuple[Callable[..., object], ...] = (begin, write, read)

if __name__ == "__main__":
    process.serve(TASKS)
