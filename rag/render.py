"""An answer as JSON and as text with its markers, and how anything untrusted is made safe to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rag.domain import Alternative, Answer, Article, Citation, Hit, Passage, Sentence

SILENCE = "The articles do not say."
WELL_SUPPORTED = 0.8  # calibrated probability
SUPPORTED = 0.5  # calibrated probability
N_NEAREST = 3  # passages shown under an abstention in a terminal
MAX_TITLE_CHARS = 200
MAX_QUOTE_CHARS = 2000  # a sentence is rarely over 500; more is a broken source
MAX_NEAREST_CHARS = 240

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


def marks(sentence: Sentence) -> str:
    """Return the numbers of the quotes that prove a sentence, as "[1][2]"."""
    return "".join(f"[{citation.n}]" for citation in sentence.citations)


def marked(answer: Answer) -> str:
    """Return what an answer says; in a written one, the marks of its quotes follow each sentence."""
    proved = [sentence for sentence in answer.sentences if sentence.citations]
    said = " ".join(f"{sentence.text} {marks(sentence)}" for sentence in proved)
    return visible(said or answer.text)


def also_in(article: Article) -> tuple[str, ...]:
    """Return the sources of an article's copies, or what they are called where they name none."""
    return tuple(dict.fromkeys(copy.source or copy.title or copy.id for copy in article.copies))


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
        "route": answer.route or None,
        "sentences": [_sentence(sentence) for sentence in answer.sentences],
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
        "copies": [
            {"id": copy.id, "title": copy.title, "source": copy.source or None, "url": copy.url or None}
            for copy in article.copies
        ],
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
        "page": citation.page,
        "quote": citation.quote,
    }


def _sentence(sentence: Sentence) -> dict[str, object]:
    return {
        "text": sentence.text,
        "status": sentence.status,
        "citations": [citation.n for citation in sentence.citations],
        "why": sentence.why or None,
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
