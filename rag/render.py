"""An answer as JSON and as lines for a terminal, and how anything untrusted is made safe to show."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.domain import Alternative, Answer, Article, Citation, Hit, Passage

SILENCE = "The articles do not say."
WELL_SUPPORTED = 0.8  # calibrated probability
SUPPORTED = 0.5  # calibrated probability
N_NEAREST = 3  # passages shown under an abstention in a terminal
MAX_TITLE_CHARS = 200
MAX_QUOTE_CHARS = 2000  # a sentence is rarely over 500; more is a broken source
MAX_NEAREST_CHARS = 240

_BOLD, _DIM, _YELLOW, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[0m"

# Directional overrides can show a text in an order that it does not have, and invisible characters can hide
# words in it: none of them is needed to read, unlike the joiners (U+200C, U+200D) and marks (U+200E, U+200F).
_INVISIBLE = "\u00ad\u180e\u200b\ufeff" + "".join(
    chr(code)
    for first, last in ((0x202A, 0x202E), (0x2060, 0x206F), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F))
    for code in range(first, last + 1)
)
_SAFE: dict[int, int | None] = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},  # pictures: ESC is ␛
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
    **dict.fromkeys(map(ord, _INVISIBLE)),
}


def visible(text: str) -> str:
    """Return ``text`` with control characters as pictures, and without invisible and overriding ones."""
    return text.translate(_SAFE)


def shortened(text: str, limit: int) -> str:
    """Return ``text``, ended by an ellipsis where it was over ``limit`` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def level(confidence: float) -> str:
    """Return the confidence in words."""
    if confidence >= WELL_SUPPORTED:
        return "well supported"
    return "supported" if confidence >= SUPPORTED else "weak"


def rewritten(question: str, searched_for: str) -> bool:
    """Whether something else was searched for than was asked; spaces and Unicode forms do not count."""
    asked = " ".join(unicodedata.normalize("NFC", question).split())
    return searched_for not in ("", asked, question)


def uncited(answer: Answer) -> list[Hit]:
    """Return the hits whose passages the answer does not quote, in their order."""
    cited = {citation.passage.id for citation in answer.citations}
    return [hit for hit in answer.hits if hit.passage.id not in cited]


def to_json(answer: Answer) -> dict[str, object]:
    """Return the object that ``ask --json`` prints; spans count code points, timings are milliseconds."""
    return {
        "question": answer.question,
        "searched_for": answer.searched_for or answer.question,
        "answer": answer.text,
        "answered": answer.mode != "abstain",
        "confidence": round(float(answer.confidence), 4),
        "mode": answer.mode,
        "reason": answer.reason,
        "note": answer.note,
        "citations": [_citation(citation) for citation in answer.citations],
        "alternatives": [_alternative(alternative) for alternative in answer.alternatives],
        "hits": [_hit(hit) for hit in answer.hits],
        "timings_ms": {stage: round(float(seconds) * 1000, 1) for stage, seconds in answer.timings.items()},
    }


def hits_to_json(words: str, hits: Sequence[Hit]) -> dict[str, object]:
    """Return the object that ``search --json`` prints; hits are shaped as those of an answer."""
    return {"words": words, "hits": [_hit(hit) for hit in hits]}


def article_json(article: Article) -> dict[str, object]:
    """Return the object that ``show --json`` prints: an article as in citations, its text, and its ``meta``."""
    return {**_article(article), "text": article.text, "meta": dict(article.meta)}


def _article(article: Article) -> dict[str, object]:
    return {
        "id": article.id,
        "title": article.title,
        "source": article.source or None,
        "date": article.published.isoformat() if article.published else None,
        "url": article.url or None,
    }


def _passage(passage: Passage) -> dict[str, object]:
    return {"id": passage.id, "start": passage.start, "end": passage.end, "text": passage.text}


def _citation(citation: Citation) -> dict[str, object]:
    return {
        "n": citation.n,
        "article": _article(citation.passage.article),
        "passage": _passage(citation.passage),
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
    }


def _alternative(alternative: Alternative) -> dict[str, object]:
    return {
        "answer": alternative.text,
        "confidence": round(float(alternative.confidence), 4),
        "citations": [_citation(citation) for citation in alternative.citations],
    }


def _hit(hit: Hit) -> dict[str, object]:
    return {
        "article": _article(hit.passage.article),
        "passage": _passage(hit.passage),
        "score": float(hit.score),
    }


class _Line(NamedTuple):
    """A paragraph of the terminal; ``margin`` starts its first line and indents the others."""

    text: str
    style: str = ""
    margin: str = ""


def to_terminal(answer: Answer, width: int = 80, colour: bool = False) -> str:
    """Return the answer, its confidence and its quotes as lines of at most ``width`` characters."""
    lines = [*_outcome(answer), *_remarks(answer)]
    lines += _nearest(answer.hits) if answer.mode == "abstain" else _quotes(answer.citations)
    for alternative in answer.alternatives:
        lines += [
            _Line(""),
            _Line(f"Another answer: {alternative.text} ({_support(alternative.confidence)})"),
        ]
        lines += _quotes(alternative.citations)
    return _shown(lines, width, colour)


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


def _support(confidence: float) -> str:
    return f"{level(confidence)}, {confidence:.2f}"


def _outcome(answer: Answer) -> Iterator[_Line]:
    if answer.mode == "abstain":
        yield _Line(SILENCE, _BOLD)
        yield _Line(f"Reason: {answer.reason}")
    else:
        yield _Line(answer.text, _BOLD)
        yield _Line(_support(answer.confidence), _DIM)


def _remarks(answer: Answer) -> Iterator[_Line]:
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
    yield _Line(f"{article.id} {start}:{end}{more}", _DIM, margin)


def _shown(lines: Sequence[_Line], width: int, colour: bool) -> str:
    return "\n".join(row for line in lines for row in _rows(line, width, colour))


def _rows(line: _Line, width: int, colour: bool) -> list[str]:
    """Wrap one paragraph; its text is made safe here, last, so that no line can forget it."""
    rows = textwrap.wrap(
        " ".join(visible(line.text).split()),
        max(width, len(line.margin) + 20),  # a terminal that says 0 columns still gets words
        initial_indent=line.margin,
        subsequent_indent=" " * len(line.margin),
        break_on_hyphens=False,  # ids are copied
    )
    if not (colour and line.style):
        return rows or [""]
    return [f"{line.style}{row}{_RESET}" for row in rows]
