"""The tables of the documents: what the cards of the shipped models say, benchmarks of them, and their failures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.report import rounded
from benchmarks.results import Score, load
from docs import causes
from docs.imports import HOME

_TABLE = re.compile(r"(?<=^<!-- table )(\S+ \S+)( -->\n).*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)
Cells = Sequence[str]


def filled(text: str) -> str:
    """Return a page with each of its tables as the cards and results have it.

    A table stands between ``<!-- table KIND OF -->`` and ``<!-- end -->``.
    """
    return _TABLE.sub(lambda found: f"{found[1]}{found[2]}{table(*found[1].split())}", text)


def table(kind: str, of: str) -> str:
    """Return a table: ``facts``, ``fidelity`` or ``confidence`` of a model, of a benchmark, or of ``failures``."""
    return _TABLES[kind](of)


def facts(model: str) -> str:
    """Return what a model is, made of what, under which licence, in which files."""
    card = _card(model)
    rows = [
        ("name", f"`{card['name']}`"),
        ("does", card["task"]),
        ("base", card["base"]),
        ("licence", card["licence"]),
        *(("trained on", f"{name}: {licence}") for name, licence in card.get("sources", {}).items()),
        ("reads at most", f"{card['max_tokens']} tokens"),
        *([("gives", f"{card['dim']} numbers, of unit length")] if "dim" in card else []),
        ("made by", f"`{card['made_by']}`"),
        ("how", card["how"]),
        *((f"`{name}`", _file(about)) for name, about in card["files"].items()),
    ]
    return _rows(("", model), rows)


def fidelity(model: str) -> str:
    """Return how near a model is to the float32 model that it was made from."""
    return _rows(("beside float32", "value"), _named(_card(model)["measured"]))


def confidence(model: str) -> str:
    """Return what the confidence of a reader is worth, and what each precision asked for gives."""
    measured = dict(_card(model)["calibration"]["measured"])
    steps = measured.pop("by_precision")
    columns = list(next(iter(steps.values())))
    rows = [(asked, *(str(row[column]) for column in columns)) for asked, row in steps.items()]
    head = ("asked for", *(column.replace("_", " ") for column in columns))
    return f"{_rows(('confidence', 'value'), _named(measured))}\n{_rows(head, rows)}"


def scores(which: str) -> str:
    """Return scores of benchmarks/results.json: those of a part, or of ``PART/NAME`` those that end with a name."""
    part, _, name = which.partition("/")
    found = [score for score in load(HOME / "benchmarks" / "results.json")[part].scores if _is(score, name)]
    rows = [(row.what, f"{row.value:.3f}", f"{row.low:.3f} to {row.high:.3f}", f"{row.n:,}") for row in found]
    return _rows(("", "value", "95 % interval", "n"), rows)


def trade(part: str) -> str:
    """Return the last table of a part: what each setting of the reader gives for its time."""
    rows = load(HOME / "benchmarks" / "results.json")[part].tables[-1].rows
    cells = [[value if isinstance(value, str) else f"{value:.3f}" for value in row.values()] for row in rows]
    return _rows(list(rows[0]), cells)


def beside(part: str) -> str:
    """Return the first table of a part: ours beside others."""
    rows = [rounded(row) for row in load(HOME / "benchmarks" / "results.json")[part].tables[0].rows]
    return _rows(list(rows[0]), [list(row.values()) for row in rows])


def failures(which: str) -> str:
    """Return the ``causes`` of failures read by hand, or what the code that was ``mended`` gives on a test."""
    if which == "mended":
        return _rows(("", "before", "after", "change", "n"), causes.mended())
    head = ("cause", "where it lies", "mended by", "failures", "still", "wrong answers", "still wrong")
    return _rows(head, causes.causes())


_TABLES: Mapping[str, Callable[[str], str]] = {
    "facts": facts,
    "fidelity": fidelity,
    "confidence": confidence,
    "scores": scores,
    "trade": trade,
    "beside": beside,
    "failures": failures,
}


def _card(model: str) -> dict[str, Any]:
    path = HOME / "rag" / "models" / model / "card.json"
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return card


def _file(about: Mapping[str, Any]) -> str:
    return f"{about['bytes'] / 1e6:.1f} MB, sha256 `{about['sha256']}`"


def _named(values: Mapping[str, Any]) -> list[Cells]:
    return [
        (name.replace("_", " "), f"`{value}`" if _is_sum(value) else str(value))
        for name, value in values.items()
    ]


def _is_sum(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _is(score: Score, name: str) -> bool:
    return not name or score.what.endswith(f", {name}")


def _rows(head: Cells, rows: Iterable[Cells]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
