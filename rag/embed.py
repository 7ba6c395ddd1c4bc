"""Embedders: the shipped all-MiniLM-L6-v2, any model of sentence-transformers, or an object that is one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from rag.domain import Embedder, Vectors
from rag.encoder import MODEL, Encoder, encodable
from rag.errors import ModelMissing

SHIPPED = Path(__file__).parent / "models" / "embedder"
NETWORK_S = 10.0  # to hear whether a model is on the hub
ANY_LENGTH = 100_000  # max_tokens of a model that has no limit; no passage is as long


def load(name: str) -> Embedder:
    """Return the shipped embedder for ``minilm``, otherwise the sentence-transformers model of that name.

    Raises:
        ModelMissing: the model, or the library that it needs, is not here.
    """
    return MiniLM() if name == "minilm" else SentenceTransformers(name)


def given(embedder: Any) -> Embedder | None:
    """Return the embedder that an object is or stands for, and None for a name or None.

    Raises:
        ModelMissing: it is neither an embedder of ours nor an embedding of llama-index.
    """
    if embedder is None or isinstance(embedder, str | PathLike):
        return None
    if not hasattr(embedder, "embed_passages"):
        from rag.from_llama import LlamaEmbedder

        embedder = LlamaEmbedder(embedder)
    found: Embedder = embedder
    return found


class MiniLM:
    """The shipped embedder: all-MiniLM-L6-v2 as int8 ONNX, named with the start of its weights' sha256."""

    def __init__(self, folder: Path = SHIPPED, threads: int | None = None) -> None:
        self.encoder = Encoder(folder, threads)
        card = self.encoder.card
        self.name = f"{card.name}:{card.files[MODEL].sha256[:12]}"
        self.dim = card.dim
        self.max_tokens = card.max_tokens

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``, each cut at ``max_tokens``."""
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for row, (vector,) in enumerate(self.encoder.run(map(self.encoder.tokens, texts))):
            vectors[row] = vector
        return vectors

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows; this model embeds a question as it does a passage."""
        return self.embed_passages(texts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) of each token of the whole of ``text``, however long it is."""
        return self.encoder.token_spans(text)


class SentenceTransformers:
    """Any embedding model of the sentence-transformers library, with the prompts that the model asks for.

    Named after the model and a sum over its weights and settings. Threads may share it; they take turns.
    """

    def __init__(self, model: str) -> None:
        """Load ``model``, a folder or a Hugging Face name.

        Raises:
            ModelMissing: the library is not installed, or it cannot load ``model``.
        """
        self._model = _open(model)
        self._tokenizer = _whole_tokenizer(self._model, model)
        self._turn = Lock()  # the library's tokenizers refuse two threads at once
        self.dim = len(self._model.encode("a"))  # not every model knows its own
        self.max_tokens = int(min(self._model.max_seq_length or ANY_LENGTH, ANY_LENGTH))
        folder = Path(model)
        self.name = f"{folder.name if folder.is_dir() else model}:{_fingerprint(self._model)}"

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``, each cut at ``max_tokens``."""
        return self._rows(self._model.encode_document, texts)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n, dim)`` unit rows in the order of ``texts``, each cut at ``max_tokens``."""
        return self._rows(self._model.encode_query, texts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) of each token of the whole of ``text``, however long it is."""
        return list(self._tokenizer.encode(encodable(text), add_special_tokens=False).offsets)

    def _rows(self, encode: Any, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        with self._turn:
            rows = encode(
                [encodable(text) for text in texts], normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(rows, dtype=np.float32)


def _open(model: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ModelMissing(
            f"model {model!r} needs the library sentence-transformers, which is not installed",
            'pip install "citewise[models]"',
        ) from error
    try:
        return SentenceTransformer(model, local_files_only=True)  # what is here needs no network
    except Exception as error:  # the library raises many kinds
        if Path(model).is_dir():
            raise _unloadable(model, error) from error
    try:
        _require_on_hub(model)
        return SentenceTransformer(model)
    except Exception as error:  # the hub's client and the network raise their own
        raise _unloadable(model, error) from error


def _require_on_hub(model: str) -> None:
    """Ask for ``model`` once, since the library without a network tries for over a minute."""
    from huggingface_hub import HfApi

    HfApi().model_info(model, timeout=NETWORK_S)


def _unloadable(model: str, error: Exception) -> ModelMissing:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return ModelMissing(
        f"model {model!r}: sentence-transformers cannot load it ({reason})",
        "Give the folder of a model, or a Hugging Face name while there is a network.",
    )


def _whole_tokenizer(loaded: Any, model: str) -> Tokenizer:
    """Return a copy of the model's tokenizer that neither cuts nor pads, so that ``encode`` cannot change it."""
    backend = getattr(loaded.tokenizer, "backend_tokenizer", loaded.tokenizer)
    if not isinstance(backend, Tokenizer):
        raise ModelMissing(
            f"model {model!r}: its tokenizer gives no offsets, expected one of the tokenizers library",
            "Choose a model with a tokenizer.json.",
        )
    tokenizer = Tokenizer.from_str(backend.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _fingerprint(loaded: Any) -> str:
    """Return 12 hex digits over all that shapes a vector: prompts, length, modules, pooling and weights."""
    modules = [(type(module).__name__, str(getattr(module, "pooling_mode", ""))) for module in loaded]
    total = sha256(json.dumps([loaded.prompts, loaded.max_seq_length, modules], sort_keys=True).encode())
    for name, tensor in sorted(loaded.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().float().contiguous().numpy())  # bfloat16 has no numpy form
    return total.hexdigest()[:12]
