"""What a reader is trained on: the right span of each text, and of all texts of a question together."""

from __future__ import annotations

import torch
from torch import Tensor

from training.examples import Step

NEVER = -1e4
HARD = 0.2  # weight of the gold answers where there is a teacher


def loss(logits: Tensor, step: Step) -> Tensor:
    """Return the mean of two losses, of texts and of questions, for the start and end logits ``(n_tokens, 2)``.

    Of a text by itself: one distribution over its tokens and position 0, which stands for "not in this text". Of a
    question: one distribution over the tokens of all its texts, each less the logit at position 0 of its text, and a
    single 0 for "in none of them", so that spans of different texts compare (shared normalisation, Clark and Gardner
    2018). Of several gold answers any may be given (their probabilities are added).

    Where there is a teacher, most of it is the cross entropy with what the teacher gives in both (Hinton et al. 2015,
    at temperature 1: after one round over the lessons the accurate reader is no surer than that).
    """
    if step.taught is None:
        return _gold(logits, step)
    return HARD * _gold(logits, step) + (1 - HARD) * _like(logits, step.taught, step)


def _like(logits: Tensor, taught: Tensor, step: Step) -> Tensor:
    """Return how far the distributions of texts and of questions are from the teacher's."""
    null = step.batch.positions == 0
    texts, n_texts = step.batch.texts, step.batch.shape[0]
    one = _crossed(logits, taught, null | step.may, texts, n_texts)
    may, groups = _with_none(step.may, step.groups, step.n_groups)
    ours, theirs = (_margins(each, null, texts, step.n_groups) for each in (logits, taught))
    return (one + _crossed(ours, theirs, may, groups, step.n_groups)) / 2


def _gold(logits: Tensor, step: Step) -> Tensor:
    null = step.batch.positions == 0  # (n_tokens,)
    texts, n_texts = step.batch.texts, step.batch.shape[0]
    answered = _any(step.gold.any(1), texts, n_texts)
    one = _missed(logits, null | step.may, step.gold | (null & ~answered[texts])[:, None], texts, n_texts)
    none = ~_any(step.gold.any(1), step.groups, step.n_groups)
    may, groups = _with_none(step.may, step.groups, step.n_groups)
    gold = torch.cat([step.gold, none[:, None].expand(-1, 2)])
    all_texts = _missed(_margins(logits, null, texts, step.n_groups), may, gold, groups, step.n_groups)
    return (one + all_texts) / 2


def _margins(logits: Tensor, null: Tensor, texts: Tensor, n_groups: int) -> Tensor:
    """Return each logit less that of position 0 of its text, and a 0 for "in none" of each question."""
    margins = logits - logits[null][texts]
    return torch.cat([margins, margins.new_zeros(n_groups, 2)])


def _with_none(may: Tensor, groups: Tensor, n_groups: int) -> tuple[Tensor, Tensor]:
    """Return which of ``_margins`` may be chosen, and the question of each."""
    return torch.cat([may, may.new_ones(n_groups)]), torch.cat([groups, torch.arange(n_groups)])


def _crossed(ours: Tensor, theirs: Tensor, may: Tensor, segments: Tensor, n: int) -> Tensor:
    """Return the mean cross entropy of our distribution over each segment with theirs."""
    p, q = (each - _sums(each, may[:, None], segments, n)[segments] for each in (theirs, ours))
    return -(p.exp() * q)[may].sum() / (2 * n)


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
