"""How near a small ONNX model is to the whole one that it was made from, on real passages and questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from rag.metrics import f1
from training.questions import Question, of_part

Floats = NDArray[np.float32]

PARTS = {"input_ids": "ids", "token_type_ids": "type_ids"}  # of an encoding
INPUTS = tuple(PARTS)
SPAN_TOKENS = 25  # longest answer of the reader
PASSAGE_CHARS = 700  # about 150 tokens of English, the size of a passage of an index
MEASURED = 300  # passages behind a card's figures
SPANS_OF = "new_wiki"
SPANS_EVERY = 3  # of its questions one is read by both


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    return sha256(path.read_bytes()).hexdigest()


def run_onnx(path: Path, encodings: Sequence[Encoding]) -> list[list[Floats]]:
    """Return the outputs of an ONNX file for each encoding, run one at a time."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = INPUTS[: len(session.get_inputs())]  # MPNet has no types of tokens
    return [
        session.run(None, {name: np.array([getattr(e, PARTS[name])]) for name in inputs}) for e in encodings
    ]


def vector_fidelity(whole: Path, small: Path, tokenizer: Tokenizer, articles: Path) -> dict[str, Any]:
    """Return the cosines between vectors of ``small`` and of ``whole`` on passages of a JSONL of articles."""
    texts = [json.loads(line)["text"] for line in articles.open(encoding="utf-8")]
    starts = [text[:PASSAGE_CHARS] for text in texts if len(text) >= PASSAGE_CHARS][:MEASURED]
    encodings = [tokenizer.encode(start) for start in starts]
    pairs = zip(run_onnx(whole, encodings), run_onnx(small, encodings), strict=True)
    cosines = [float((a[0] @ b[0].T).item()) for a, b in pairs]
    return {
        "cosine_to_float32_mean": round(float(np.mean(cosines)), 4),
        "cosine_to_float32_min": round(min(cosines), 4),
        "n": len(cosines),
        "passages": f"the first {PASSAGE_CHARS} characters of an article of {articles.name}",
        "passages_sha256": digest(articles),
    }


def best_span(start: Floats, end: Floats, passage: slice) -> tuple[int, int, float]:
    """Return (first token, last token, margin over the null answer) of the best span within ``passage``."""
    scores = start[passage, None] + end[None, passage]
    allowed = np.triu(np.ones_like(scores)) - np.triu(np.ones_like(scores), SPAN_TOKENS)
    first, last = np.unravel_index(np.where(allowed > 0, scores, -np.inf).argmax(), scores.shape)
    return int(first), int(last), float(scores[first, last] - start[0] - end[0])


def best_spans(path: Path, encodings: Sequence[Encoding]) -> list[tuple[int, int, float]]:
    """Return the best span of an ONNX reader in the passage of each (question, passage) pair."""
    passages = [slice(e.sequence_ids.index(1), len(e.ids) - 1) for e in encodings]
    outputs = run_onnx(path, encodings)
    return [best_span(start[0], end[0], p) for (start, end), p in zip(outputs, passages, strict=True)]


def span_fidelity(whole: Path, small: Path, tokenizer: Tokenizer, data: Path) -> dict[str, Any]:
    """Return f1 of both on the test part of a file, given the passage, and how often their spans are the same."""
    questions = of_part(data, SPANS_OF, "test")[::SPANS_EVERY]
    encodings = [tokenizer.encode(one.question, one.context) for one in questions]
    found = {"float32": best_spans(whole, encodings), "int8": best_spans(small, encodings)}
    pairs = list(zip(*found.values(), strict=True))
    asked = list(zip(questions, encodings, strict=True))
    return {
        **{f"f1_{name}": round(_mean_f1(asked, spans), 4) for name, spans in found.items()},
        "same_best_span_as_float32": round(float(np.mean([a[:2] == b[:2] for a, b in pairs])), 4),
        "same_side_of_null_as_float32": round(
            float(np.mean([(a[2] > 0) == (b[2] > 0) for a, b in pairs])), 4
        ),
        "n": len(pairs),
        "questions": f"the test part of {SPANS_OF}, given the passage",
        "questions_sha256": digest(data / f"qa/{SPANS_OF}.jsonl"),
    }


def _mean_f1(asked: Sequence[tuple[Question, Encoding]], spans: Sequence[tuple[int, int, float]]) -> float:
    scores = []
    for (question, encoding), (first, last, _) in zip(asked, spans, strict=True):
        tokens = encoding.offsets[encoding.sequence_ids.index(1) :]  # of the passage
        scores.append(f1(question.context[tokens[first][0] : tokens[last][1]], question.answers))
    return float(np.mean(scores))
