"""The talk as HTML: the head of the page, what was asked, what came of it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from page.markup import (
    attributes,
    button,
    count,
    day_words,
    facts_html,
    inline,
    number_html,
    safe,
    sentence,
    support_html,
    title_html,
    title_of,
    where_words,
)
from page.record import Other, Quote, Record, numbered
from page.views import Turn
from page.writing import draft_html as draft_html  # all of the talk is found here
from page.writing import is_quoted, replaced_html, unproved_html, written_html
from rag.render import MAX_QUOTE_CHARS, MAX_TITLE_CHARS, SILENCE, rewritten, shortened, visible

MAX_QUESTION_CHARS = 600  # shown of a question; the engine has its own limit
MAX_REMARK_CHARS = 1000  # of a note beside a thumb
MODES = {
    "quote": "quoted, in the articles’ own words",
    "write": "written and checked against the articles",
    "abstain": "",
}


def masthead_html(facts: Iterable[str], notices: Iterable[str] = ()) -> str:
    """Return the head of the page; ``facts`` say what it holds, ``notices`` how it is limited."""
    told = "".join(f"<span>{safe(fact)}</span>" for fact in facts)
    notes = "".join(f'<p class="cw-notice" role="note">{safe(notice)}</p>' for notice in notices)
    return f'<header class="cw-masthead"><h1>Citewise</h1><p class="cw-facts">{told}</p>{notes}</header>'


def question_html(question: str) -> str:
    """Return what was asked, as the person's side of the chat."""
    asked = shortened(question.strip(), MAX_QUESTION_CHARS) or "(an empty question)"
    return f'<p class="cw-question" dir="auto">{safe(asked)}</p>'


def working_html(stage: str) -> str:
    """Return what stands for an answer until it comes: its stage, how to stop it, and room for a draft to grow in."""
    stop = button("Stop", "cw-plain", aria_label="Stop answering", data_to="stop", data_do="stop")
    status = f'<p class="cw-working" role="status">{safe(stage)}</p>'
    return f'<div class="cw-waiting">{status}{stop}<div class="cw-growing"></div></div>'


def error_html(message: str, hint: str = "") -> str:
    """Return why there is no answer and what to do about it."""
    remedy = f'<p class="cw-hint" dir="auto">{safe(hint)}</p>' if hint else ""
    return f'<div class="cw-error" role="alert"><p dir="auto">{safe(message)}</p>{remedy}</div>'


def answer_html(turn: Turn, *, last: bool) -> str:
    """Return the short answer with its numbered quotes, or why there is none; then what to do with it.

    The ``last`` turn of a conversation can be edited and undone, and suggests what to ask next.
    """
    record = turn.record
    body = _abstention(turn) if record.mode == "abstain" else _answered(turn)
    actions = _actions(turn, last) + _remark_form(turn) + (_suggestions(turn.suggestions) if last else "")
    kind = f"cw-answer cw-{record.mode}"
    return f"<div{attributes(class_=kind, data_turn=turn.id)}>{body}{_remarks(turn)}{actions}</div>"


def _answered(turn: Turn) -> str:
    record = turn.record
    quotes = "".join(_quote(turn.id, at, quote) for at, quote in enumerate(record.quotes))
    proof = f'<ol class="cw-quotes">{quotes}</ol>'
    trust = (
        f'<p class="cw-trust">{support_html(record.confidence)} <span>· {MODES[record.mode]}</span></p>'
        f"{_route(record)}{replaced_html(record)}"
    )
    if is_quoted(record):
        said = f"{proof}{trust}"
    else:
        said = f"{written_html(turn) if record.proved else _lead(turn)}{trust}{proof}"
    return f"{said}{unproved_html(record)}{_others(turn)}"


def _lead(turn: Turn) -> str:
    record = turn.record
    cites = "".join(f" {number_html(turn.id, at, quote)}" for at, quote in enumerate(record.quotes))
    return (
        f'<div class="cw-lead"><p class="cw-text" dir="auto">{safe(record.text)}</p>'
        f'<span class="cw-cites">{cites}</span></div>'
    )


def _route(record: Record) -> str:
    """Return why an answer was quoted or written, or was tried to be."""
    return f'<p class="cw-route" dir="auto">{safe(sentence(record.route))}</p>' if record.route else ""


def _quote(turn_id: str, at: int, quote: Quote) -> str:
    article = quote.passage.article
    return (
        f"<li>{number_html(turn_id, at, quote, 'Open quote')}<div>"
        f'<blockquote dir="auto">{safe(shortened(quote.text, MAX_QUOTE_CHARS))}</blockquote>'
        f'<p class="cw-source">{title_html(article)}{_facts(quote)}</p>'
        "</div></li>"
    )


def _facts(quote: Quote) -> str:
    article = quote.passage.article
    return facts_html(article.source, article.published, article.more(quote.start))


def _others(turn: Turn) -> str:
    items, at = [], len(turn.record.quotes)
    for other in turn.record.others:
        items.append(_other(turn.id, at, other))
        at += len(other.quotes)
    if not items:
        return ""
    return f'<div class="cw-others"><p>Other answers in the articles</p><ul>{"".join(items)}</ul></div>'


