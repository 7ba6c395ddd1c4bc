"""The embedders: one contract for the fake and the shipped one, and what only the real ones can show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rag.domain import Embedder
from rag.embed import MiniLM, load
from rag.errors import ModelMissing
from tests.fakes import LetterEmbedder

HOME = Path(__file__).parent.parent
HEAVY = {"torch", "sentence_transformers", "transformers", "llama_index", "gradio"}
WEIRD = ["", " ", "\ud800", "a\x00b", "x" * 1_000_000, "\u200b\u200d", "🏳️‍🌈" * 50, "\u0301", "word " * 2000]


def assert_embedder(embedder: Embedder) -> None:
    """Check the promises that every Embedder makes."""
    texts = ["Rates rose again.", "The ferry left.", "Rates rose again.", *WEIRD]
    for embed in (embedder.embed_passages, embedder.embed_questions):
        assert embed([]).shape == (0, embedder.dim)
        vectors = embed(texts)
        assert vectors.shape == (len(texts), embedder.dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
        np.testing.assert_allclose(embed(texts[1:2])[0], vectors[1], atol=1e-5)
        assert vectors[0] @ vectors[1] < 0.95
    assert [embedder.token_spans(text) for text in ("", "Rates  rose")] == [[], [(0, 5), (7, 11)]]
    for text in WEIRD:
        assert all(0 <= start < end <= len(text) for start, end in embedder.token_spans(text))
    assert len(embedder.token_spans("word " * 2000)) == 2000


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    return load("minilm")


def test_the_fake_keeps_the_contract() -> None:
    assert_embedder(LetterEmbedder())


def test_minilm_keeps_the_contract(minilm: Embedder) -> None:
    assert_embedder(minilm)


def test_minilm_is_named_after_its_weights(minilm: Embedder) -> None:
    assert isinstance(minilm, MiniLM)
    kind, _, weights = minilm.name.partition(":")
    assert kind == "all-MiniLM-L6-v2-int8"
    assert minilm.encoder.card.files["model.onnx"].sha256.startswith(weights)
    assert (len(weights), minilm.dim, minilm.max_tokens) == (12, 384, 256)


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        ("Who won the football final?", "Argentina beat France on penalties.", "The bank cut its rates."),
        ("What did the telescope see?", "Astronomers found a distant galaxy.", "The minister resigned."),
        ("Why are prices going up?", "Inflation reached ten per cent.", "The orchestra played Mahler."),
    ],
)
def test_the_related_passage_is_nearer(minilm: Embedder, question: str, near: str, far: str) -> None:
    related, unrelated = minilm.embed_passages([near, far]) @ minilm.embed_questions([question])[0]
    assert related > unrelated + 0.1


def test_a_long_text_counts_up_to_the_length_of_the_model(minilm: Embedder) -> None:
    limit = minilm.max_tokens - 2  # [CLS] and [SEP]
    whole, cut, shorter = minilm.embed_passages(["word " * 2000, "word " * limit, "word " * (limit - 1)])
    assert whole.tobytes() == cut.tobytes() != shorter.tobytes()


def test_without_the_library_another_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelMissing, match="sentence-transformers") as caught:
        load("BAAI/bge-small-en-v1.5")
    assert "citewise[models]" in caught.value.hint


def test_embedding_with_minilm_imports_nothing_heavy() -> None:
    code = "import rag.embed, sys; rag.embed.load('minilm').embed_passages(['a']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "onnxruntime" in loaded
    assert not HEAVY & loaded
