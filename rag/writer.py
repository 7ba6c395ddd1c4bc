"""The reader that writes with a language model: only what is proved, sentence by sentence, is the answer.

Where nothing is proved, or the model fails, the answer is quoted instead and says so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rag.domain import Answer, Article, Citation, Draft, Hit, Reader, Stage, Steps, spoken
from rag.drafting import Drafting, Written
from rag.errors import CitewiseError, ContextOverflow
from rag.facts import facts, stem
from rag.judging import Judge
from rag.prompt import ANSWER_TOKENS, N_PASSAGES, SYSTEM, fitting, prompt

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

BEAT_S = 0.25  # a draft comes at least so often, so that whoever stops the answer need not wait for a word
LIMIT_S = 120.0  # for a whole answer
N_SENTENCES = 8  # at most; a model that goes on is stopped
ABOUT = 0.5  # of the words of a question, those that must stand in the quotes of its answer
N_REPEATS = 2  # sentences said before; then a model is looping
CONFIDENCE = 0.9  # that a supported sentence is true to its slice: benchmarks/README.md, "Written answers"
_REFUSAL = re.compile(
    r"(?:i['’]?m sorry|i apologi[sz]e|i can['’]?t|i cannot|i am (?:unable|not able)|as an ai)\b", re.I
)
_SILENCE = re.compile(
    r"the (?:articles?|passages?|texts?) (?:do(?:es)? not|don['’]t) (?:say|answer|mention|contain|provide)\b",
    re.I,
)


class Writer:
    """Writes with the model that ``load`` gives; it is called when the first answer is to be written."""

    def __init__(self, load: Callable[[], LLM], quoting: Reader, limit_s: float = LIMIT_S) -> None:
        """``quoting`` answers where the model cannot."""
        self._load, self._quoting, self._limit_s = load, quoting, limit_s
        self._llm: Any = None

    @property
    def name(self) -> str:
        """What writes, and what quotes in its place."""
        return f"language model over {self._quoting.name}"

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        """Return a written answer of supported sentences, or the quoted one with a note that says why."""
        *_, answer = self.stream(question, hits)
        assert isinstance(answer, Answer)
        return answer

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        """Yield the answer while it grows, and it last; closing it stops the model."""
        yield from self.stream_after(question, hits, self._quoting.read(question, hits))

    def stream_after(self, question: str, hits: Sequence[Hit], quoted: Answer) -> Steps:
        """Yield the same where the quoted answer is there already."""
        if not hits:
            yield quoted
            return
        started = time.perf_counter()
        work = _Work(question, hits)
        try:
            yield from self._write(work)
        except CitewiseError as error:
            work.notes.append(error.message)
        yield replace(work.answer(quoted), timings={"write": time.perf_counter() - started})

    def _write(self, work: _Work) -> Steps:
        """Yield drafts until the model ends; a prompt that is too long is tried again with half of the passages."""
        self._llm = llm = self._llm or self._load()
        given = fitting(work.question, work.hits[:N_PASSAGES], llm.metadata.context_window)
        while True:
            work.begin(given)
            yield Stage("write", len(given))
            try:
                yield from self._drafts(work, llm)
                return
            except ContextOverflow:
                if len(given) == 1:
                    raise
                given = given[: len(given) // 2]

    def _drafts(self, work: _Work, llm: LLM) -> Steps:
        from rag.llm_calls import written

        drafting = Drafting()
        asked = prompt(work.question, work.given)
        with closing(written(llm, SYSTEM, asked, self._limit_s, ANSWER_TOKENS, BEAT_S)) as pieces:
            for piece in pieces:
                for sentence in drafting.add(piece):
                    work.take(sentence)
                if work.ended:
                    break
                yield Draft(tuple(work.judge.sentences), drafting.rest)
        for sentence in () if work.ended else drafting.close():
            work.take(sentence)
        yield Draft(tuple(work.judge.sentences))


class _Work:
    """One answer in work: what was asked, what the model was given, what it said, what happened."""

    def __init__(self, question: str, hits: Sequence[Hit]) -> None:
        self.question, self.hits = question, hits
        self.notes: list[str] = []
        self.begin(hits)

    def begin(self, given: Sequence[Hit]) -> None:
        """Start over with these passages."""
        self.given = given
        self.judge = Judge(self.question, [hit.passage for hit in given])
        self.ended = False
        self._n_repeated = 0

    def take(self, sentence: Written) -> None:
        """Judge a sentence, and see whether the model should go on."""
        if self.ended:
            return
        if _SILENCE.match(sentence.text) or _REFUSAL.match(sentence.text):
            refused = bool(_REFUSAL.match(sentence.text))
            self._end("the language model refused" if refused else "the language model found no answer")
        elif self.judge.repeats(sentence):
            self._n_repeated += 1
            if self._n_repeated >= N_REPEATS:
                self._end("the language model repeated itself and was stopped")
        else:
            self.judge.judge(sentence)
            self.ended = len(self.judge.sentences) >= N_SENTENCES

    def _end(self, note: str) -> None:
        self.ended = True
        self.notes.append(note)

    def answer(self, quoted: Answer) -> Answer:
        """Return what was written, if any of it is supported and speaks of what was asked; else what is quoted."""
        if len(self.given) < min(N_PASSAGES, len(self.hits)):
            self.notes.append(f"the model could read only the first {len(self.given)} of the passages")
        cited = self.judge.citations
        missing = unmentioned(self.question, [c.passage.article for c in cited])
        if self.judge.n_supported and not missing and is_about(self.question, cited):
            return self._written()
        if self.judge.n_supported:
            self.notes.append(f"what the language model wrote does not speak of {missing or 'what is asked'}")
        elif not self.notes:
            self.notes.append("no sentence of the language model is supported by the articles")
        self.notes.append("so the answer is quoted" if quoted.citations else "and no quote answers")
        return replace(quoted, note="; ".join(self.notes), sentences=(*quoted.sentences, *self.judge.failed))

    def _written(self) -> Answer:
        sentences = tuple(self.judge.sentences)
        return Answer(
            self.question,
            spoken(sentences),
            self.judge.citations,
            CONFIDENCE,
            tuple(self.hits),
            mode="write",
            note="; ".join(self.notes) or None,
            sentences=sentences,
        )


def is_about(question: str, citations: Sequence[Citation]) -> bool:
    """Whether the quotes and the titles of their articles have at least half of the words of a question."""
    asked = facts(question).stems
    told = facts("\n".join(f"{c.passage.article.title}\n{c.quote}" for c in citations)).stems
    return len(asked & told) >= ABOUT * len(asked)


def unmentioned(question: str, articles: Sequence[Article]) -> str:
    """Return the first name or number of a question that none of the articles has, or nothing."""
    day = [str(article.published or "") for article in articles]
    text = facts("\n".join([*day, *(f"{article.title}\n{article.text}" for article in articles)]))
    asked = facts(question)
    names = (name for name in asked.names if name not in text.words and stem(name) not in text.stems)
    return next(names, "") or next((f"{n:g}" for n in sorted(asked.numbers - text.numbers)), "")
