"""Runs a shipped ONNX transformer on one text at a time, several at once on threads of their own."""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from rag.errors import ModelMissing

Outputs = tuple[NDArray[np.float32], ...]
"""One array for each output of the graph, without the batch axis: ``(dim,)`` or ``(length,)``."""

MODEL, TOKENIZER, CARD = "model.onnx", "tokenizer.json", "card.json"
MAX_THREADS = 8  # texts at once; beyond it memory bandwidth, not cores, sets the rate
IN_FLIGHT = 4  # texts waiting for each thread: enough to keep it busy beside a long text
SLOW = ("SkipLayerNormFusion",)  # five times as slow as the addition and the norm that it joins
EXACT = ("session.x64quantprecision", "1")  # without VNNI, sums of products of int8 would overflow 16 bits
SURROGATES = re.compile("[\ud800-\udfff]")  # halves of characters, which UTF-8 cannot carry


@dataclass(frozen=True, slots=True)
class File:
    """What a card says of one of its model's files."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a model folder says of itself. ``dim`` is 0 when the model gives no vectors."""

    name: str
    max_tokens: int
    dim: int
    files: Mapping[str, File]


class Encoder:
    """A model folder (card.json, model.onnx, tokenizer.json), opened to run; threads may share it.

    Int8 activations are scaled over the whole input, so each text runs alone: its outputs are the same
    whatever stands beside it.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        """Open ``folder``; ``threads`` is one for each core unless told.

        Raises:
            ModelMissing: a file is not there, is not as long as the card says, or cannot be read.
        """
        self.folder = folder
        self.card = read_card(folder)
        for name, file in self.card.files.items():
            _require(folder / name, "bytes", _size(folder / name), file.bytes)
        self.tokenizer = _open_tokenizer(folder / TOKENIZER, self.card.max_tokens)
        self._session = _open_session(folder / MODEL)
        self._inputs = {asked.name for asked in self._session.get_inputs()}
        self._threads = threads or min(MAX_THREADS, cores())
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=self.card.name)

    def tokens(self, text: str, pair: str | None = None) -> Encoding:
        """Return the tokens of ``text``, or of a pair, cut to the model's length at the longer side's end.

        Offsets count code points of the text that a token is from.
        """
        return self.tokenizer.encode(encodable(text), None if pair is None else encodable(pair))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) of each token of the whole of ``text``, special tokens left out."""
        first = self.tokenizer.encode(encodable(text), add_special_tokens=False)
        return [span for part in (first, *first.overflowing) for span in part.offsets]

    def run(self, encodings: Iterable[Encoding]) -> Iterator[Outputs]:
        """Yield the outputs of each encoding, in order; only a few encodings are taken ahead of them."""
        waiting: deque[Future[Outputs]] = deque()
        try:
            for encoding in encodings:
                waiting.append(self._pool.submit(self._run_one, encoding))
                if len(waiting) >= IN_FLIGHT * self._threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the threads; the encoder cannot run after it."""
        self._pool.shutdown()

    def _run_one(self, encoding: Encoding) -> Outputs:
        feed = {
            "input_ids": np.array([encoding.ids], dtype=np.int64),  # (1, length)
            "token_type_ids": np.array([encoding.type_ids], dtype=np.int64),
        }
        taken = {name: ids for name, ids in feed.items() if name in self._inputs}
        return tuple(output[0] for output in self._session.run(None, taken))


def verify(folder: Path) -> None:
    """Read every file of a model folder and raise ModelMissing unless each has the sha256 of the card."""
    for name, file in read_card(folder).files.items():
        _require(folder / name, "bytes", _size(folder / name), file.bytes)
        found = sha256((folder / name).read_bytes()).hexdigest()
        _require(folder / name, "sha256", found, file.sha256)


def encodable(text: str) -> str:
    """Return ``text`` with lone surrogates replaced by U+FFFD; offsets stay."""
    return SURROGATES.sub("\ufffd", text)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_card(folder: Path) -> Card:
    """Return the card of a model folder.

    Raises:
        ModelMissing: there is none, or it does not say what a card must.
    """
    path = folder / CARD
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        files = {name: File(file["bytes"], file["sha256"]) for name, file in raw["files"].items()}
        return Card(raw["name"], raw["max_tokens"], raw.get("dim", 0), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _missing(path, f"no card of a model ({error!r})") from error


def _open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise _missing(path, f"no tokenizer ({error})") from error
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    onnxruntime.disable_telemetry_events()  # for a process that had loaded it before ``rag``, which tells it sooner
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # texts run beside each other instead
    options.enable_mem_pattern = False  # a plan of memory for each length would never be dropped
    options.add_session_config_entry(*EXACT)
    options.log_severity_level = 3  # errors alone; they are raised
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(SLOW)
        )
    except Exception as error:  # the library's exceptions have no root of their own
        raise _missing(path, f"no ONNX model ({str(error)[:200]})") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _missing(path, f"cannot be opened ({error.strerror})") from error


def _require(path: Path, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise _missing(path, f"{what} is {found}, expected {expected}")


def _missing(path: Path, fault: str) -> ModelMissing:
    return ModelMissing(f"{path}: {fault}", "Install Citewise again, or restore this file.")
