"""A bounded queue in bytes: what an iterator gives is drawn by a thread of its own, ahead of who takes it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

HEED_S = 0.2  # between two looks at whether all is over
_PART_S = 0.3  # to wait for a thread that is in the middle of something; it ends itself after that


class Stopped(Exception):
    """The work was told to stop; what was stored until then stays."""


class Ahead(Generic[T]):
    """Items drawn ahead of who iterates, as long as those not yet released have at most ``limit`` bytes.

    An item that is larger waits until it is alone. ``admitted`` is called, in the drawing thread, with each item
    that is let in. What the iterator raises is raised where the items are taken. Use it with ``with``.
    """

    def __init__(
        self,
        items: Iterator[T],
        n_bytes: Callable[[T], int],
        limit: int,
        admitted: Callable[[T], None],
        is_over: Callable[[], bool],
    ) -> None:
        self._items, self._n_bytes, self._limit = items, n_bytes, limit
        self._admitted, self._is_over = admitted, is_over
        self._changed = threading.Condition()
        self._ready: deque[T] = deque()
        self._n_held = 0  # bytes
        self._is_done = self._is_left = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._draw, name="ahead", daemon=True)

    def __enter__(self) -> Ahead[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with self._changed:
            self._is_left = True
            self._ready.clear()
            self._changed.notify_all()
        self._thread.join(_PART_S)

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._wait_until(lambda: bool(self._ready) or self._is_done)
                if not self._ready:
                    break
                item = self._ready.popleft()
            yield item
        if self._error:
            raise self._error

    def release(self, item: T) -> None:
        """Let others take the place of an item that was taken."""
        with self._changed:
            self._n_held -= self._n_bytes(item)
            self._changed.notify_all()

    def _draw(self) -> None:
        try:
            for item in self._items:
                self._admit(item, self._n_bytes(item))
        except Stopped:
            pass
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._is_done = True
                self._changed.notify_all()

    def _admit(self, item: T, n: int) -> None:
        with self._changed:
            self._wait_until(lambda: not self._n_held or self._n_held + n <= self._limit)
            self._n_held += n
        self._admitted(item)
        with self._changed:
            self._ready.append(item)
            self._changed.notify_all()

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._changed.wait(HEED_S)
            if self._is_left or self._is_over():
                raise Stopped