def _other(turn_id: str, at: int, other: Other) -> str:
    numbers = "".join(f" {number_html(turn_id, at + i, quote)}" for i, quote in enumerate(other.quotes))
    article = other.quotes[0].passage.article
    known = filter(None, [article.source, day_words(article.published)])
    return f"<li>{inline(other.text)} {support_html(other.confidence)}{numbers} {safe(', '.join(known))}</li>"


def _abstention(turn: Turn) -> str:
    record = turn.record
    words = "".join(_word(word, n) for word, n in record.words)
    heard = f'<ul class="cw-words" aria-label="Words of the question">{words}</ul>' if words else ""
    return (
        f'<p class="cw-text">{SILENCE}</p>'
        f'<p class="cw-reason" dir="auto">{safe(sentence(record.reason))}</p>{_route(record)}'
        f"{heard}{_pointer(turn)}{unproved_html(record)}"
    )


def _word(word: str, n_articles: int) -> str:
    told = f"in {count(n_articles, 'article')}" if n_articles else "<strong>in none</strong>"
    return f"<li>{inline(word)}: {told}</li>"


def _pointer(turn: Turn) -> str:
    if not turn.record.considered:
        return ""
    opens = button(
        "See the nearest passages", "cw-plain", data_to="evidence", data_do="nearest", data_turn=turn.id
    )
    return f'<p class="cw-pointer">{opens} <span>They are not an answer.</span></p>'


def _remarks(turn: Turn) -> str:
    record = turn.record
    searched = record.searched_for if rewritten(record.question, record.searched_for) else ""
    parts = [
        searched and f"Searched for: {inline(searched)} {_edit(searched)}",
        _filter(turn),
        record.note and safe(sentence(record.note)),
    ]
    told = "".join(f'<p dir="auto">{part}</p>' for part in parts if part)
    return f'<div class="cw-remarks">{told}</div>' if told else ""


def _edit(searched: str) -> str:
    name = "Edit what was searched for"
    return button("edit", "cw-plain", aria_label=name, data_here="fill", data_text=visible(searched))


def _filter(turn: Turn) -> str:
    articles = [quote.passage.article for quote in turn.record.all_quotes]
    articles += [found.passage.article for found in turn.record.considered]
    words = where_words(turn.record.where, {article.id: title_of(article) for article in articles})
    if not words:
        return ""
    widen = button("Ask without the filter", "cw-plain", data_to="talk", data_do="widen", data_turn=turn.id)
    return f"{inline(words)}. {widen}"


def _actions(turn: Turn, last: bool) -> str:
    told = visible(cited_text(turn.record))
    copies = [button("<span>Copy with citations</span>", "cw-plain", data_here="copy", data_text=told)]
    if turn.id:
        copies.append(button("<span>Link</span>", "cw-plain", data_here="copy", data_answer=turn.id))
    verbs = [("retry", "Ask again"), *([("edit", "Edit"), ("undo", "Undo")] if last else [])]
    again = [
        button(name, "cw-plain", data_to="talk", data_do=verb, data_turn=turn.id) for verb, name in verbs
    ]
    judged = [_thumb(turn, 1, "Helpful"), _thumb(turn, -1, "Not helpful")]
    return f'<div class="cw-actions" role="group" aria-label="This answer">{"".join(copies + judged + again)}</div>'


def _thumb(turn: Turn, verdict: int, name: str) -> str:
    return button(
        name,
        "cw-plain",
        aria_pressed="true" if turn.verdict == verdict else "false",
        data_to="talk",
        data_do="judge",
        data_turn=turn.id,
        data_verdict=verdict,
    )


def _remark_form(turn: Turn) -> str:
    if not turn.verdict:
        return ""
    form = attributes(class_="cw-form", data_to="talk", data_do="remark", data_turn=turn.id)
    field = attributes(name="remark", value=turn.remark, maxlength=MAX_REMARK_CHARS, autocomplete="off")
    asked = "What was good?" if turn.verdict > 0 else "What was wrong?"
    return (
        f"<form{form}><label><span>{asked}</span><input{field}></label>"
        '<button type="submit" class="cw-button">Save note</button></form>'
    )


def _suggestions(questions: Sequence[str]) -> str:
    if not questions:
        return ""
    asks = "".join(
        button(
            inline(shortened(question, MAX_TITLE_CHARS)),
            data_to="talk",
            data_do="ask",
            data_question=visible(question),
        )
        for question in questions
    )
    return f'<div class="cw-suggest" role="group" aria-label="Ask next"><p>Ask next</p>{asks}</div>'


def cited_text(record: Record) -> str:
    """Return the answer as plain text with its quotes, and for each where it stands; what failed is left out."""
    if record.mode == "abstain":
        return f"{SILENCE} {sentence(record.reason)}"
    return "\n\n".join([numbered(record), *(_cited(quote) for quote in record.quotes)])


def _cited(quote: Quote) -> str:
    article = quote.passage.article
    known = [article.title, article.source, day_words(article.published), article.url]
    place = f"{article.id}, characters {quote.start}–{quote.end}"
    return f"[{quote.n}] “{quote.text}”\n{', '.join(filter(None, known))}\n{place}"
