"""A written answer as HTML: each sentence with its proof, while it grows and when it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from page.markup import inline, number_html, safe, sentence
from page.record import Claim, Record
from page.views import Turn
from rag.domain import Draft, Support
from rag.render import MAX_QUOTE_CHARS, MAX_TITLE_CHARS, shortened

MAX_LAST_CHARS = 24  # of a last word that is kept in one line with the numbers
UNPROVED = "Not supported by the articles, so no part of the answer"
_REPLACES = (
    "Words in quotation marks are an article’s own: they take the place of a sentence that was not supported."
)
_SEAL = '<span class="cw-check" aria-hidden="true">✓</span><span class="cw-unseen"> (supported)</span>'
_OWN = '<span class="cw-own">the article’s own words</span>'


def draft_html(draft: Draft) -> str:
    """Return an answer while it is written: what is judged, each sentence marked, then the words that are not."""
    told = [
        _said(s.text, s.status, "".join(f'<sup class="cw-at">{c.n}</sup>' for c in s.citations))
        for s in draft.sentences
        if s.citations
    ]
    words = shortened(draft.unjudged.strip(), MAX_QUOTE_CHARS)
    rest = [f'<span class="cw-unjudged">{inline(words)}</span>'] if words else []
    failed = [(s.text, s.why) for s in draft.sentences if not s.citations]
    return f'<div class="cw-grown">{_prose([*told, *rest])}{_unproved(failed)}</div>'


def is_quoted(record: Record) -> bool:
    """Return whether the sentences of an answer are quotes and nothing else: there is nothing to show twice."""
    return record.mode == "quote" and {claim.status for claim in record.proved} == {"verbatim"}


def written_html(turn: Turn) -> str:
    """Return the sentences that are the answer, each with the numbers of its quotes."""
    return _prose([_said(c.text, c.status, _numbers(turn, c)) for c in turn.record.proved])


def replaced_html(record: Record) -> str:
    """Return what words in quotation marks are, if an answer that was written has some."""
    if record.mode != "write" or all(claim.status != "verbatim" for claim in record.claims):
        return ""
    return f'<p class="cw-route">{_REPLACES}</p>'


def unproved_html(record: Record) -> str:
    """Return the sentences that failed, struck, each with what it lacks."""
    return _unproved([(claim.text, claim.why) for claim in record.failed])


def _numbers(turn: Turn, claim: Claim) -> str:
    quotes = turn.record.quotes
    return "".join(number_html(turn.id, quotes.index(quote), quote) for quote in claim.quotes)


def _prose(sentences: Sequence[str]) -> str:
    return f'<p class="cw-text cw-prose" dir="auto">{" ".join(sentences)}</p>' if sentences else ""


def _said(text: str, status: Support, numbers: str) -> str:
    head, last = _parted(shortened(text, MAX_QUOTE_CHARS))
    begun = f"{inline(head)} " if head else ""
    ended = inline(last) if last else ""
    if status == "verbatim":
        return f'<span>“{begun}<span class="cw-end">{ended}” {numbers}</span> {_OWN}</span>'
    return f'<span>{begun}<span class="cw-end">{ended} {numbers}{_SEAL}</span></span>'


def _parted(text: str) -> tuple[str, str]:
    """Return a sentence but its last word, and that: its numbers stay in one line with it."""
    head, _, last = text.rpartition(" ")
    return (head, last) if len(last) <= MAX_LAST_CHARS else (text, "")


def _unproved(failed: Iterable[tuple[str, str]]) -> str:
    items = "".join(
        f'<li><del><span class="cw-unseen">Not supported: </span>{inline(shortened(text, MAX_QUOTE_CHARS))}</del>'
        f"{_why(why)}</li>"
        for text, why in failed
    )
    return f'<div class="cw-unproved"><p>{UNPROVED}</p><ul>{items}</ul></div>' if items else ""


def _why(why: str) -> str:
    return f' <span dir="auto">{safe(sentence(shortened(why, MAX_TITLE_CHARS)))}</span>' if why else ""
