"""Leaves out of a network what it can do without: places without a word, letters of other scripts, far positions."""

from __future__ import annotations

import json
import re
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import Embedding

UNUSED = re.compile(r"\[unused\d+\]")
LATIN_END = "\u0250"  # the letters before it are those of European languages; it learned to read English


def trimmed(model: Any, tokenizer: Tokenizer, n_tokens: int) -> Tokenizer:
    """Trim an ``MPNetForQuestionAnswering`` in place to texts of ``n_tokens``, and return its tokenizer for that."""
    raw = json.loads(tokenizer.to_str())
    before: dict[str, int] = raw["model"]["vocab"]
    kept = [token for token in sorted(before, key=before.__getitem__) if is_kept(token)]
    ids = {token: n for n, token in enumerate(kept)}
    raw["model"]["vocab"] = ids
    for added in raw["added_tokens"]:
        added["id"] = ids[added["content"]]
    for end in ("sep", "cls"):
        raw["post_processor"][end] = [raw["post_processor"][end][0], ids[raw["post_processor"][end][0]]]
    parts = model.base_model.embeddings
    first = parts.padding_idx + 1  # of the positions
    parts.word_embeddings = _table(parts.word_embeddings.weight[[before[token] for token in kept]])
    parts.position_embeddings = _table(parts.position_embeddings.weight[: first + n_tokens])
    model.config.vocab_size = len(kept)
    return Tokenizer.from_str(json.dumps(raw, ensure_ascii=False))


def is_kept(token: str) -> bool:
    """Return whether a piece of a word can come up in what the network reads; others come in as unknown ones."""
    letters = [letter for letter in token if letter.isalpha()]
    return not UNUSED.fullmatch(token) and (not letters or any(letter < LATIN_END for letter in letters))


def _table(rows: Tensor) -> Embedding:
    table = Embedding(*rows.shape)
    table.weight.data = rows.detach().clone()
    return table
