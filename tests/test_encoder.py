"""The encoder on the shipped weights: order, independence of neighbours, and what it says of a bad folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Encoding

from rag.embed import SHIPPED
from rag.encoder import IN_FLIGHT, Encoder, encodable, read_card, verify
from rag.errors import ModelMissing
from rag.upkeep.doctor import weight_faults

HOME = Path(__file__).parent.parent
READER = SHIPPED.parent / "reader"
TEXTS = ["Rates rose.", "The ferry left the harbour at dawn, " * 20, "", "Who won?", "A cat sat on a mat."]


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    opened = Encoder(SHIPPED, threads=2)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "modèle à moi"))


def raw(encoder: Encoder, texts: list[str]) -> list[bytes]:
    return [vector.tobytes() for (vector,) in encoder.run(map(encoder.tokens, texts))]


def test_same_text_same_bytes_whatever_stands_beside_it(encoder: Encoder) -> None:
    alone = [raw(encoder, [text])[0] for text in TEXTS]
    assert len(set(alone)) == len(TEXTS)
    assert raw(encoder, TEXTS) == alone
    assert raw(encoder, TEXTS[::-1]) == alone[::-1]


def test_same_bytes_from_many_threads_and_another_encoder(encoder: Encoder) -> None:
    alone = raw(encoder, TEXTS)
    with ThreadPoolExecutor(6) as callers:
        assert all(got == alone for got in callers.map(lambda _: raw(encoder, TEXTS), range(12)))
    other = Encoder(SHIPPED, threads=1)
    assert raw(other, TEXTS) == alone
    other.close()


def test_only_a_few_texts_are_taken_ahead(encoder: Encoder) -> None:
    taken = 0

    def endless() -> Iterator[Encoding]:
        nonlocal taken
        while True:
            taken += 1
            yield encoder.tokens("Rates rose.")

    outputs = encoder.run(endless())
    for n in range(1, 30):
        next(outputs)
        assert taken < n + 2 * IN_FLIGHT
    outputs.close()


def test_closing_ends_the_threads() -> None:
    before = set(threading.enumerate())
    encoder = Encoder(SHIPPED, threads=1)
    assert raw(encoder, ["x"])
    encoder.close()
    assert set(threading.enumerate()) == before


def test_the_reader_gives_logits_for_each_token_and_finds_the_span() -> None:
    encoder = Encoder(READER, threads=1)
    passage = "The bridge over the Tamar was opened by Prince Albert in 1859, after eleven years of work."
    tokens = encoder.tokens("Who opened the bridge?", passage)
    ((start, end),) = encoder.run([tokens])
    encoder.close()
    assert start.shape == end.shape == (len(tokens.ids),)
    assert start.dtype == end.dtype == np.float32
    left, right = tokens.offsets[start.argmax()][0], tokens.offsets[end.argmax()][1]
    assert passage[left:right] == "Prince Albert"


def test_a_pair_is_cut_at_the_passage_and_keeps_its_question() -> None:
    encoder = Encoder(READER, threads=1)
    tokens = encoder.tokens("Who opened the bridge?", "word " * 1000)
    both_long = encoder.tokens("who " * 1000, "word " * 1000)
    encoder.close()
    assert len(tokens.ids) == len(both_long.ids) == encoder.card.max_tokens == 384
    assert tokens.tokens[:7] == ["[CLS]", "who", "opened", "the", "bridge", "?", "[SEP]"]
    assert both_long.type_ids.count(1) > 100


def test_token_spans_are_slices_in_code_points(encoder: Encoder) -> None:
    text = "Ayrault’s naïve café — 北京 😀 ok"
    words = [text[start:end] for start, end in encoder.token_spans(text)]
    assert words == ["A", "yra", "ult", "’", "s", "naïve", "café", "—", "北", "京", "😀", "ok"]


def test_token_spans_go_past_the_length_of_the_model(encoder: Encoder) -> None:
    text = "A ferry left. " * 400
    spans = encoder.token_spans(text)
    assert [text[start:end] for start, end in spans] == ["A", "ferry", "left", "."] * 400


@given(st.text(alphabet=st.characters(), max_size=60))
@settings(max_examples=200, deadline=None)
def test_token_spans_of_any_text_are_in_order_and_inside_it(encoder: Encoder, text: str) -> None:
    spans = encoder.token_spans(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


def test_products_of_integers_are_exact_on_every_processor(folder: Path) -> None:
    width = 64
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("MatMulInteger", ["rows", "weights"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["out"], to=TensorProto.FLOAT),
    ]
    most = [
        numpy_helper.from_array(np.full((30_522, width), 255, np.uint8), "table"),
        numpy_helper.from_array(np.full((width, 8), 127, np.int8), "weights"),
    ]
    asked = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "length"])
    given = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", "length", 8])
    graph = helper.make_graph(nodes, "extremes", [asked], [given], most)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    card = json.loads((folder / "card.json").read_text())
    card["files"]["model.onnx"]["bytes"] = (folder / "model.onnx").stat().st_size
    (folder / "card.json").write_text(json.dumps(card))
    opened = Encoder(folder, threads=1)
    ((sums,),) = opened.run([opened.tokens("Rates rose.")])
    opened.close()
    assert (sums == 255 * 127 * width).all()


def test_lone_surrogates_keep_their_place() -> None:
    assert encodable("a\ud800b\udfff😀") == "a\ufffdb\ufffd😀"


@pytest.mark.parametrize(
    ("name", "at_most"), [("embedder", 25e6), ("reader", 25e6), ("reader_accurate", 95e6)]
)
def test_the_shipped_files_are_what_their_card_says(name: str, at_most: float) -> None:
    verify(SHIPPED.parent / name)
    files = read_card(SHIPPED.parent / name).files
    assert set(files) == {"model.onnx", "tokenizer.json"}
    assert sum(file.bytes for file in files.values()) < at_most


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "card.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelMissing, match=name) as caught:
        Encoder(folder)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "card.json"])
def test_a_truncated_file_is_named(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelMissing, match=name):
        Encoder(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_garbage_of_the_right_length_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\xff" * (folder / name).stat().st_size)
    with pytest.raises(ModelMissing, match=name):
        Encoder(folder)


@pytest.mark.parametrize("card", ["[]", "{}", '{"name": "x", "max_tokens": 256, "files": {"model.onnx": 1}}'])
def test_a_card_that_says_too_little_is_refused(tmp_path: Path, card: str) -> None:
    (tmp_path / "card.json").write_text(card)
    with pytest.raises(ModelMissing, match=r"card\.json"):
        read_card(tmp_path)


def test_verify_finds_one_changed_byte(folder: Path) -> None:
    model = folder / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(ModelMissing, match=r"model\.onnx: sha256 is \w+, expected \w+"):
        verify(folder)
    assert [fault.startswith(str(model)) for fault in weight_faults([folder, SHIPPED])] == [True]


def test_opening_a_model_writes_nothing_about_it(tmp_path: Path) -> None:
    """Onnxruntime, unless told otherwise, notes in the home folder what it runs, and sends it to its makers."""
    code = "from rag import embed; embed.MiniLM().embed_passages(['A ferry left.'])"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run(
        [sys.executable, "-c", code], cwd=HOME, env={**kept, "HOME": str(tmp_path)}, check=True, timeout=60
    )
    assert list(tmp_path.iterdir()) == []


def test_the_cards_name_their_licence_and_command() -> None:
    for folder in (SHIPPED, READER):
        card = json.loads((folder / "card.json").read_text())
        assert "Apache-2.0" in card["licence"]
        assert card["made_by"].startswith("python -m training.export ")
