"""What a reader is trained on: the right span of each text, and of all texts of a question together."""

from __future__ import annotations

import torch
from torch import Tensor

from training.examples import Step

NEVER = -1e4
SOFTENED = (
    2.0  # by what logits are divided before they are compared with what was thought (Hinton et al. 2015)
)


def loss(logits: Tensor, step: Step) -> Tensor:
    """Return what the start and end logits ``(n_tokens, 2)`` of a step are to make small.

    That is the loss by the gold answers and, where something was thought of the texts, the mean of that and of the
    divergence from the thoughts.
    """
    right = by_gold(logits, step)
    return (right + by_thought(logits, step)) / 2 if step.taught.any() else right


def by_thought(logits: Tensor, step: Step) -> Tensor:
    """Return the divergence of what is given each token of a text from what was thought to be due to it.

    Of start and end together, the mean over the texts with a thought; times SOFTENED squared, which keeps the size of
    its gradient.
    """
    texts, n_texts = step.batch.texts, step.batch.shape[0]
    open_to = (step.batch.positions == 0) | step.may
    theirs = _logs(step.thoughts / SOFTENED, open_to, texts, n_texts)
    ours = _logs(logits / SOFTENED, open_to, texts, n_texts)
    apart = torch.where(open_to[:, None], theirs.exp() * (theirs - ours), 0.0)  # (n_tokens, 2)
    of_texts = torch.zeros(n_texts, 2).index_add(0, texts, apart).sum(1)
    return SOFTENED**2 * of_texts[step.taught].mean()


def _logs(logits: Tensor, open_to: Tensor, texts: Tensor, n_texts: int) -> Tensor:
    """Return the logarithm of what each token has of the probability of its text."""
    return logits - _sums(logits, open_to[:, None], texts, n_texts)[texts]


def by_gold(logits: Tensor, step: Step) -> Tensor:
    """Return the mean of two losses, of texts and of questions, by the gold answers.

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
