"""The span-marking transformer as it is trained: texts in one row without padding, which saves a quarter of the time.

The parameters are those of transformers' ``BertForQuestionAnswering``, so that its folder format is the checkpoint's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import BertForQuestionAnswering

from training.export import minilm_folder

Network = Any
"""A ``BertForQuestionAnswering``; the library has no types."""
INIT_STD = 0.02  # of the new head, as in BERT


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts in a row. ``slots`` is where each token stands when texts are padded to ``longest``, ``(n_tokens,)``.

    ``texts`` is the number of each token's text, ``(n_tokens,)``; ``padding`` is added to the scores of attention,
    ``(n, 1, 1, longest)``.
    """

    ids: Tensor
    types: Tensor
    positions: Tensor
    texts: Tensor
    slots: Tensor
    padding: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """How many texts, and how long the longest is."""
        return self.padding.shape[0], self.padding.shape[3]


def batch(ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]]) -> Batch:
    """Return texts, given as tokens and their types, as one batch."""
    lengths = np.array([len(text) for text in ids])
    longest = int(lengths.max())
    positions = np.concatenate([np.arange(length) for length in lengths])
    texts = np.repeat(np.arange(len(ids)), lengths)
    beyond = torch.arange(longest)[None, :] >= torch.from_numpy(lengths)[:, None]
    return Batch(
        torch.from_numpy(np.concatenate([np.asarray(text, np.int64) for text in ids])),
        torch.from_numpy(np.concatenate([np.asarray(text, np.int64) for text in types])),
        torch.from_numpy(positions),
        torch.from_numpy(texts),
        torch.from_numpy(texts * longest + positions),
        torch.zeros(beyond.shape, dtype=torch.bfloat16).masked_fill(beyond, -1e4)[:, None, None, :],
    )


def fresh(seed: int) -> Network:
    """Return all-MiniLM-L6-v2 with a new head for spans."""
    torch.manual_seed(seed)
    model = BertForQuestionAnswering.from_pretrained(minilm_folder(), dtype=torch.float32)
    torch.nn.init.normal_(model.qa_outputs.weight, std=INIT_STD)
    torch.nn.init.zeros_(model.qa_outputs.bias)
    return model


def opened(folder: Path) -> Network:
    """Return the network of a folder that ``save_pretrained`` wrote."""
    return BertForQuestionAnswering.from_pretrained(folder, dtype=torch.float32)


def logits(model: Network, of: Batch) -> Tensor:
    """Return the start and end logit of each token, ``(n_tokens, 2)``, computed in bfloat16 but for the head."""
    parts = model.bert.embeddings
    x = parts.word_embeddings(of.ids) + parts.position_embeddings(of.positions)
    x = parts.LayerNorm(x + parts.token_type_embeddings(of.types)).bfloat16()  # (n_tokens, dim)
    for layer in model.bert.encoder.layer:
        x = _norm(layer.attention.output.LayerNorm, x + _attended(layer.attention, x, of))
        inner = functional.gelu(_linear(layer.intermediate.dense, x))
        x = _norm(layer.output.LayerNorm, x + _linear(layer.output.dense, inner))
    found: Tensor = model.qa_outputs(x.float())
    return found


def _attended(attention: Any, x: Tensor, of: Batch) -> Tensor:
    own = attention.self
    n, longest = of.shape
    heads: int = own.num_attention_heads
    width = torch.cat([own.query.weight, own.key.weight, own.value.weight]).bfloat16()
    shift = torch.cat([own.query.bias, own.key.bias, own.value.bias]).bfloat16()
    packed = functional.linear(x, width, shift)  # (n_tokens, 3 * dim)
    padded = packed.new_zeros(n * longest, packed.shape[1]).index_copy(0, of.slots, packed)
    q, k, v = padded.view(n, longest, 3, heads, -1).permute(2, 0, 3, 1, 4)  # each (n, heads, longest, size)
    scores = (q * (1 / math.sqrt(q.shape[-1]))) @ k.transpose(-1, -2) + of.padding
    mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n * longest, -1)
    return _linear(attention.output.dense, mixed.index_select(0, of.slots))


def _linear(layer: Any, x: Tensor) -> Tensor:
    return functional.linear(x, layer.weight.bfloat16(), layer.bias.bfloat16())


def _norm(layer: Any, x: Tensor) -> Tensor:
    return functional.layer_norm(
        x, layer.normalized_shape, layer.weight.bfloat16(), layer.bias.bfloat16(), layer.eps
    )
