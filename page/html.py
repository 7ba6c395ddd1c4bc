"""An answer as HTML, in which every text of an article or a user has passed ``safe``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from urllib.parse import urlsplit

from rag.domain import Alternative, Answer, Article, Citation, Hit
from rag.render import MAX_TITLE_CHARS, N_NEAREST, SILENCE, level, rewritten, shortened, uncited, visible

MAX_QUESTION_CHARS = 600  # shown of a question; the engine has its own limit
MODES = {"quote": "in the articles’ own words", "write": "written from the quotes", "abstain": ""}


def safe(text: str) -> str:
    """Return ``text`` as HTML text, or as the value of a quoted attribute."""
    return escape(visible(text), quote=True)


def inline(text: str) -> str:
    """Return ``text`` as an element whose direction cannot leave it."""
    return f"<bdi>{safe(text)}</bdi>"


def link(url: str, content: str) -> str:
    """Return ``content``, itself HTML, as a link if ``url`` is a plain http or https address."""
    if not _is_web(url):
        return content
    return f'<a href="{safe(url)}" target="_blank" rel="noopener noreferrer">{content}</a>'


def _is_web(url: str) -> bool:
    if visible(url) != url or any(character.isspace() for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def question_html(question: str) -> str:
    """Return what was asked, as the user's side of the chat."""
    asked = shortened(question.strip(), MAX_QUESTION_CHARS) or "(an empty question)"
    return f'<p class="cw-question" dir="auto">{safe(asked)}</p>'


def working_html(stage: str) -> str:
    """Return the line that stands for an answer until it comes."""
    return f'<p class="cw-working" role="status">{safe(stage)}</p>'


def error_html(message: str, hint: str = "") -> str:
    """Return why there is no answer and what to do about it."""
    remedy = f'<p class="cw-hint" dir="auto">{safe(hint)}</p>' if hint else ""
    return f'<div class="cw-error" role="alert"><p dir="auto">{safe(message)}</p>{remedy}</div>'


def answer_html(answer: Answer) -> str:
    """Return the short answer, its confidence and its numbered quotes; or that there is none, and why."""
    body = _abstention(answer) if answer.mode == "abstain" else _answered(answer)
    return f'<div class="cw-answer cw-{answer.mode}">{body}{_remarks(answer)}</div>'


def evidence_html(answer: Answer) -> str:
    """Return the passages with the quotes marked; after an abstention the nearest, marked as no answer."""
    asked = f'<p class="cw-for" dir="auto">{safe(shortened(answer.question, MAX_TITLE_CHARS))}</p>'
    body = _nearest(answer) if answer.mode == "abstain" else _evidence(answer)
    return f'<section class="cw-evidence" aria-label="Evidence"><h2>Evidence</h2>{asked}{body}</section>'


def _answered(answer: Answer) -> str:
    quotes = "".join(_quote(citation) for citation in answer.citations)
    return (
        f'<p class="cw-text" dir="auto">{safe(answer.text)}</p>'
        f'<p class="cw-trust">{_support(answer.confidence)} · {MODES[answer.mode]}</p>'
        f'<ol class="cw-quotes">{quotes}</ol>{_others_say(answer.alternatives)}'
    )


def _abstention(answer: Answer) -> str:
    pointer = "The nearest passages are listed under Evidence; they are not an answer." if answer.hits else ""
    return (
        f'<p class="cw-text">{SILENCE}</p>'
        f'<p class="cw-reason" dir="auto">{safe(_sentence(answer.reason or ""))}</p>'
        f'<p class="cw-pointer">{pointer}</p>'
    )


def _remarks(answer: Answer) -> str:
    searched = f"<p>Searched for: {inline(answer.searched_for)}</p>" if rewritten(answer) else ""
    note = f'<p dir="auto">{safe(_sentence(answer.note))}</p>' if answer.note else ""
    return f'<div class="cw-remarks">{searched}{note}</div>' if searched or note else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _support(confidence: float) -> str:
    words = level(confidence)
    return f'<span class="cw-level cw-{words.split()[0]}">{words}</span> <span>{confidence:.2f}</span>'


