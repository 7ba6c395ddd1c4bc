"""The small reader that ships as a network that can learn further: its int8 weights, times their scales."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import GraphProto, NodeProto, numpy_helper
from torch import Tensor
from transformers import BertConfig, BertForQuestionAnswering

from rag.encoder import MODEL
from training.net import Network

TABLE = "_quantized"  # how the name of an int8 table ends; its scale and its zero stand beside it
SIZES = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}


def learner(folder: Path) -> Network:
    """Return the ``BertForQuestionAnswering`` whose int8 export ``folder`` holds, as near as rounding left it."""
    graph = onnx.load(folder / MODEL).graph
    model = BertForQuestionAnswering(BertConfig(**SIZES))
    model.load_state_dict(_tables(graph) | _products(graph))
    return model


def _tables(graph: GraphProto) -> dict[str, Tensor]:
    """Return what the graph keeps under the parameter's own name: embeddings, norms and biases."""
    found = {}
    for name in (initializer.name for initializer in graph.initializer):
        if name.startswith("model.") and name.endswith(TABLE):
            found[_parameter(name.removesuffix(TABLE))] = _widened(graph, name)
        elif name.startswith("model.") and not name.endswith(("_scale", "_zero_point")):
            found[_parameter(name)] = _tensor(graph, name)
    return found


def _products(graph: GraphProto) -> dict[str, Tensor]:
    """Return the matrices of the layers, ``(out, in)``; the graph names them by the place of their product."""
    nodes: list[NodeProto] = [node for node in graph.node if node.op_type == "MatMulInteger"]
    return {
        _parameter(node.name.strip("/").replace("/", ".").removesuffix("MatMul_quant") + "weight"): _widened(
            graph, node.input[1]
        ).T.contiguous()
        for node in nodes
    }


def _parameter(name: str) -> str:
    return name.removeprefix("model.")


def _widened(graph: GraphProto, name: str) -> Tensor:
    stem = name.removesuffix(TABLE)
    zero, scale = _tensor(graph, f"{stem}_zero_point"), _tensor(graph, f"{stem}_scale")
    return (_tensor(graph, name).float() - zero.float()) * scale


def _tensor(graph: GraphProto, name: str) -> Tensor:
    found = next(one for one in graph.initializer if one.name == name)
    return torch.from_numpy(numpy_helper.to_array(found).copy())
