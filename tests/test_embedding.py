"""The pipeline: read, cut, embed and store side by side; bounded, in order, nothing twice, and stopped at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ingest import ahead, embedding
from ingest.ahead import Ahead, Stopped
from ingest.embedding import GROUP, SLICE, Arriving, Embedding
from rag.domain import Article, Vectors
from rag.index.truth import Truth
from tests.conftest import vector
from tests.fakes import LetterEmbedder

TOKENS = 10
LONG_S = 10.0  # after which a test that waits in vain fails


def arriving(n: int, text: str) -> Arriving:
    return Arriving(Article(f"{n}", "", text), f"/{n}", f"/{n}")


def several(n: int, start: int = 0) -> list[Arriving]:
    """Articles of one passage each, all different."""
    return [arriving(i, f"Article number {i}.") for i in range(start, start + n)]


def opened(
    items: Iterator[Arriving] | list[Arriving],
    truth: Truth,
    embedder: LetterEmbedder | None = None,
    stop: threading.Event | None = None,
) -> Embedding:
    return Embedding(items, truth, embedder or LetterEmbedder(), TOKENS, stop or threading.Event())


def stored(truth: Truth, articles: Embedding) -> list[str]:
    """Store all, and return their ids in order."""
    ids = []
    with articles:
        for ready in articles:
            one = ready.arriving
            with truth.change():
                truth.put(one.article, one.place, one.file, ready.pieces)
            ids.append(one.article.id)
    return ids


class Blocked(LetterEmbedder):
    """Embeds from a given batch on only when it may; says when it waits."""

    def __init__(self, after: int = 0) -> None:
        super().__init__()
        self.after = after
        self.waits, self.may = threading.Event(), threading.Event()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.after -= 1
        if self.after < 0:
            self.waits.set()
            assert self.may.wait(LONG_S)
        return super().embed_passages(texts)


def test_articles_come_out_in_their_order_with_the_vectors_of_their_passages(truth: Truth) -> None:
    articles = several(2 * GROUP)
    assert stored(truth, opened(articles, truth)) == [one.article.id for one in articles]
    ids, rows = truth.vectors(LetterEmbedder.dim)
    for id, passage in truth.passages(ids.tolist()).items():
        assert (rows[ids.tolist().index(id)] == vector(passage.text)).all()


def test_nothing_is_embedded_twice_be_it_stored_or_on_its_way(truth: Truth) -> None:
    embedder = LetterEmbedder()
    texts = [f"Text number {n}." for n in range(GROUP)]
    articles = [arriving(n, texts[n % len(texts)]) for n in range(2 * GROUP + 5)]
    run = opened(articles, truth, embedder)
    stored(truth, run)
    assert len(embedder.embedded) == run.n_embedded == len(texts)
    again = opened([arriving(10_000, texts[3])], truth, embedder)
    stored(truth, again)
    assert again.n_embedded == 0


def test_the_longest_of_a_group_come_first_and_no_slice_is_larger_than_it_may(truth: Truth) -> None:
    sizes: list[int] = []

    class Measuring(LetterEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            sizes.append(len(texts))
            return super().embed_passages(texts)

    embedder = Measuring()
    stored(truth, opened([arriving(n, "x" * (1 + n * 7 % 150)) for n in range(GROUP)], truth, embedder))
    lengths = [len(text) for text in embedder.embedded]
    assert lengths == sorted(lengths, reverse=True)
    assert max(sizes) <= SLICE


def test_reading_goes_on_while_a_group_is_embedded(truth: Truth) -> None:
    embedder, read = Blocked(), threading.Event()

    def items() -> Iterator[Arriving]:
        yield from several(2 * GROUP)
        assert embedder.waits.wait(LONG_S)
        read.set()
        embedder.may.set()

    assert len(stored(truth, opened(items(), truth, embedder))) == 2 * GROUP
    assert read.is_set()


def test_embedding_goes_on_while_articles_are_stored(truth: Truth) -> None:
    embedder = Blocked(after=GROUP // SLICE)
    with opened(several(2 * GROUP), truth, embedder) as articles:
        for n, _ in enumerate(articles):
            if n == 0:
                assert embedder.waits.wait(LONG_S), "the second group waits for the first to be stored"
                embedder.may.set()


def test_no_more_is_read_ahead_than_the_queue_holds(truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "GROUP", 1)
    monkeypatch.setattr(embedding, "QUEUE_BYTES", 20_000)
    n_read, most = 0, 0

    def items() -> Iterator[Arriving]:
        nonlocal n_read
        for one in several(200):
            n_read += 1
            yield one

    with opened(items(), truth) as articles:
        for n_taken, _ in enumerate(articles, start=1):
            time.sleep(0.001)
            most = max(most, n_read - n_taken)
    assert n_read == 200
    assert most < 20_000 / 600 + 3, "a passage counts 600 bytes at least"


def test_what_is_larger_than_the_queue_comes_alone() -> None:
    sizes = [10, 10, 500, 10, 600, 700, 10]
    held, most, turn = 0, [], threading.Lock()

    def admitted(n: int) -> None:
        nonlocal held
        with turn:
            held += n
            most.append(held)

    queue = Ahead(iter(sizes), int, 100, admitted, lambda: False)
    taken = []
    with queue:
        for n in queue:
            taken.append(n)
            time.sleep(0.002)
            with turn:
                held -= n
            queue.release(n)
    assert taken == sizes
    assert all(total <= 100 or total in sizes for total in most)


def test_what_goes_wrong_in_reading_is_raised_after_what_was_read(truth: Truth) -> None:
    def items() -> Iterator[Arriving]:
        yield from several(GROUP)
        raise MemoryError

    with pytest.raises(MemoryError):
        stored(truth, opened(items(), truth))
    assert truth.counts()[0] == GROUP


def test_a_stop_is_heeded_in_reading_in_embedding_and_in_waiting(
    truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "HEED_S", 0.01)
    stop, reading = threading.Event(), threading.Event()

    def items() -> Iterator[Arriving]:
        yield from several(GROUP)
        reading.set()
        assert stop.wait(LONG_S)
        yield from several(10 * GROUP, start=GROUP)

    embedder = LetterEmbedder()
    with pytest.raises(Stopped), opened(items(), truth, embedder, stop) as articles:
        for _ in articles:
            assert reading.wait(LONG_S)
            stop.set()
    assert len(embedder.embedded) <= GROUP + SLICE


def test_an_interrupt_is_heeded_while_a_slow_model_embeds(truth: Truth) -> None:
    embedder = Blocked()
    timer = threading.Timer(0.1, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
    started = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        stored(truth, opened(several(2 * GROUP), truth, embedder))
    assert time.monotonic() - started < 1.5
    embedder.may.set()


def test_threads_end_with_the_run(truth: Truth, tmp_path: Path) -> None:
    before = threading.active_count()
    for n in range(3):
        stored(truth, opened(several(10, start=10 * n), truth))
    until = time.monotonic() + LONG_S
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == before
