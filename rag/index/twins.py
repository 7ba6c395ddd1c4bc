"""Near-identical articles, such as one wire story in two outlets: found by MinHash (Broder 1997), then compared."""

from __future__ import annotations

import re
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Shingles = NDArray[np.uint64]
"""The distinct hashes of runs of words."""

SHINGLE = 4  # words
ALIKE = 0.75  # of the shingles of both together; copies that a desk has cut or led in anew are above
SAME = 0.6  # of the shingles of the shorter of two passages, whose ends may lie elsewhere
_FEWEST = 8  # words; shorter texts are alike by chance
_SHORT = 24  # words; shorter texts are alike only if they have the same ones
_MOST = 20_000  # words that are looked at
_BANDS, _ROWS = 10, 4  # two texts that are alike share a band in 98 of 100 cases; of .9, always
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, and with bits everywhere
_PRIME = np.uint64(2**31 - 1)
_WORD = re.compile(r"\w+")
_CHANCE = np.random.default_rng(0)  # always the same numbers, or no two runs would agree
_FACTORS, _SHIFTS = _CHANCE.integers(1, int(_PRIME), size=(2, _BANDS * _ROWS, 1), dtype=np.uint64)


def shingles(text: str) -> Shingles:
    """Return the shingles of a text; none of one that is too short to be told from another."""
    words = _WORD.findall(text[: 16 * _MOST].casefold())[:_MOST]
    if len(words) < _FEWEST:
        return np.empty(0, np.uint64)
    length = SHINGLE if len(words) >= _SHORT else len(words)
    sums = {word: crc32(word.encode(errors="replace")) for word in set(words)}
    hashed = np.fromiter((sums[word] for word in words), np.uint64, len(words))
    runs = np.zeros(len(words) - length + 1, np.uint64)
    for n in range(length):  # a number in another base, modulo 2**64: the order of the words counts
        runs = runs * _BASE + hashed[n : n + len(runs)]
    return np.unique(runs)


def bands(of: Shingles) -> list[int]:
    """Return keys of which texts that are alike share at least one, nearly always."""
    if not len(of):
        return []
    least = np.full((_BANDS * _ROWS, 1), _PRIME)
    for some in np.array_split(of, 1 + len(of) // 1_000):  # each part: 40 rows of a thousand numbers
        hashed = (_FACTORS * (some % _PRIME) + _SHIFTS) % _PRIME
        least = np.minimum(least, hashed.min(axis=1, keepdims=True))
    rows = least.reshape(_BANDS, _ROWS)
    return [crc32(row.tobytes()) << 4 | band for band, row in enumerate(rows)]


def alike(a: Shingles, b: Shingles) -> bool:
    """Whether two texts say nearly the same."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared > 0 and shared >= ALIKE * (len(a) + len(b) - shared)


def same(a: str, b: str) -> bool:
    """Whether two passages of such texts are the same one."""
    of_a, of_b = shingles(a), shingles(b)
    if not (len(of_a) and len(of_b)):
        return a.split() == b.split()
    return len(np.intersect1d(of_a, of_b, assume_unique=True)) >= SAME * min(len(of_a), len(of_b))
