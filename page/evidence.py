"""The evidence as HTML: an article open at a quote, each quote marked from its offsets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from page.markup import attributes, button, facts_html, inline, safe, title_html, title_of
from page.record import Considered, Quote, Slice
from page.views import Excerpt, Opened
from rag.render import MAX_NEAREST_CHARS, MAX_TITLE_CHARS, N_NEAREST, SILENCE, shortened

NOTICES = {
    "same": "",
    "changed": "This article has changed since this answer; below is the passage as it was read then.",
    "gone": "This article is no longer in the collection; below is the passage as it was read then.",
}
_HEAD = '<header class="cw-top"><h2>Evidence</h2>{}</header>'
_BACK = button("Back to the answer", "cw-plain cw-back", data_here="back")

NO_EVIDENCE = (
    f'<section class="cw-evidence cw-blank" aria-label="Evidence" data-open="">{_HEAD.format("")}'
    '<p class="cw-empty">The passages behind an answer appear here, each with its quote marked.</p></section>'
)


def evidence_html(opened: Opened) -> str:
    """Return the article that is open with the quote marked, then the passages that were not quoted."""
    asked = f'<p class="cw-for" dir="auto">{safe(shortened(opened.record.question, MAX_TITLE_CHARS))}</p>'
    passage = opened.passage
    body = _nearest(opened) if passage is None else _card(opened, passage)
    place = [opened.turn, opened.at, passage and passage.id, opened.record.asked_at]
    whole = attributes(
        class_="cw-evidence",
        aria_label="Evidence",
        data_open="/".join(map(str, place)),
        data_turn=opened.turn,
    )
    return f"<section{whole}>{_HEAD.format(_BACK)}{asked}{body}{_considered(opened)}</section>"


def _card(opened: Opened, passage: Slice) -> str:
    article = passage.article
    quote = None if opened.at is None else opened.record.all_quotes[opened.at]
    start, end = (quote.start, quote.end) if quote else (passage.start, passage.end)
    notice = NOTICES[opened.state]
    told = f'<p class="cw-notice" role="note">{notice}</p>' if notice else ""
    only = button(
        "Ask this article only", "cw-plain", data_to="talk", data_do="only", data_article=article.id
    )
    return (
        f'<article class="cw-card">{_position(opened)}<h3>{title_html(article)}</h3>'
        f'<p class="cw-source">{facts_html(article.source, article.published, article.more(start))}</p>{told}'
        f"{_text(opened, passage, quote)}"
        f"<footer>{inline(shortened(article.id, MAX_TITLE_CHARS))} <span>characters {start:,}–{end:,}</span>"
        f"{'' if opened.state == 'gone' else only}</footer></article>"
    )


def _position(opened: Opened) -> str:
    at, n = opened.at, len(opened.record.all_quotes)
    if at is None:
        return f'<header class="cw-position">{_badge(opened)}</header>'
    return (
        f'<header class="cw-position"><p role="status">Citation {at + 1} of {n}</p>'
        f"{_step(opened, at - 1, 'Previous', 'prev')}{_step(opened, at + 1, 'Next', 'next')}</header>"
    )


def _step(opened: Opened, at: int, name: str, kind: str) -> str:
    """A button to a neighbour; at the end it does nothing but keeps the keyboard's focus."""
    label = f"{name} citation"
    if not 0 <= at < len(opened.record.all_quotes):
        return button(name, f"cw-plain cw-{kind}", aria_label=label, aria_disabled="true")
    return button(
        name,
        f"cw-plain cw-{kind}",
        aria_label=label,
        data_to="evidence",
        data_do="cite",
        data_turn=opened.turn,
        data_at=at,
    )


def _badge(opened: Opened) -> str:
    label = "not an answer" if opened.record.mode == "abstain" else "not quoted"
    return f'<span class="cw-badge">{label}</span>'


