"""What no answer can be made of: the words of the question alone, and no amount where it asks how many."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.names import PARTICLES
from rag.text import Span, fold, words
from rag.wants import asks_whether

_BESIDE = PARTICLES | {"a", "an", "An", "The"}  # as written: "A" may be a vitamin
_HOW_MANY = re.compile(r"\bhow many\b", re.I)
_AMOUNT = re.compile(
    r".*\d.*|no|none|nobody|zero|one|once|two|twice|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|(?:dozen|hundred|thousand|million|billion|trillion|score)s?"
    r"|half|third|quarter|few|several|many|most|all|every|each|both|either|neither|single|pair|couple|triple|majority"
)


def adds(question: str, text: str, tokens: Sequence[Span]) -> NDArray[np.bool_]:
    """Return whether the slice of ``text`` from one token to another ``(n, n)`` can tell what the question asks.

    It must have a word that the question has not, and an amount where that asks how many. Any slice can where the
    answer may be in the question: where it asks whether, or this or that.
    """
    asked = {_plain(question[slice(*word)]) for word in words(question)}
    if not asked or "or" in asked or asks_whether(question):
        return np.ones((len(tokens), len(tokens)), dtype=bool)
    is_amount = _AMOUNT.fullmatch if _HOW_MANY.search(question) else bool
    said = [(at, text[slice(*at)]) for at in words(text)]
    fresh = [at for at, one in said if one not in _BESIDE and _plain(one) not in asked]
    new = [at for at in fresh if is_amount(_plain(text[slice(*at)]))]
    starts, ends = zip(*tokens, strict=True) if tokens else ((), ())
    begun = np.searchsorted([start for start, _ in new], ends)  # (n,): words begun before a token ends
    over = np.searchsorted([end for _, end in new], starts, side="right")  # ... ended before it starts
    return np.asarray(begun[None, :] > over[:, None])


def _plain(word: str) -> str:
    return fold(word).replace("’", "'").removesuffix("'s")
