"""Parts of llama-index as ours: an embedding, and the documents of any reader."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import MetadataMode

from rag.domain import Vectors
from rag.errors import CorpusError, ModelMissing
from rag.text import normalise

# ---- An embedding

ANY_LENGTH = 100_000  # max_tokens of a model that does not say; no passage is as long
# What stands for a token, as few embeddings let their tokenizer be used: on 3,131 stretches of news and blogs
# these are 1.15 times as many as WordPiece finds, and in 99 of 100 at least as many.
_TOKEN = re.compile(r"[A-Za-z]{1,6}|[0-9]{1,3}|[^\sA-Za-z0-9]")


class LlamaEmbedder:
    """An embedding of llama-index as our Embedder. Threads may share it; they take turns."""

    def __init__(self, model: BaseEmbedding) -> None:
        """Ask ``model`` for one vector, to know how long they are.

        Raises:
            ModelMissing: ``model`` is no embedding of llama-index, or gives no vector.
        """
        if not isinstance(model, BaseEmbedding):
            raise ModelMissing(
                f"{type(model).__name__} is no embedding",
                "Give a llama-index embedding, or the name of a model.",
            )
        self._model, self._turn = model, Lock()
        self._called = f"{type(model).__name__}:{model.model_name}"
        self.dim = len(self._asked(lambda: model.get_query_embedding("a")))
        self.max_tokens = int(getattr(model, "max_length", None) or ANY_LENGTH)
        self.name = ":".join([self._called, str(self.dim), *_instructed(model)])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``."""
        return self._rows(self._asked(lambda: self._model.get_text_embedding_batch(list(texts))))

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``."""
        return self._rows(self._asked(lambda: [self._model.get_query_embedding(text) for text in texts]))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return spans that are about as many as the model's tokens: parts of words, numbers and signs."""
        return [match.span() for match in _TOKEN.finditer(text)]

    def _asked(self, ask: Any) -> Any:
        try:
            with self._turn:  # few models bear two threads at once
                return ask()
        except Exception as error:  # each has its own; their messages may hold a key
            raise ModelMissing(
                f"the embedding {self._called} failed with {type(error).__name__}",
                "Ask it for a vector by itself: model.get_query_embedding('a')",
            ) from error

    def _rows(self, vectors: Any) -> Vectors:
        if not len(vectors):
            return np.empty((0, self.dim), dtype=np.float32)
        rows = np.asarray(vectors, dtype=np.float32)
        lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
        if rows.shape[1:] != (self.dim,) or not np.all(np.isfinite(lengths) & (lengths > 0)):
            raise ModelMissing(
                f"the embedding {self._called} gave vectors without a direction, or not of {self.dim} numbers",
                "Choose another embedding.",
            )
        return np.asarray(rows / lengths, dtype=np.float32)


def _instructed(model: BaseEmbedding) -> list[str]:
    """Return a sum over the words that some models put before what they embed, since these shape the vector."""
    words = [getattr(model, name, None) for name in ("query_instruction", "text_instruction")]
    return [sha256(json.dumps(words).encode()).hexdigest()[:12]] if any(words) else []


# ---- Documents

NAMES = {
    "title": ("title", "document_title"),
    "source": ("source",),
    "url": ("url", "link", "source"),
    "date": ("date", "published", "published_at", "publish_date"),
}


def to_jsonl(documents: Iterable[Any], path: str | Path) -> int:
    """Write documents of a llama-index reader as a file that ``ingest.index`` takes; return how many.

    An article's id is its document's, or where that was made up at random its file or URL, so that a document
    that is loaded again is known again. The file is replaced at once, or stays as it was.

    Raises:
        CorpusError: the file cannot be written.
    """
    path, lines = Path(path), list(_lines(documents))
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text("".join(lines), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise CorpusError(str(path), f"cannot be written: {error.strerror}", "Name another file.") from error
    finally:
        part.unlink(missing_ok=True)
    return len(lines)


def _lines(documents: Iterable[Any]) -> Iterator[str]:
    times: Counter[str] = Counter()
    for document in documents:
        id, text = _lasting_id(document), content(document)
        times[id] += 1
        known = {**written(document.metadata), **fields(document.metadata)}
        whole = {**known, "id": id if times[id] == 1 else f"{id}#{times[id]}", "text": text}
        yield json.dumps(whole, ensure_ascii=False) + "\n"


def _lasting_id(document: Any) -> str:
    id, about = normalise(document.node_id), written(document.metadata)
    if not _is_random(id):
        return id
    url = fields(document.metadata).get("url", "")
    place = about.get("file_path") or url or about.get("file_name", "")
    page = about.get("page_label", "")
    return f"{place}#{page}" if place and page else place or sha256(content(document).encode()).hexdigest()


def _is_random(id: str) -> bool:
    with suppress(ValueError):
        return UUID(id).version == 4 and str(UUID(id)) == id
    return False


def content(node: Any) -> str:
    """Return the text of a document or node as an article has it."""
    return normalise(node.get_content(metadata_mode=MetadataMode.NONE))


def fields(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the title, source, URL and date that metadata tell, by these names; those that they do not, not."""
    known = written(metadata)
    found = {
        field: next((known[name] for name in names if name in known), "") for field, names in NAMES.items()
    }
    if "page_label" in known and "file_name" in known:
        found["title"] = found["title"] or f"{known['file_name']}, page {known['page_label']}"
    if not found["url"].startswith(("http://", "https://")):
        found["url"] = ""
    return {field: text for field, text in found.items() if text}


def written(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata that are text, numbers, days or lists of text, as text."""
    written = {str(name): _as_text(value) for name, value in metadata.items()}
    return {normalise(name): text for name, text in written.items() if text}


def _as_text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_as_text, value)))
    known = isinstance(value, str | int | float | date) and not isinstance(value, bool)
    return normalise(str(value)).strip() if known else ""
