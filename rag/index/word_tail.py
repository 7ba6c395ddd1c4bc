"""The words of a few passages that no base holds yet, scored one by one by BM25 (Robertson and Zaragoza 2009)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import log

from rag.index.words import N_HELD, Text, analysed

FEW = 500  # passages; more are given to tantivy, which takes up to 50 ms and a dozen threads to begin
_K1, _B = 1.2, 0.75  # as tantivy has them


@dataclass(frozen=True, slots=True)
class _Counted:
    id: int
    text: Text
    words: Counter[str]
    n: int


class WordTail:
    """Searches the words of a few passages; nothing in it changes."""

    def __init__(self, counted: Sequence[_Counted] = ()) -> None:
        self._counted = counted
        self._mean = sum(one.n for one in counted) / len(counted) if counted else 0.0

    def __len__(self) -> int:
        return len(self._counted)

    def and_also(self, texts: Iterable[Text]) -> WordTail:
        """Return this tail and, after it, more passages."""
        return WordTail([*self._counted, *map(_counted, texts)])

    def texts(self) -> list[Text]:
        """Return what is in it."""
        return [one.text for one in self._counted]

    def search(
        self, words: list[str], k: int, only: Collection[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return (id, BM25 score) of the best ``k`` passages with any of ``words``, ties by id."""
        weights = {word: self._weight(word) for word in words}
        among = (one for one in self._counted if only is None or one.id in only)
        scored = ((one.id, self._score(one, weights)) for one in among)
        return sorted((hit for hit in scored if hit[1]), key=lambda hit: (-hit[1], hit[0]))[: max(k, 0)]

    def holders(self, word: str) -> tuple[list[int], int]:
        """Return the ids of all passages that have a stemmed word, and their number."""
        ids = [one.id for one in self._counted if word in one.words]
        return ids[:N_HELD], len(ids)

    def _weight(self, word: str) -> float:
        n = sum(word in one.words for one in self._counted)
        return log(1 + (len(self) - n + 0.5) / (n + 0.5))

    def _score(self, one: _Counted, weights: dict[str, float]) -> float:
        norm = _K1 * (1 - _B + _B * one.n / self._mean) if self._mean else 0.0
        counts = ((weight, one.words[word]) for word, weight in weights.items() if word in one.words)
        return sum(weight * count * (1 + _K1) / (count + norm) for weight, count in counts)


def _counted(of: Text) -> _Counted:
    id, title, text = of
    words = Counter([*analysed(title), *analysed(text)])
    return _Counted(id, of, words, words.total())
