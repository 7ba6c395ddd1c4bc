"""Fit how sentences are scored for questions that want sentences, and how sure such an answer is.

``python -m training.excerpts DATA`` with DATA the folder that holds qa/ and corpora/. The contexts of a file are a
collection; each question is asked of it twice, once with its context taken away. Half of the titles (of the
contexts, where a file has no titles) fit, the others judge. The reader has seen these questions, so the confidence
is fitted on them and on those of ``calibration.jsonl`` together, and judged on each.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import ingest
import rag
from rag.candidates import SIGNALS, Candidate, Matrix, candidates, weighed
from rag.domain import Embedder, Hit, Vectors
from rag.embed import MiniLM
from rag.excerpts import MOST, picks, ranked, scored
from rag.pipeline import Pipeline
from rag.reader import Extractive
from rag.text import normalise
from rag.wants import Kind, want
from training.calibrate import CORPORA, FOLDS, QUESTIONS, RIDGE, Mask, auroc, ece, short_id

TITLED = ("new_wiki", "squad2_half")
FILES = (
    *TITLED,
    "qed",
    "fairytaleqa",
)  # the questions of the others are about "the reviewer" or "the poster"
N = 200  # questions of a file, drawn by their hash: each takes half a second
SPARE = 24  # hits to replace those of the context that is taken away
PREFERENCE_RIDGE = 0.1  # holds back a cue that few questions show
STEP = 3.0  # the longest that Newton may take on one weight

Row = dict[str, Any]
Weights = dict[str, float]


@dataclass(frozen=True, slots=True)
class Case:
    """A question as it was asked once: its candidates, their signals, and which of them hold a gold answer.

    ``answerable`` says whether what answers it was there; equal ``group`` means equal part.
    """

    group: str
    kind: Kind
    answerable: bool
    found: Sequence[Candidate]
    rows: Matrix
    gold: Mask


class Kept:
    """Another embedder's vectors, each made once."""

    def __init__(self, embedder: MiniLM) -> None:
        self.name, self.dim, self.max_tokens = embedder.name, embedder.dim, embedder.max_tokens
        self.token_spans = embedder.token_spans
        self._embedder, self._made = embedder, dict[str, Vectors]()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``."""
        new = [text for text in dict.fromkeys(texts) if text not in self._made]
        self._made.update(zip(new, self._embedder.embed_passages(new), strict=True))
        return np.array([self._made[text] for text in texts]).reshape(len(texts), self.dim)

    embed_questions = embed_passages


# ---- Questions of the files, each about one context


def asked(data: Path, file: str) -> list[Row]:
    """Return N questions of a file that want sentences and have an answer."""
    rows = [json.loads(line) for line in (data / f"qa/{file}.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["answers"] and want(row["question"]).form == "sentences"]
    rows = [
        row for row in rows if normalise(row["context"]) == row["context"]
    ]  # its offsets hold in the index
    return sorted(rows, key=lambda row: sha256(row["id"].encode()).digest())[:N]


def contexts(data: Path, file: str, out: Path) -> Path:
    """Write the distinct contexts of a file as articles, one a line, into ``out``; return it."""
    rows = [json.loads(line) for line in (data / f"qa/{file}.jsonl").read_text(encoding="utf-8").splitlines()]
    with out.open("w", encoding="utf-8") as lines:
        for context, title in {row["context"]: row["title"] for row in rows}.items():
            article = {"id": sha256(context.encode()).hexdigest()[:16], "text": context}
            titled = {"title": title.replace("_", " ")} if title else {}
            lines.write(json.dumps(article | titled) + "\n")
    return out


def of_context(row: Row) -> tuple[str, Callable[[Hit], bool], Callable[[Candidate], bool]]:
    """Return the group of a question, whether a hit is of its context, and whether a sentence holds its answer."""
    spans = [(gold["start"], gold["start"] + len(gold["text"])) for gold in row["answers"]]

    def home(hit: Hit) -> bool:
        return hit.passage.article.text == row["context"]

    def holds(candidate: Candidate) -> bool:
        inside = any(candidate.start <= start and end <= candidate.end for start, end in spans)
        return inside and candidate.passage.article.text == row["context"]

    return row["title"] or row["context"], home, holds


# ---- Our own questions, of whole collections


def of_articles(row: Row) -> tuple[str, Callable[[Hit], bool], Callable[[Candidate], bool]]:
    """Return what ``of_context`` does for a question of QUESTIONS."""
    answers = [" ".join(answer.split()).lower() for answer in row["answers"]]

    def home(hit: Hit) -> bool:
        return short_id(hit) in row["articles"]

    def holds(candidate: Candidate) -> bool:
        text = candidate.text.lower()
        return home(Hit(candidate.passage, 0.0)) and any(answer in text for answer in answers)

    return row["id"], home, holds


# ---- Cases


def cases(
    qa: Pipeline,
    embedder: Embedder,
    rows: Sequence[Row],
    gold: Callable[[Row], tuple[str, Callable[[Hit], bool], Callable[[Candidate], bool]]],
) -> Iterator[Case]:
    """Yield a case for each question as it is, if it has an answer, and one with what answers it taken away."""
    reader = Extractive.shipped(0.0)
    for row in rows:
        question = row["question"]
        group, home, holds = gold(row)
        hits = qa.search(question, k=qa.k + SPARE)
        without = [hit for hit in hits if not home(hit)][: qa.k]
        with_it = hits[: qa.k] if row["answers"] else []
        spans = reader.spans(question, list({hit.passage.id: hit for hit in with_it + without}.values()))
        for answerable, kept in ((True, with_it), (False, without)):
            if found := candidates(kept):
                kind = want(question).kind
                signals = weighed(question, kind, found, spans, embedder)
                holding = np.array([answerable and holds(candidate) for candidate in found])
                yield Case(group, kind, answerable, found, signals, holding)


def fits(case: Case) -> bool:
    """Return whether a case is of the half that fits."""
    return sha256(case.group.encode()).digest()[0] < 128


def collected(data: Path, folder: Path) -> tuple[list[Case], list[Case]]:
    """Index everything into ``folder`` and ask; return the cases of FILES, and those of QUESTIONS."""
    embedder, of_files = Kept(MiniLM()), list[Case]()
    for file in FILES:
        ingest.index(contexts(data, file, folder / f"{file}.jsonl"), folder / f"ix_{file}")
        with rag.open(folder / f"ix_{file}") as qa:
            of_files += cases(qa, embedder, asked(data, file), of_context)
    ingest.index([data / f"corpora/{name}.jsonl" for name in CORPORA], folder / "ix_corpora")
    own = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    with rag.open(folder / "ix_corpora") as qa:
        return of_files, list(cases(qa, embedder, own, of_articles))


# ---- The fits


def preferences(cases: Sequence[Case]) -> Weights:
    """Return the weights by which the sentences that hold the answer win most often over the others beside them.

    A conditional logit (McFadden 1974) with a ridge; cases without such a sentence say nothing.
    """
    w, telling = np.zeros(len(SIGNALS)), [case for case in cases if case.gold.any()]
    for _ in range(40):  # Newton's steps; it stands still after about ten
        gradient, hessian = PREFERENCE_RIDGE * w, PREFERENCE_RIDGE * np.eye(len(w))
        for case in telling:
            p = np.exp(case.rows @ w - (case.rows @ w).max())
            p /= p.sum()
            mean = p @ case.rows
            gradient += mean - case.gold @ case.rows / case.gold.sum()
            hessian += ((case.rows - mean) * p[:, None]).T @ (case.rows - mean)
        step = np.linalg.solve(hessian, gradient)
        w -= step / max(1.0, np.abs(step).max() / STEP)
    return {signal: round(float(value), 2) for signal, value in zip(SIGNALS, w, strict=True)}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of several cases, an entry each; ``weight`` makes both halves, answerable or not, count alike."""

    best: Matrix
    right: Matrix
    weight: Matrix
    answerable: Mask


