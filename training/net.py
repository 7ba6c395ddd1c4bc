"""The span-marking transformer as it is trained: texts in one row without padding, which saves a quarter of the time.

The parameters are those of transformers' ``BertForQuestionAnswering`` or ``MPNetForQuestionAnswering``, so that its
folder format is the checkpoint's.
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
from transformers import AutoModelForQuestionAnswering

Network = Any
"""A ``BertForQuestionAnswering`` or an ``MPNetForQuestionAnswering``; the library has no types."""
INIT_STD = 0.02  # of the new head, as in BERT
# What it computes in: processors that do not multiply bfloat16 need a hundred times as long for it.
WORK = torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


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
        torch.zeros(beyond.shape, dtype=WORK).masked_fill(beyond, -1e4)[:, None, None, :],
    )


def fresh(folder: Path, seed: int, n_layers: int, frozen: int | None) -> Network:
    """Return the first layers of a pretrained transformer with a new head for spans.

    ``frozen`` layers, and the embeddings before them, are not learned; None: all is.
    """
    torch.manual_seed(seed)
    model = opened(folder)
    torch.nn.init.normal_(model.qa_outputs.weight, std=INIT_STD)
    torch.nn.init.zeros_(model.qa_outputs.bias)
    encoder = model.base_model.encoder
    encoder.layer = encoder.layer[:n_layers]
    model.config.num_hidden_layers = n_layers
    if frozen is not None:
        model.base_model.requires_grad_(False)
        encoder.layer[frozen:].requires_grad_(True)
    return model


def learned(model: Network) -> list[tuple[str, Tensor]]:
    """Return the parameters that are learned, with their names."""
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def opened(folder: Path) -> Network:
    """Return the network of a folder that ``save_pretrained`` wrote."""
    return AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32)


def logits(model: Network, of: Batch) -> Tensor:
    """Return the start and end logit of each token, ``(n_tokens, 2)``, computed in WORK but for the head."""
    body = model.base_model
    x, bias = _embedded(body.embeddings, of), of.padding + _distances(body.encoder, of.shape[1])
    for layer in body.encoder.layer:
        attention = layer.attention
        if hasattr(attention, "attn"):  # MPNet
            own, norm = attention.attn, attention.LayerNorm
            parts, out = (own.q, own.k, own.v), own.o
        else:
            own, norm = attention.self, attention.output.LayerNorm
            parts, out = (own.query, own.key, own.value), attention.output.dense
        mixed = _mixed(parts, own.num_attention_heads, x, of, bias)
        x = _norm(norm, x + _linear(out, mixed))
        inner = functional.gelu(_linear(layer.intermediate.dense, x))
        x = _norm(layer.output.LayerNorm, x + _linear(layer.output.dense, inner))
    found: Tensor = model.qa_outputs(x.float())
    return found


def _embedded(parts: Any, of: Batch) -> Tensor:
    """Return the vectors that go into the first layer, ``(n_tokens, dim)``."""
    first = parts.padding_idx + 1 if hasattr(parts, "padding_idx") else 0  # MPNet counts positions from there
    x = parts.word_embeddings(of.ids) + parts.position_embeddings(of.positions + first)
    if hasattr(parts, "token_type_embeddings"):
        x = x + parts.token_type_embeddings(of.types)
    return parts.LayerNorm(x).to(WORK)  # type: ignore[no-any-return]


def _distances(encoder: Any, longest: int) -> Tensor:
    """Return what MPNet adds to the scores of attention for the distance of two tokens; it is not learned here."""
    if not hasattr(encoder, "relative_attention_bias"):
        return torch.zeros((), dtype=WORK)
    at = torch.arange(longest)
    buckets = encoder.relative_position_bucket(at[None, :] - at[:, None])
    bias: Tensor = encoder.relative_attention_bias(buckets).detach()  # (longest, longest, heads)
    return bias.permute(2, 0, 1)[None].to(WORK)


def _mixed(parts: Sequence[Any], heads: int, x: Tensor, of: Batch, bias: Tensor) -> Tensor:
    """Return what each token takes from the tokens of its text, before the layer's output, ``(n_tokens, dim)``."""
    n, longest = of.shape
    width = torch.cat([part.weight for part in parts]).to(WORK)
    shift = torch.cat([part.bias for part in parts]).to(WORK)
    packed = functional.linear(x, width, shift)  # (n_tokens, 3 * dim)
    padded = packed.new_zeros(n * longest, packed.shape[1]).index_copy(0, of.slots, packed)
    q, k, v = padded.view(n, longest, 3, heads, -1).permute(2, 0, 3, 1, 4)  # each (n, heads, longest, size)
    scores = (q * (1 / math.sqrt(q.shape[-1]))) @ k.transpose(-1, -2) + bias
    mixed: Tensor = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n * longest, -1)
    return mixed.index_select(0, of.slots)


def _linear(layer: Any, x: Tensor) -> Tensor:
    return functional.linear(x, layer.weight.to(WORK), layer.bias.to(WORK))


def _norm(layer: Any, x: Tensor) -> Tensor:
    return functional.layer_norm(
        x, layer.normalized_shape, layer.weight.to(WORK), layer.bias.to(WORK), layer.eps
    )
