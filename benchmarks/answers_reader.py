"""The fast reader that ships, as a folder of transformers: its weights in float32, each integer times its scale."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.answers_given import ALL, READER, passages, questions
from benchmarks.process import serve
from benchmarks.throughput import original
from rag.encoder import MODEL, Encoder
from rag.reader import SHIPPED

N_COMPARED = 20  # passages
FARTHEST = (
    0.3  # mean difference of logits; what int8 itself does is a third of that, another network does much more
)
_INTEGERS, _PRODUCT = "_quantized", "/MatMul_quant"
_BESIDE = ("vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json")


def build(folder: str) -> dict[str, float]:
    """Write the folder; return how far its logits are from those of the weights that ship, at most and on average.

    Raises:
        RuntimeError: they are too far for the same network.
    """
    from safetensors.numpy import save_file

    place, source = Path(folder) / READER, Path(original())
    place.mkdir()
    save_file(unquantised(SHIPPED / MODEL), place / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config |= {"architectures": ["BertForQuestionAnswering"], "num_labels": 2, "dtype": "float32"}
    (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for name in _BESIDE:
        shutil.copy(source / name, place / name)
    return _differences(folder, str(place))


def unquantised(model: Path) -> dict[str, Any]:
    """Return the weights of a quantised model in float32, by the names that transformers has for them."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(model)).graph
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def whole(name: str) -> Any:
        number, zero = kept[f"{name}{_INTEGERS}"], kept[f"{name}_zero_point"]
        return (number.astype(np.float32) - zero.astype(np.float32)) * kept[f"{name}_scale"]

    found = {
        name: value for name, value in kept.items() if value.dtype == np.float32 and "_scale" not in name
    }
    tables = [name.removesuffix(_INTEGERS) for name in kept if name.endswith(f".weight{_INTEGERS}")]
    found |= {name: whole(name) for name in tables}
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            name = node.name.removesuffix(_PRODUCT)[1:].replace("/", ".")
            found[f"{name}.weight"] = whole(node.input[1].removesuffix(_INTEGERS)).T
    return {name.removeprefix("model."): np.ascontiguousarray(value) for name, value in found.items()}


def _differences(folder: str, place: str) -> dict[str, float]:
    import torch
    from transformers import AutoModelForQuestionAnswering

    model, encoder = AutoModelForQuestionAnswering.from_pretrained(place).eval(), Encoder(SHIPPED)
    question = questions(folder)[ALL][0]
    encoded = [encoder.tokens(question, one.text) for one in passages(folder)[:N_COMPARED]]
    apart = []
    for of, (start, end) in zip(encoded, encoder.run(encoded), strict=True):
        with torch.inference_mode():
            theirs = model(torch.tensor([of.ids]), token_type_ids=torch.tensor([of.type_ids]))
        apart += [abs(theirs.start_logits[0].numpy() - start), abs(theirs.end_logits[0].numpy() - end)]
    every = np.concatenate(apart)
    if every.mean() > FARTHEST:
        raise RuntimeError(f"the logits of {place} differ from those that ship by {every.mean():.2f}")
    return {"most": float(every.max()), "mean": float(every.mean())}


if __name__ == "__main__":
    serve([build])
