"""A follow-up made standalone by a language model, with the rules as its check: models drift, rules do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from rag.conversation import LONGEST, LOOK_BACK, Rules
from rag.domain import Exchange
from rag.errors import CitewiseError
from rag.facts import facts
from rag.prompt import REWRITE, conversation

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

LIMIT_S = 20.0  # a person waits for it before anything is searched
TOKENS = 80
_LEANS = re.compile(
    r"\b(?:he|she|it|they|him|hers?|them|his|its|theirs?|there|then|else|the (?:former|latter))\b",
    re.IGNORECASE,
)
KEPT = 0.6  # of the words of a question, those that its rewrite still has


class ByModel:
    """Rewrites with the model that ``load`` gives; what it may not change, it is not asked."""

    def __init__(self, load: Callable[[], LLM], rules: Rules) -> None:
        self._load, self._rules = load, rules

    def rewrite(self, turns: Sequence[Exchange], question: str) -> str:
        """Return the standalone question; one that is standalone for the rules comes back unchanged."""
        by_rules = self._rules.rewrite(turns, question)
        if by_rules == question and not _LEANS.search(question):
            return question
        try:
            written = self._written(turns[-LOOK_BACK:], question)
        except CitewiseError:
            return by_rules
        return written if is_faithful(written, question, turns) else by_rules

    def _written(self, turns: Sequence[Exchange], question: str) -> str:
        from rag.llm_calls import written

        with closing(
            written(self._load(), REWRITE, conversation(turns, question), LIMIT_S, TOKENS)
        ) as pieces:
            lines = "".join(pieces).strip().splitlines()
        return " ".join(lines[0].split()).strip('"“” ') if lines else ""


def is_faithful(written: str, question: str, turns: Sequence[Exchange]) -> bool:
    """Whether a rewrite asks the same: it keeps the question's words, and all that it adds was said before."""
    asked, found = facts(question), facts(written)
    said = facts("\n".join(f"{turn.question}\n{turn.answer}" for turn in turns))
    if not written.endswith("?") or len(written) > LONGEST or written.count("?") > 1:
        return False
    kept = len(asked.stems & found.stems) >= KEPT * len(asked.stems)
    added = found.stems - asked.stems
    names_kept = asked.numbers <= found.numbers and set(asked.names) <= found.words
    return kept and names_kept and added <= said.stems and found.numbers <= asked.numbers | said.numbers