def outcomes(cases: Sequence[Case], weights: Weights) -> Outcomes:
    """Answer each case with the best sentences; right is an answer of which one holds the gold answer."""
    scores = [scored(case.rows, weights) for case in cases]
    right = [_is_right(case, given) for case, given in zip(cases, scores, strict=True)]
    answerable = np.array([case.answerable for case in cases])
    half = len(cases) / 2
    weight = np.where(answerable, half / answerable.sum(), half / (~answerable).sum())
    return Outcomes(np.array([given.max() for given in scores]), np.array(right), weight, answerable)


def _is_right(case: Case, scores: Matrix) -> float:
    holding = {case.found[i] for i in np.flatnonzero(case.gold)}
    return float(any(pick.said in holding for pick in picks(case.found, scores, MOST[case.kind])))


def platt(several: Sequence[Outcomes]) -> tuple[float, float]:
    """Return bias and slope of the logit of being right by the best score, all of ``several`` weighing alike."""
    x = np.concatenate([np.stack([np.ones_like(one.best), one.best], axis=1) for one in several])
    y = np.concatenate([one.right for one in several])
    weight = np.concatenate([one.weight / one.weight.mean() / len(one.weight) for one in several]) * len(y)
    w = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weight * (p - y)) + RIDGE * w
        w -= np.linalg.solve((x * (weight * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(2), gradient)
    return float(w[0]), float(w[1])


# ---- What they are worth


def ranking(cases: Sequence[Case], weights: Weights) -> dict[str, float]:
    """Return how often an answerable question got the right sentence, first and at all, and how many it got."""
    there = [case for case in cases if case.answerable]
    scores = [scored(case.rows, weights) for case in there]
    pairs = list(zip(there, scores, strict=True))
    return {
        "n": len(there),
        "could_be_right": _share([float(case.gold.any()) for case in there]),
        "right_first": _share([float(case.gold[ranked(given)[0]]) for case, given in pairs]),
        "right_in_chosen": _share([_is_right(case, given) for case, given in pairs]),
        "sentences": _share([len(picks(case.found, given, MOST[case.kind])) for case, given in pairs]),
        "right_first_by_likeness": _share([float(case.gold[ranked(case.rows[:, 0])[0]]) for case in there]),
    }


def _share(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 3)


def worth(confidence: Matrix, of: Outcomes, threshold: float = 0.35) -> dict[str, float]:
    """Return how well a confidence tells what can be answered, and what passes the threshold."""
    given = confidence >= threshold
    return {
        "auroc_answerable": round(auroc(confidence, of.answerable), 3),
        "auroc_right": round(auroc(confidence, of.right > 0), 3),
        "ece": round(ece(confidence, of.right, of.weight), 3),
        "precision": round(float((of.weight * of.right)[given].sum() / max(1e-9, of.weight[given].sum())), 3),
        "answerable_answered": round(float(given[of.answerable].mean()), 3),
        "unanswerable_answered": round(float(given[~of.answerable].mean()), 3),
    }


def sure(best: Matrix, bias: float, slope: float) -> Matrix:
    """Return the confidence for each best score."""
    return np.asarray(1 / (1 + np.exp(-(bias + slope * best))))


def in_folds(fitting: Outcomes, own: Sequence[Case], weights: Weights) -> Matrix:
    """Return a confidence for each of ``own``, judged by a fit on the other folds of their questions."""
    fold = np.array([sha256(case.group.encode()).digest()[0] % FOLDS for case in own])
    confidence = np.zeros(len(own))
    for n in range(FOLDS):
        rest = outcomes([case for case, f in zip(own, fold, strict=True) if f != n], weights)
        here = fold == n
        confidence[here] = sure(outcomes(own, weights).best[here], *platt([fitting, rest]))
    return confidence


def report(of_files: Sequence[Case], own: Sequence[Case]) -> dict[str, object]:
    """Return the constants of ``rag.excerpts`` and what they are worth on questions that did not fit them."""
    fitting, judging = (
        [case for case in of_files if fits(case)],
        [case for case in of_files if not fits(case)],
    )
    weights = preferences(fitting)
    fitted, judged, ours = (outcomes(some, weights) for some in (fitting, judging, own))
    bias, slope = platt([fitted, ours])
    return {
        "WEIGHTS": weights,
        "BIAS": round(bias, 3),
        "SLOPE": round(slope, 3),
        "ranking": {
            "fitting half": ranking(fitting, weights),
            "judging half": ranking(judging, weights),
            "own": ranking(own, weights),
            "own, no single fact": ranking([case for case in own if case.kind != "fact"], weights),
        },
        "confidence": {
            "judging half": worth(sure(judged.best, bias, slope), judged),
            "own, in folds": worth(in_folds(fitted, own, weights), ours),
        },
    }


def main() -> None:
    """Ask, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--index", type=Path, help="keep the indexes here")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.index or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(report(*collected(arguments.data, folder)), indent=2))


if __name__ == "__main__":
    main()