def _text(opened: Opened, passage: Slice, quote: Quote | None) -> str:
    """The text that is open: the excerpt of the article if there is one, else the passage alone."""
    excerpt = opened.excerpt or Excerpt(passage.start, passage.text, passage.end)
    whole = opened.excerpt is not None and len(excerpt.text) == excerpt.n_chars
    others = [(q.start, q.end) for q in opened.record.all_quotes if q.passage.article == passage.article]
    here = (quote.start, quote.end) if quote else None
    text = marked(excerpt, (passage.start, passage.end), here, others)
    name = "Text of the article" if opened.excerpt else "Passage of the article"
    region = attributes(
        class_="cw-passage",
        role="region",
        tabindex=0,
        dir="auto",
        aria_label=f"{name}: {title_of(passage.article)}",
    )
    shown = "" if whole or opened.excerpt is None else shown_html(excerpt)
    return f"{shown}<div{region}>{text}</div>"


def shown_html(excerpt: Excerpt) -> str:
    """Return which characters of an article an excerpt shows."""
    of = f"{excerpt.start:,}–{excerpt.end:,} of {excerpt.n_chars:,}"
    return f'<p class="cw-range">Characters {of} are shown</p>'


def marked(
    excerpt: Excerpt,
    passage: tuple[int, int],
    here: tuple[int, int] | None = None,
    others: Sequence[tuple[int, int]] = (),
) -> str:
    """Return the excerpt with the passage tinted and the quotes marked; spans count in the article.

    The quote that is ``here`` is one mark, whatever else lies over it.
    """
    spans = [passage, *others, *([here] if here else [])]
    cuts = {min(max(cut, excerpt.start), excerpt.end) for span in spans for cut in span}
    cuts = {cut for cut in cuts if not (here and here[0] < cut < here[1])} | {excerpt.start, excerpt.end}
    edges = sorted(cuts)
    pieces = []
    for start, end in pairwise(edges):
        text = safe(excerpt.text[start - excerpt.start : end - excerpt.start])
        if here and here[0] <= start < here[1]:
            pieces.append(f'<mark class="cw-here">{text}</mark>')
        elif any(a <= start < b for a, b in others):
            pieces.append(f"<mark>{text}</mark>")
        elif passage[0] <= start < passage[1]:
            pieces.append(f'<span class="cw-read">{text}</span>')
        else:
            pieces.append(text)
    return "".join(pieces)


def _nearest(opened: Opened) -> str:
    """What an abstention shows before anything is opened."""
    record = opened.record
    if not record.considered:
        return '<p class="cw-empty">No passage came near this question.</p>'
    if record.mode != "abstain":
        return ""
    cards = "".join(_hit(opened, found) for found in record.considered[:N_NEAREST])
    return f'<p class="cw-empty">{SILENCE} These are the nearest passages.</p>{cards}'


def _considered(opened: Opened) -> str:
    record = opened.record
    rest = record.considered
    if record.mode == "abstain" and opened.passage is None:
        rest = rest[N_NEAREST:]
    cards = "".join(_hit(opened, found) for found in rest)
    if not cards:
        return ""
    return f'<details class="cw-folded"><summary>Other passages considered ({len(rest)})</summary>{cards}</details>'


def _hit(opened: Opened, found: Considered) -> str:
    passage, article = found.passage, found.passage.article
    is_open = opened.passage is not None and opened.at is None and opened.passage.id == passage.id
    ranks = [(found.by_meaning, "meaning"), (found.by_words, "words")]
    told = ", ".join(f"{rank} by {by}" for rank, by in ranks if rank is not None)
    opens = button(
        "Open",
        "cw-plain",
        aria_label=f"Open passage: {title_of(article)}",
        aria_current="true" if is_open else None,
        data_to="evidence",
        data_do="passage",
        data_turn=opened.turn,
        data_passage=passage.id,
    )
    badge = _badge(opened) if opened.record.mode == "abstain" else ""
    return (
        f'<article class="cw-hit"><header><h3>{title_html(article)}</h3>{badge}</header>'
        f'<p class="cw-source">{facts_html(article.source, article.published, article.more(passage.start))}</p>'
        f'<p class="cw-first" dir="auto">{safe(shortened(passage.text, MAX_NEAREST_CHARS))}</p>'
        f"<footer>{opens} <span>score {found.score:.3g}{f' · rank {told}' if told else ''}</span></footer>"
        "</article>"
    )
