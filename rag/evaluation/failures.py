"""The questions of a report as HTML: each failure with what is known of it, and the others, folded away."""

from __future__ import annotations

from collections.abc import Sequence

from rag.evaluation.judged import is_answerable
from rag.evaluation.record import Outcome, Quote, Report
from rag.evaluation.table import BLAMES
from rag.markup import inline, safe
from rag.render import MAX_QUOTE_CHARS, MAX_TITLE_CHARS, shortened

SHOWN = 500  # questions of a kind of failure; more are not read, and make the file slow
MAX_CHARS = 1000  # of a question or an answer


def failures(report: Report) -> str:
    """Return the questions that failed, by what is to blame, as HTML."""
    groups = [(blame, words, _blamed(report, blame)) for blame, words in BLAMES.items() if blame]
    told = [
        f"<h3>{safe(blame.capitalize())}: {len(group):,}</h3>\n"
        f"<p>{safe(words.capitalize())}.</p>\n{''.join(map(_case, group[:SHOWN]))}{_more(group)}"
        for blame, words, group in groups
        if group
    ]
    return f"<h2>Failures</h2>\n{''.join(told) or '<p>None of the questions failed.</p>'}"


def _blamed(report: Report, blame: str) -> list[Outcome]:
    return [outcome for outcome in report.outcomes if outcome.blame == blame]


def _more(group: Sequence[Outcome]) -> str:
    more = len(group) - SHOWN
    return f'<p class="soft">And {more:,} more, which <code>--json</code> has.</p>\n' if more > 0 else ""


def _case(outcome: Outcome) -> str:
    question = outcome.question
    facts = [
        ("Before it", "<br>".join(inline(cut(turn.question)) for turn in question.history)),
        ("Gold", _golds(outcome)),
        (
            "Answer" if outcome.answered else "Held back",
            inline(cut(outcome.best)) if outcome.best else "nothing",
        ),
        ("Quote", "".join(map(_quote, outcome.quotes))),
        ("Confidence", f"{outcome.confidence:.2f}"),
        ("Gold article", _rank(outcome.article_rank) if question.articles or question.evidence else ""),
        ("Gold passage", _rank(outcome.passage_rank) if question.evidence else ""),
        ("To blame", safe(BLAMES[outcome.blame])),
    ]
    told = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts if value)
    return f'<article class="case"><h4>{inline(cut(question.question))}</h4><dl>{told}</dl></article>\n'


def _golds(outcome: Outcome) -> str:
    if outcome.question.answers:
        return " · ".join(inline(cut(answer)) for answer in outcome.question.answers)
    return "no answer in the articles" if is_answerable(outcome.question) is False else ""


def _quote(quote: Quote) -> str:
    title = shortened(quote.title or quote.article, MAX_TITLE_CHARS)
    return (
        f"<blockquote>“{inline(shortened(quote.text, MAX_QUOTE_CHARS))}” "
        f"<cite>{inline(title)}, {quote.start:,} to {quote.end:,}</cite></blockquote>"
    )


def _rank(rank: int | None) -> str:
    return f"rank {rank:,}" if rank else "not retrieved"


def others(report: Report) -> str:
    """Return the other questions, folded away, as HTML."""
    group = _blamed(report, "")
    items = "".join(
        f"<li>{inline(cut(outcome.question.question))} "
        f'<span class="soft">{inline(cut(outcome.best)) if outcome.answered else "not answered"}, '
        f"{outcome.confidence:.2f}</span></li>\n"
        for outcome in group[:SHOWN]
    )
    return (
        f"<h2>The others</h2>\n<details><summary>{len(group):,} {safe(BLAMES[''])}</summary>\n"
        f'<ol class="right">\n{items}</ol>\n{_more(group)}</details>\n</main>\n'
    )


def cut(text: str) -> str:
    """Return a text, ended by an ellipsis where it is too long to be read here."""
    return shortened(text, MAX_CHARS)
