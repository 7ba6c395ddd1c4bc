"""An evaluation as one HTML file to read: figures, drawings, and each failure with the stage to blame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from rag.evaluation import charts
from rag.evaluation.curves import Bin, quantile, reliability, risk_coverage
from rag.evaluation.failures import cut, failures, others
from rag.evaluation.judged import is_answerable, is_right
from rag.evaluation.record import Figure, Report
from rag.evaluation.table import MEANINGS
from rag.markup import inline, safe

REACH = 10  # ranks that are drawn
_STYLE = Path(__file__).with_name("report.css")
_OF_KIND = ("hit@1", "hit@5", "hit@10", "mrr@10", "em", "f1")
_MIDDLE = (0.05, 0.25, 0.5, 0.75, 0.95)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html(report: Report) -> str:
    """Return the whole report as one file, which asks nothing of any other and runs no script."""
    title = f"Evaluation of {safe(str(report.settings.get('index', 'the articles')))}"
    parts = [_head(title, report), _figures(report), _drawings(report), _kinds(report), failures(report)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
        f"{''.join(parts)}{others(report)}</body>\n</html>\n"
    )


# ---- Figures


def _head(title: str, report: Report) -> str:
    failed = sum(bool(outcome.blame) for outcome in report.outcomes)
    facts = [
        f"<li>{safe(str(name))}: {inline(cut(str(value)))}</li>" for name, value in report.settings.items()
    ]
    return (
        f"<header>\n<h1>{title}</h1>\n<p>{report.n:,} questions, of which {failed:,} failed. "
        f"Answers are given from a confidence of {report.threshold:g} on.</p>\n"
        f'<ul class="facts">{"".join(facts)}</ul>\n</header>\n<main>\n'
    )


def _figures(report: Report) -> str:
    rows = [
        (_meant(name), _number(name, found), _interval(name, found), f"{found.n:,}")
        for name, found in report.figures.items()
    ]
    head = ("figure", "value", "95 % interval", "n")
    caption = "Each over n questions, with its bootstrap interval."
    return f"<h2>Figures</h2>\n{_table('Figures', caption, head, rows, (1, 2, 3))}"


def _meant(name: str) -> str:
    meaning = MEANINGS.get(name, "")
    return f'{safe(name)} <span class="soft">{safe(meaning)}</span>' if meaning else safe(name)


def _kinds(report: Report) -> str:
    names = [name for name in _OF_KIND if any(name in kind for kind in report.by_kind.values())]
    rows = [
        (
            inline(kind),
            f"{max((f.n for f in found.values()), default=0):,}",
            *(_cell(name, found) for name in names),
        )
        for kind, found in report.by_kind.items()
    ]
    if not rows or not names:
        return ""
    caption = "By what their author calls them, then by their first word."
    head = ("kind", "n", *names)
    return f"<h2>Kinds of questions</h2>\n{_table('Kinds', caption, head, rows, range(1, len(head)))}"


def _cell(name: str, found: Mapping[str, Figure]) -> str:
    return _number(name, found[name]) if name in found else "–"


def _number(name: str, figure: Figure) -> str:
    return _written(name, figure.value)


def _interval(name: str, figure: Figure) -> str:
    return f"{_written(name, figure.low)} to {_written(name, figure.high)}"


def _written(name: str, value: float) -> str:
    return f"{value:,.0f}\u00a0ms" if name.startswith("latency") else f"{value:.3f}"


def _table(
    name: str, caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]
) -> str:
    """Return a table of cells that are HTML, which scrolls by itself; the columns ``numbers`` stand at the right."""

    def row(cells: Sequence[str], first: str, rest: str) -> str:
        tags = [first, *[rest] * (len(cells) - 1)]
        kinds = [' class="number"' if n in numbers else "" for n in range(len(cells))]
        scopes = [' scope="col"' if rest == "th" else ' scope="row"' if tag == "th" else "" for tag in tags]
        parts = zip(tags, kinds, scopes, cells, strict=True)
        return (
            f"<tr>{''.join(f'<{tag}{kind}{scope}>{cell}</{tag}>' for tag, kind, scope, cell in parts)}</tr>\n"
        )

    body = "".join(row(cells, "th", "td") for cells in rows)
    told = f"<caption>{caption}</caption>\n" if caption else ""
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{name}"><table>\n{told}'
        f"<thead>{row(head, 'th', 'th')}</thead>\n"
        f"<tbody>{body}</tbody>\n</table></div>\n"
    )


# ---- Drawings


def _drawings(report: Report) -> str:
    drawn = [*_trust(report), *_ranks(report), *_latency(report)]
    return f'<h2>Drawings</h2>\n<div class="charts">\n{"".join(drawn)}</div>\n' if drawn else ""


def _trust(report: Report) -> Iterator[str]:
    known = [(outcome, right) for outcome in report.outcomes if (right := is_right(outcome)) is not None]
    if not known:
        return
    points = risk_coverage([outcome.confidence for outcome, _ in known], [right for _, right in known])
    yield _drawing(
        "Risk and coverage",
        "The more questions are answered, the surest first, the more of the answers are wrong.",
        charts.risk_coverage(points, report.threshold),
    )
    given = [(outcome.confidence, right) for outcome, right in known if outcome.answered]
    if given:
        bins = reliability([confidence for confidence, _ in given], [right for _, right in given])
        yield _drawing(
            "Reliability of the confidence",
            "Of the answers given with a confidence, the share that is right, with their number; "
            "on the dashed line the confidence is what it says.",
            charts.reliability(bins),
            _bins(bins),
        )


def _ranks(report: Report) -> Iterator[str]:
    found = [o.ranks for o in report.outcomes if o.ranks and is_answerable(o.question)]
    names = list(dict.fromkeys(name for ranks in found for name in ranks))
    lines = {name: _hits([ranks[name] for ranks in found if name in ranks]) for name in names}
    if lines:
        yield _drawing(
            "Gold article among the first k",
            "The share of questions whose article is among the first k, by retriever.",
            charts.hits(lines),
        )


def _hits(ranks: Sequence[int | None]) -> list[float]:
    return [sum(rank is not None and rank <= k for rank in ranks) / len(ranks) for k in range(1, REACH + 1)]


def _latency(report: Report) -> Iterator[str]:
    stages = dict.fromkeys(stage for outcome in report.outcomes for stage in outcome.seconds)
    spreads = [
        _spread(stage, [1000 * o.seconds[stage] for o in report.outcomes if stage in o.seconds])
        for stage in stages
    ]
    if spreads:
        yield _drawing(
            "Time by stage",
            "The median, the middle half of the questions, and 90 % of them.",
            charts.latency(spreads),
        )


def _spread(stage: str, ms: Sequence[float]) -> charts.Spread:
    values, one = np.asarray(ms, dtype=float), np.ones((1, len(ms)))
    least, low, middle, high, most = (float(quantile(values, q)(one)[0]) for q in _MIDDLE)
    return charts.Spread(stage, (least, low, middle, high, most))


def _bins(bins: Sequence[Bin]) -> str:
    head = ("confidence", "answers", "mean confidence", "right")
    rows = [
        (f"{row.low:.1f} to {row.high:.1f}", f"{row.n:,}", f"{row.confidence:.3f}", f"{row.right:.3f}")
        for row in bins
    ]
    return f"<details><summary>As a table</summary>{_table('Reliability', '', head, rows, range(1, 4))}</details>"


def _drawing(title: str, caption: str, svg: str, table: str = "") -> str:
    return f"<figure><figcaption><strong>{title}</strong>{caption}</figcaption>{svg}{table}</figure>\n"
