"""What ``citewise eval`` does with reports and saved questions, as what to print and what to return."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation import as_json, compare, drafts, rerun, saved, table
from rag.evaluation.record import Report
from rag.evaluation.saved import Saved
from rag.pipeline import Pipeline
from rag.store import Store


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: as an object for JSON, as lines, and what goes to stderr; ``is_worse`` makes the exit code 1."""

    result: object
    lines: Sequence[str]
    remarks: Sequence[str] = ()
    is_worse: bool = False


def told(report: Report, html: str | None = None, save_beside: str | None = None) -> Done:
    """Return a report as it is printed, written as a page, and its answers saved beside an index, if that is asked.

    Raises:
        IndexFault, EvaluationFault: they cannot be saved.
    """
    remarks = table.remarks(report)
    if html:
        from rag.evaluation import report as page

        Path(html).write_text(page.html(report), encoding="utf-8")
        remarks.append(f"the report is in {html}")
    if save_beside:
        with Store(save_beside) as store:
            n = saved.save(save_beside, saved.kept(report.outcomes, store.article))
        remarks.append(
            f"{n:,} questions are saved beside {save_beside}; after a change: citewise eval --saved"
        )
    return Done(as_json.to_json(report), table.lines(report), remarks)


def make(index: str, n: int, llm: str) -> Done:
    """Return drafts of questions from the articles of an index, by the language model where one is named.

    Raises:
        IndexMissing, IndexStale, IndexDamaged, LanguageModelFault: as their names say.
    """
    with Store(index) as store:
        if llm:
            from rag import llms

            made = drafts.by_model(store.articles(), n, llms.load(llm))
        else:
            made = drafts.drafts(store.articles(), n)
    lines = drafts.jsonl(made).rstrip("\n").split("\n") if made else []
    remark = f"{len(made):,} drafts: correct them, then ask them with citewise eval"
    return Done([json.loads(line) for line in lines], lines, (remark,))


def compare_files(before: str, after: str) -> Done:
    """Return how two evaluations differ that were written with ``--json``.

    Raises:
        ReportFault: one of them is none.
        QuestionError: they have no question in common.
    """
    found = compare.compared(as_json.load(before), as_json.load(after))
    return Done(compare.to_json(found), compare.lines(found))


def again(pipeline: Pipeline, index: str, liked: Iterable[Saved]) -> Done:
    """Ask what was liked and what was saved again, and return what has changed.

    Raises:
        EvaluationFault: nothing was, or what was cannot be read.
    """
    found = rerun.rerun(pipeline, saved.together(liked, saved.saved(index)))
    return Done(rerun.to_json(found), rerun.lines(found), is_worse=found.is_worse)
