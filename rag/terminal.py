"""An answer, the steps to it, and what a quote stands in, as lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.domain import Answer, Article, Citation, Draft, Hit, Sentence, Stage
from rag.render import (
    MAX_NEAREST_CHARS,
    MAX_QUOTE_CHARS,
    MAX_TITLE_CHARS,
    N_NEAREST,
    SILENCE,
    also_in,
    level,
    marks,
    rewritten,
    shortened,
    visible,
)

_BOLD, _DIM, _YELLOW, _STRUCK, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[9m", "\x1b[0m"
_OPEN, _CLOSE = "\x02", "\x03"  # around a quote until its rows are cut: no text has them once it is visible


class _Line(NamedTuple):
    """A paragraph of the terminal; ``margin`` starts its first line and indents the others."""

    text: str
    style: str = ""
    margin: str = ""


def to_terminal(answer: Answer, width: int = 80, colour: bool = False) -> str:
    """Return the answer, its confidence and its quotes as lines of at most ``width`` characters."""
    lines = [*_outcome(answer), *_failed(answer.sentences), *_remarks(answer)]
    lines += _nearest(answer.hits) if answer.mode == "abstain" else _quotes(answer.citations)
    for alternative in answer.alternatives:
        lines += [
            _Line(""),
            _Line(f"Another answer: {alternative.text} ({_support(alternative.confidence)})"),
        ]
        lines += _quotes(alternative.citations)
    return _shown(lines, width, colour)


def step_to_terminal(step: Stage | Draft, width: int = 80, colour: bool = False) -> str:
    """Return what is being done, or what is written so far: a sentence has its mark once it is judged."""
    if isinstance(step, Stage):
        return _shown([_Line(_doing(step), _DIM)], width, colour)
    lines = [line for sentence in step.sentences for line in _judged(sentence)]
    if step.unjudged.strip():
        lines.append(_Line(step.unjudged, _DIM, "… "))
    return _shown(lines, width, colour)


def passage_to_terminal(citation: Citation, width: int = 80, colour: bool = False) -> str:
    """Return the passage that a quote is from, the quote between ⟦ and ⟧, with its article and offsets."""
    passage = citation.passage
    start, end = citation.start - passage.start, citation.end - passage.start
    parts = [visible(part) for part in (passage.text[:start], passage.text[start:end], passage.text[end:])]
    text = f"{parts[0]}{_OPEN}{parts[1]}{_CLOSE}{parts[2]}"
    rows = [row for paragraph in text.split("\n") for row in _cut(paragraph, width)]
    style, reset = (_YELLOW, _RESET) if colour else ("", "")
    shown = "\n".join(rows).replace(_OPEN, f"{style}⟦").replace(_CLOSE, f"⟧{reset}")
    origin = _origin(passage.article, citation.start, citation.end, "")
    return f"{shown}\n\n{_shown(list(origin), width, colour)}"


def hits_to_terminal(hits: Sequence[Hit], width: int = 80, colour: bool = False) -> str:
    """Return passages that were found but not read, best first, as lines of at most ``width`` characters."""
    if not hits:
        return "No passage was found."
    lines: list[_Line] = []
    for rank, hit in enumerate(hits, start=1):
        number = f"{rank}. "
        lines += [_Line("")] if lines else []
        lines += [
            _Line(hit.passage.text, "", number),
            *_found(hit, " " * len(number), f" · score {hit.score:.3g}"),
        ]
    return _shown(lines, width, colour)


def _doing(stage: Stage) -> str:
    what = {
        "search": "Searching {} article",
        "read": "Reading {} passage",
        "write": "Writing from {} passage",
    }
    return what[stage.name].format(f"{stage.n:,}") + ("…" if stage.n == 1 else "s…")


def _support(confidence: float) -> str:
    return f"{level(confidence)}, {confidence:.2f}"


def _outcome(answer: Answer) -> Iterator[_Line]:
    if answer.mode == "abstain":
        yield _Line(SILENCE, _BOLD)
        yield _Line(f"Reason: {answer.reason}")
        return
    if answer.sentences:
        yield from (_proved(sentence) for sentence in answer.sentences if sentence.citations)
    else:
        yield _Line(answer.text, _BOLD)
    yield _Line(_support(answer.confidence), _DIM)


def _failed(sentences: Sequence[Sentence]) -> Iterator[_Line]:
    for sentence in sentences:
        if not sentence.citations:
            yield from _unproved(sentence)


def _judged(sentence: Sentence) -> Iterator[_Line]:
    if sentence.citations:
        yield _proved(sentence)
    else:
        yield from _unproved(sentence)


def _proved(sentence: Sentence) -> _Line:
    if sentence.status == "verbatim":
        return _Line(f"“{sentence.text}” {marks(sentence)}", _BOLD)
    return _Line(f"{sentence.text} {marks(sentence)}", _BOLD, "✓ ")


def _unproved(sentence: Sentence) -> Iterator[_Line]:
    said = "Not supported: "
    yield _Line(sentence.text, _STRUCK, said)
    if sentence.why:
        yield _Line(sentence.why, _DIM, " " * len(said))


def _remarks(answer: Answer) -> Iterator[_Line]:
    if answer.route:
        yield _Line(answer.route, _DIM)
    if rewritten(answer.question, answer.searched_for):
        yield _Line(f"Searched for: {answer.searched_for}", _DIM)
    if answer.note:
        yield _Line(f"Note: {answer.note}", _DIM)


def _quotes(citations: Sequence[Citation]) -> Iterator[_Line]:
    for citation in citations:
        number = f"[{citation.n}] "
        yield _Line("")
        yield _Line(f"“{shortened(citation.quote, MAX_QUOTE_CHARS)}”", _YELLOW, number)
        yield from _origin(citation.passage.article, citation.start, citation.end, " " * len(number))


def _nearest(hits: Sequence[Hit]) -> Iterator[_Line]:
    if hits:
        yield _Line("")
        yield _Line("The nearest passages, not an answer:")
    for hit in hits[:N_NEAREST]:
        yield _Line("")
        yield _Line(shortened(hit.passage.text, MAX_NEAREST_CHARS), _DIM, "  - ")
        yield from _found(hit, "    ")


def _found(hit: Hit, margin: str, more: str = "") -> Iterator[_Line]:
    return _origin(hit.passage.article, hit.passage.start, hit.passage.end, margin, more)


def _origin(article: Article, start: int, end: int, margin: str, more: str = "") -> Iterator[_Line]:
    date = article.published.isoformat() if article.published else ""
    known = [shortened(part, MAX_TITLE_CHARS) for part in (article.title, article.source, date) if part]
    if known:
        yield _Line(" · ".join(known), "", margin)
    page = article.page(start)
    yield _Line(f"{article.id} {start}:{end}{f', page {page}' if page else ''}{more}", _DIM, margin)
    if others := also_in(article):
        yield _Line(shortened(f"also in {', '.join(others)}", MAX_TITLE_CHARS), _DIM, margin)


def _shown(lines: Sequence[_Line], width: int, colour: bool) -> str:
    return "\n".join(row for line in lines for row in _rows(line, width, colour))


def _rows(line: _Line, width: int, colour: bool) -> list[str]:
    """Wrap one paragraph; its text is made safe here, last, so that no line can forget it."""
    rows = _cut(visible(line.text), width, line.margin)
    if not (colour and line.style):
        return rows
    at = len(line.margin)  # what is struck is the text, not the words that say so
    return [f"{row[:at]}{line.style}{row[at:]}{_RESET}" for row in rows]


def _cut(text: str, width: int, margin: str = "") -> list[str]:
    rows = textwrap.wrap(
        " ".join(text.split()),
        max(width, len(margin) + 20),  # a terminal that says 0 columns still gets words
        initial_indent=margin,
        subsequent_indent=" " * len(margin),
        break_on_hyphens=False,  # ids are copied
    )
    return rows or [""]
