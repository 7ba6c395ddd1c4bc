"""What all of the page's HTML is made of: escaped texts, buttons, links, dates and the facts of an article.

Every text of an article or a person passes ``safe``, and every key ``exact``. What acts carries ``data-to``
(the part of the page that answers for it on the server) and ``data-do``, or ``data-here`` (``page.js`` acts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from urllib.parse import urlsplit

from page.record import Origin, Quote
from rag.domain import Where
from rag.markup import inline as inline
from rag.markup import safe as safe
from rag.render import MAX_TITLE_CHARS, level, shortened, visible

LONG, SHORT = "%B", "%b"  # months, as strftime writes them
MAX_DAY_CHARS = 40  # of what should be a date
N_NAMED = 3  # sources or articles of a filter that are named; the others are counted


def exact(text: str) -> str:
    """Return ``text`` as an attribute that is never shown and comes back unchanged: a key, not words."""
    whole = text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be sent
    return escape(whole, quote=True).replace("\r", "&#13;")


def attributes(**values: str | int | None) -> str:
    """Return attributes, each with a space before it.

    ``None`` is left out and ``True`` stands alone; ``class_`` is ``class`` and ``data_at`` is ``data-at``.
    Those of ``data`` are ``exact``.
    """
    return "".join(_attribute(name, value) for name, value in values.items() if value is not None)


def _attribute(name: str, value: str | int) -> str:
    escaped = exact if name.startswith("data_") else safe
    written = name.rstrip("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{escaped(str(value))}"'


def button(content: str, kind: str = "cw-button", **values: str | int | None) -> str:
    """Return a button around ``content``, itself HTML."""
    return f'<button type="button"{attributes(class_=kind, **values)}>{content}</button>'


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


def title_of(article: Origin) -> str:
    """Return what an article is called, as plain text of bounded length."""
    return shortened(article.title or article.id, MAX_TITLE_CHARS)


def title_html(article: Origin) -> str:
    """Return the title of an article, linked to where it was published."""
    return f"<cite>{link(article.url, inline(title_of(article)))}</cite>"


def number_html(turn_id: str, at: int, quote: Quote, verb: str = "Open citation") -> str:
    """Return the button that opens a quote in its article; its number counts from 1 over all quotes."""
    name = f"{verb} {at + 1}: {title_of(quote.passage.article)}"
    return button(
        str(at + 1),
        "cw-n",
        aria_label=name,
        data_to="evidence",
        data_do="cite",
        data_turn=turn_id,
        data_at=at,
    )


def facts_html(source: str, published: str, more: Sequence[str] = ()) -> str:
    """Return where and when an article was published, as far as it says, and what else is told of it."""
    named = inline(shortened(source, MAX_TITLE_CHARS)) if source else ""
    return "".join(
        f" <span>{part}</span>" for part in (named, time_html(published), *map(_short, more)) if part
    )


def _short(text: str) -> str:
    return safe(shortened(text, MAX_TITLE_CHARS))


def time_html(iso: str, month: str = LONG) -> str:
    """Return the day of an ISO date or time, its month formatted; nothing for nothing."""
    return (
        f"<time{attributes(datetime=iso[:MAX_DAY_CHARS])}>{safe(day_words(iso, month))}</time>" if iso else ""
    )


def day_words(iso: str, month: str = LONG) -> str:
    """Return the day of an ISO date or time as "1 May 2017"; what is neither, as it is."""
    try:
        day = date.fromisoformat(iso[:10])
    except ValueError:
        return shortened(iso, MAX_DAY_CHARS)
    return f"{day.day} {day:{month}} {day.year}"


def count(n: int, noun: str) -> str:
    """Return "1 article", "2,312 articles"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def sentence(text: str) -> str:
    """Return ``text`` with a capital and an end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def where_words(where: Where, titles: Mapping[str, str]) -> str:
    """Return a filter as "Only The Courier, since 1 May 2017"; ``titles`` are those known, by article id."""
    articles = [f"“{shortened(titles.get(id, id), MAX_TITLE_CHARS)}”" for id in where.articles]
    sources = [shortened(source, MAX_TITLE_CHARS) for source in where.sources]
    days = [
        f"{word} {day_words(day.isoformat())}"
        for word, day in (("since", where.since), ("until", where.until))
        if day
    ]
    parts = [part for part in (_any_of(sources), _any_of(articles), " ".join(days)) if part]
    return f"Only {', '.join(parts)}" if parts else ""


def _any_of(names: Sequence[str]) -> str:
    more = len(names) - N_NAMED
    named = [*names[:N_NAMED], *([f"{more} more"] if more > 0 else [])]
    return " or ".join(filter(None, (", ".join(named[:-1]), *named[-1:])))


def support_html(confidence: float) -> str:
    """Return a confidence in words, with its number."""
    words = level(confidence)
    return f'<span class="cw-level cw-{words.split()[0]}">{words}</span> <span>{confidence:.2f}</span>'
