"""What stands around the talk as HTML: the kept conversations, the articles, the machine; and the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from page.evidence import NO_EVIDENCE as NO_EVIDENCE  # all panels are found here
from page.evidence import evidence_html as evidence_html
from page.evidence import shown_html
from page.markup import (
    SHORT,
    attributes,
    button,
    count,
    facts_html,
    inline,
    safe,
    time_html,
    title_html,
    title_of,
    where_words,
)
from page.views import N_ROWS, Conversation, Listing, Machine, Progress, Reading, Row
from rag.render import MAX_NEAREST_CHARS, MAX_TITLE_CHARS, shortened

MAX_NAME_CHARS = 200  # of a conversation
COLUMNS = {"title": "Title", "source": "Source", "published": "Date", "n_chars": "Length"}

# -- conversations ------------------------------------------------------------------------------------

SHELF_HEAD = (
    '<div class="cw-shelf-head"><h2>Conversations</h2>'
    + button(
        "<span></span>",
        "cw-toggle",
        aria_label="Show or hide the conversations",
        data_here="toggle",
    )
    + "</div>"
)


def shelf_html(conversations: Sequence[Conversation], current_id: str, *, searched: bool) -> str:
    """Return the kept conversations, the current one marked, each with what can be done with it."""
    if not conversations:
        told = "No conversation has these words." if searched else "What you ask is kept here."
        return f'<p class="cw-empty">{told}</p>'
    items = "".join(_conversation(kept, kept.id == current_id) for kept in conversations)
    return f'<nav class="cw-shelf" aria-label="Conversations"><ul>{items}</ul></nav>'


def _conversation(kept: Conversation, current: bool) -> str:
    title = shortened(kept.title, MAX_NAME_CHARS) or "(untitled)"
    opens = button(
        f'<span class="cw-name">{inline(title)}</span><span class="cw-when">{time_html(kept.changed, SHORT)}'
        f" · {count(kept.n_turns, 'question')}</span>",
        "cw-open",
        aria_current="true" if current else None,
        data_to="shelf",
        data_do="open",
        data_conversation=kept.id,
    )
    return f"<li>{opens}{_conversation_menu(kept, title)}</li>"


def _conversation_menu(kept: Conversation, title: str) -> str:
    form = attributes(class_="cw-form", data_to="shelf", data_do="rename", data_conversation=kept.id)
    field = attributes(
        name="title",
        value=shortened(kept.title, MAX_NAME_CHARS),
        maxlength=MAX_NAME_CHARS,
        autocomplete="off",
    )
    exports = "".join(
        button(
            f"Export {name}",
            "cw-plain",
            data_to="shelf",
            data_do="export",
            data_conversation=kept.id,
            data_format=format,
        )
        for format, name in (("md", "Markdown"), ("json", "JSON"))
    )
    delete = attributes(data_to="shelf", data_do="delete", data_conversation=kept.id)
    return (
        f'<details class="cw-more" name="cw-more"><summary{attributes(aria_label=f"More: {title}")}></summary>'
        f"<form{form}><label><span>Name</span><input{field}></label>"
        '<button type="submit" class="cw-button">Rename</button></form>'
        f"{exports}{_two_steps('Delete…', 'Delete it and its answers', delete)}</details>"
    )


def _two_steps(first: str, second: str, act: str, told: str = "") -> str:
    """A harm that takes two presses; ``act`` are the attributes of the second."""
    says = f"<p>{safe(told)}</p>" if told else ""
    return (
        f'<details class="cw-sure"><summary>{first}</summary>{says}'
        f'<button type="button" class="cw-button cw-harm"{act}>{second}</button></details>'
    )


# -- articles -----------------------------------------------------------------------------------------


def listing_html(listing: Listing, *, writable: bool) -> str:
    """Return a page of the list of articles; a ``writable`` collection says how it is filled."""
    if not listing.n_articles:
        bring = "Drop files beside this to bring some." if writable else ""
        return f'<p class="cw-empty" role="status">There are no articles yet. {bring}</p>'
    if not listing.rows:
        return f"{_found(listing)}"
    head = "".join(_column(listing, key, name) for key, name in COLUMNS.items())
    rows = "".join(_row(row) for row in listing.rows)
    return (
        f'{_found(listing)}<table class="cw-table"><thead><tr>{head}<th scope="col" class="cw-size">Passages'
        '</th><th scope="col"><span class="cw-unseen">What to do</span></th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{_paging(listing)}"
    )


def _found(listing: Listing) -> str:
    if listing.n_found == listing.n_articles:
        told = count(listing.n_articles, "article")
    else:
        told = f"{listing.n_found:,} of {count(listing.n_articles, 'article')} match"
    words = where_words(listing.where, {})
    filtered = f" {inline(words)}." if words else ""
    return f'<p class="cw-found" role="status">{told}{filtered}</p>'


def _column(listing: Listing, key: str, name: str) -> str:
    order = "descending" if listing.descending else "ascending"
    sorts = button(name, "cw-sort", data_to="articles", data_do="sort", data_sort=key)
    kind = "cw-size" if key == "n_chars" else None
    return f"<th{attributes(scope='col', class_=kind, aria_sort=order if key == listing.sort else None)}>{sorts}</th>"


def _row(row: Row) -> str:
    title = shortened(row.title or row.id, MAX_TITLE_CHARS)
    read = button(inline(title), "cw-plain", data_to="articles", data_do="read", data_article=row.id)
    only = button(
        "Ask this only",
        "cw-plain",
        aria_label=f"Ask this only: {title}",
        data_to="talk",
        data_do="only",
        data_article=row.id,
    )
    return (
        f'<tr><th scope="row">{read}</th><td>{inline(shortened(row.source, MAX_TITLE_CHARS))}</td>'
        f"<td>{time_html(row.published, SHORT)}</td>"
        f'<td class="cw-size">{_size(row.n_chars, "character")}</td>'
        f'<td class="cw-size">{_size(row.n_passages, "passage")}</td><td>{only}</td></tr>'
    )


def _size(n: int, noun: str) -> str:
    """A number and its unit, which is shown where no column has it at its head."""
    number, unit = count(n, noun).split(" ")
    return f'{number}<span class="cw-unit"> {unit}</span>'


def _paging(listing: Listing) -> str:
    last = listing.first + len(listing.rows)
    steps = ""
    if listing.first:
        steps += button(
            "Previous", data_to="articles", data_do="leaf", data_first=max(0, listing.first - N_ROWS)
        )
    if last < listing.n_found:
        steps += button("Next", data_to="articles", data_do="leaf", data_first=last)
    if not steps:
        return ""
    told = f"{listing.first + 1:,}–{last:,} of {listing.n_found:,}"
    return f'<nav class="cw-paging" aria-label="Pages of the list"><span>{told}</span>{steps}</nav>'


def reading_html(reading: Reading) -> str:
    """Return one article, open in the list."""
    article, excerpt = reading.article, reading.excerpt
    back = button("Back to the list", "cw-plain", data_to="articles", data_do="list")
    only = button("Ask this only", data_to="talk", data_do="only", data_article=article.id)
    region = attributes(
        class_="cw-passage",
        role="region",
        tabindex=0,
        dir="auto",
        aria_label=f"Text of the article: {title_of(article)}",
    )
    return (
        f'<article class="cw-reading"><p>{back}</p><h2>{title_html(article)}</h2>'
        f'<p class="cw-source">{facts_html(article.source, article.published)}</p>{_facts(_about(reading))}'
        f"<div{region}>{safe(excerpt.text)}</div>{_turning(reading)}"
        f'<div class="cw-actions">{only}{_removal(reading)}</div></article>'
    )


def _about(reading: Reading) -> Iterable[tuple[str, str]]:
    yield "Id", reading.article.id
    if reading.file:
        yield "File", reading.file
    yield "Length", f"{count(reading.excerpt.n_chars, 'character')}, {count(reading.n_passages, 'passage')}"
    yield from reading.meta


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    pairs = "".join(
        f"<div><dt>{inline(shortened(name, MAX_TITLE_CHARS))}</dt>"
        f"<dd>{inline(shortened(value, MAX_NEAREST_CHARS))}</dd></div>"
        for name, value in facts
    )
    return f'<dl class="cw-list">{pairs}</dl>' if pairs else ""


def _turning(reading: Reading) -> str:
    excerpt = reading.excerpt
    if len(excerpt.text) == excerpt.n_chars:
        return ""
    act = {"data_to": "articles", "data_do": "read", "data_article": reading.article.id}
    earlier = button("Earlier", **act, data_around=excerpt.start) if excerpt.start else ""
    later = button("Later", **act, data_around=excerpt.end) if excerpt.end < excerpt.n_chars else ""
    return (
        f'<nav class="cw-paging" aria-label="Parts of the text">{shown_html(excerpt)}{earlier}{later}</nav>'
    )


def _removal(reading: Reading) -> str:
    if not reading.may_remove:
        return ""
    act = attributes(data_to="articles", data_do="remove", data_article=reading.article.id)
    return _two_steps("Remove…", "Remove it", act, reading.removal)


def upload_html(progress: Progress) -> str:
    """Return how an upload goes on, or went, with what could not be read and how to mend it."""
    bar = ""
    if not progress.done:
        extent = attributes(max=progress.n_total, value=progress.n_done) if progress.n_total else ""
        bar = f'<progress{extent} aria-label="Files read"></progress>'
    items = "".join(f"<li>{inline(name)}: {inline(message)}</li>" for name, message in progress.problems)
    problems = f'<ul class="cw-problems">{items}</ul>' if items else ""
    return (
        f'<div class="cw-upload" role="status"><p dir="auto">{safe(progress.told)}</p>{bar}{problems}</div>'
    )


def legend_html(colours: Mapping[str, str]) -> str:
    """Return which source has which colour in the chart; a colour is written as #D55E00."""
    items = "".join(
        f"<li{attributes(style=f'--cw-shown:{colour}')}>{inline(source)}</li>"
        for source, colour in colours.items()
    )
    return f'<ul class="cw-legend" aria-label="Sources in the chart">{items}</ul>' if items else ""


# -- machine ------------------------------------------------------------------------------------------


def machine_html(machine: Machine) -> str:
    """Return what the page says of itself, by group."""
    groups = "".join(
        f"<section><h2>{safe(name)}</h2>{_facts(facts)}</section>" for name, facts in machine.groups
    )
    return f'<div class="cw-machine">{groups}</div>'
