"""What a reader is trained on: the right span of each text, and of all texts of a question together."""

from __future__ import annotations

import torch
from torch import Tensor

from training.examples import Step

NEVER = -1e4


def loss(logits: Tensor, step: Step) -> Tensor:
    """Return the mean of two losses, of texts and of questions, for the start and end logits ``(n_tokens, 2)``.

    Of a text by itself: one distribution over its tokens and position 0, which stands for "not in this text". Of a
    question: one distribution over the tokens of all its texts, each less the logit at position 0 of its text, and a
    single 0 for "in none of them", so that spans of different texts compare (shared normalisation, Clark and Gardner
    2018). Of several gold answers any may be given (their probabilities are added).
    """
    null = step.batch.positions == 0  # (n_tokens,)
    texts, n_texts = step.batch.texts, step.batch.shape[0]
    answered = _any(step.gold.any(1), texts, n_texts)
    one = _missed(logits, null | step.may, step.gold | (null & ~answered[texts])[:, None], texts, n_texts)
    margins = logits - logits[null][texts]
    every = torch.cat([margins, margins.new_zeros(step.n_groups, 2)])
    ids = torch.arange(step.n_groups)
    none = ~_any(step.gold.any(1), step.groups, step.n_groups)
    all_texts = _missed(
        every,
        torch.cat([step.may, torch.ones_like(none)]),
        torch.cat([step.gold, none[:, None].expand(-1, 2)]),
        torch.cat([step.groups, ids]),
        step.n_groups,
    )
    return (one + all_texts) / 2


def _any(flags: Tensor, segments: Tensor, n: int) -> Tensor:
    return torch.zeros(n, dtype=torch.long).index_add(0, segments, flags.long()) > 0


def _missed(scores: Tensor, may: Tensor, gold: Tensor, segments: Tensor, n: int) -> Tensor:
    """Return the mean negative logarithm of what the gold places of each segment have of the probability."""
    return (_sums(scores, may[:, None], segments, n) - _sums(scores, gold, segments, n)).mean()


def _sums(scores: Tensor, which: Tensor, segments: Tensor, n: int) -> Tensor:
    """Return the log of the sum of exponentials of each segment, ``(n, 2)``."""
    kept = scores.masked_fill(~which, NEVER)
    index = segments[:, None].expand_as(kept)
    top = torch.full((n, 2), NEVER).scatter_reduce(0, index, kept.detach(), "amax")
    summed = torch.zeros((n, 2)).index_add(0, segments, (kept - top[segments]).exp())
    return top + summed.log()