def _quote(citation: Citation) -> str:
    article = citation.passage.article
    return (
        f'<li><span class="cw-n">{citation.n}</span><div>'
        f'<blockquote dir="auto">{safe(citation.quote)}</blockquote>'
        f'<p class="cw-source">{_title(article)}{_where(article)}</p></div></li>'
    )


def _others_say(alternatives: Sequence[Alternative]) -> str:
    if not alternatives:
        return ""
    items = "".join(f"<li>{inline(other.text)} {_support(other.confidence)}</li>" for other in alternatives)
    return f'<div class="cw-alternatives"><p>Other answers in the articles:</p><ul>{items}</ul></div>'


def _title(article: Article) -> str:
    title = inline(shortened(article.title or article.id, MAX_TITLE_CHARS))
    return f"<cite>{link(article.url, title)}</cite>"


def _where(article: Article) -> str:
    source = inline(shortened(article.source, MAX_TITLE_CHARS)) if article.source else ""
    parts = [part for part in (source, _date(article.published)) if part]
    return "".join(f" <span>{part}</span>" for part in parts)


def _date(day: date | None) -> str:
    return f'<time datetime="{day.isoformat()}">{day.day} {day:%B %Y}</time>' if day else ""


def _evidence(answer: Answer) -> str:
    cards = "".join(_card(citation) for citation in answer.citations)
    others = [
        f'<h3 class="cw-other">{inline(other.text)} {_support(other.confidence)}</h3>'
        + "".join(_card(citation) for citation in other.citations)
        for other in answer.alternatives
    ]
    return (
        cards
        + _folded("Other answers, with their quotes", others)
        + _folded("Other passages considered", [_hit_card(hit, "") for hit in uncited(answer)])
    )


def _nearest(answer: Answer) -> str:
    if not answer.hits:
        return '<p class="cw-empty">No passage came near this question.</p>'
    cards = [_hit_card(hit, "not an answer") for hit in answer.hits]
    return (
        f'<p class="cw-empty">{SILENCE} These are the nearest passages.</p>'
        + "".join(cards[:N_NEAREST])
        + _folded("Other passages considered", cards[N_NEAREST:])
    )


def _folded(title: str, parts: Sequence[str]) -> str:
    if not parts:
        return ""
    return f'<details class="cw-folded"><summary>{title} ({len(parts)})</summary>{"".join(parts)}</details>'


def _card(citation: Citation) -> str:
    passage = citation.passage
    text = passage.article.text
    marked = (
        safe(text[passage.start : citation.start])
        + f"<mark>{safe(citation.quote)}</mark>"
        + safe(text[citation.end : passage.end])
    )
    number = f'<span class="cw-n">{citation.n}</span>'
    return _frame(passage.article, number, marked, citation.start, citation.end, "")


def _hit_card(hit: Hit, label: str) -> str:
    passage = hit.passage
    badge = f'<span class="cw-badge">{label}</span>' if label else ""
    score = f" · score {hit.score:.3g}"
    return _frame(passage.article, badge, safe(passage.text), passage.start, passage.end, score)


def _frame(article: Article, label: str, passage: str, start: int, end: int, more: str) -> str:
    file = inline(shortened(article.id, MAX_TITLE_CHARS))
    return (
        f'<article class="cw-card"><header>{label}<div><h3>{_title(article)}</h3>'
        f'<p class="cw-source">{_where(article)}</p></div></header>'
        f'<p class="cw-passage" dir="auto" tabindex="0">{passage}</p>'
        f"<footer>{file} · characters {start}–{end}{more}</footer></article>"
    )


def masthead_html(facts: Iterable[str]) -> str:
    """Return the head of the page; ``facts`` say what the collection holds."""
    told = "".join(f"<span>{safe(fact)}</span>" for fact in facts)
    return f'<header class="cw-masthead"><h1>Citewise</h1><p class="cw-facts">{told}</p></header>'


NO_EVIDENCE = (
    '<section class="cw-evidence cw-blank" aria-label="Evidence"><h2>Evidence</h2>'
    '<p class="cw-empty">The passages behind an answer appear here, each with its quote marked.</p></section>'
)
