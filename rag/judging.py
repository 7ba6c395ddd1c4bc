"""Each written sentence in turn: proved by a slice, replaced by the articles' own words, or put aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.domain import Citation, Passage, Sentence
from rag.drafting import Written
from rag.facts import facts, leans
from rag.proof import Proof, proof, verbatim
from rag.text import fold, words


class Judge:
    """Judges sentences against passages; ``sentences`` are those judged so far."""

    def __init__(self, question: str, passages: Sequence[Passage]) -> None:
        """``passages`` are in the order of the numbers that the model was given, from 1."""
        self._question, self._passages = question, passages
        self._seen: list[str] = []
        self._citations: dict[tuple[int, int, int], Citation] = {}
        self.sentences: list[Sentence] = []
        self.failed: list[Sentence] = []  # as they were written, also those that were replaced

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations of all sentences, by number."""
        return tuple(self._citations.values())

    @property
    def n_supported(self) -> int:
        """How many of the written sentences were proved."""
        return sum(sentence.status == "supported" for sentence in self.sentences)

    def repeats(self, written: Written) -> bool:
        """Whether the same was written before; what repeats is judged once."""
        said = " ".join(fold(written.text[start:end]) for start, end in words(written.text))
        self._seen.append(said)
        return self._seen.count(said) > 1

    def judge(self, written: Written) -> None:
        """Add what becomes of a sentence: the passages that it names are looked at first, then all."""
        named = [self._passages[n - 1] for n in written.marks if 1 <= n <= len(self._passages)]
        found = proof(written.text, named, self._question)
        if not (found and found.holds):
            anywhere = proof(written.text, self._passages, self._question)
            found = anywhere if anywhere and (anywhere.holds or not found) else found
        if found is None:
            return
        if found.holds and leans(facts(written.text)):
            found = replace(found, lacks="it leans on words that are not here")
        if found.holds:
            self.sentences.append(Sentence(written.text, "supported", (self._cite(found),)))
            return
        failed = Sentence(written.text, "unsupported", (), found.lacks)
        self.failed.append(failed)
        own = verbatim(written.text, named or self._passages, self._question)
        if own is None:
            self.sentences.append(failed)
        elif (own.passage.id, own.start, own.end) not in self._citations:
            quote = self._cite(own)
            text = " ".join(quote.quote.split())
            self.sentences.append(Sentence(text, "verbatim", (quote,), found.lacks))

    def _cite(self, found: Proof) -> Citation:
        key = (found.passage.id, found.start, found.end)
        n = len(self._citations) + 1
        return self._citations.setdefault(key, Citation(n, found.passage, found.start, found.end))
