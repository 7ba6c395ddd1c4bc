"""An approximate FAISS index: vectors in cells, in each as outlines of half a byte for two numbers.

It finds candidates, whose exact vectors must then be compared. ``python -m benchmarks scale`` measures it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import faiss
import numpy as np

from rag.domain import Vectors
from rag.index.truth import Ids

CELLS = 1024
SEARCHED = 384  # cells; with RERANKED, recall@10 is over .98 at a million passages
RERANKED = 300  # candidates at least
OUTGROWN = 2  # times the vectors that it was trained on: then it is trained anew
_SAMPLE = 100_000  # vectors that it is trained on, 98 a cell
_PER_CELL = 39  # vectors; FAISS asks for as many to train a cell
_FEW = 4_096  # passages that a filter leaves: fewer are compared one by one
_SEED = 0

Blocks = Iterable[tuple[Ids, Vectors]]


def made(blocks: Callable[[int], Blocks], n: int) -> Any:
    """Return an index of the ``n`` vectors that ``blocks`` has with ids above 0."""
    from rag.encoder import cores  # which loads onnxruntime; what trains an index has it loaded

    faiss.omp_set_num_threads(cores())
    sample = _sample(blocks(0), n)
    dim = sample.shape[1]
    n_cells = max(1, min(CELLS, len(sample) // _PER_CELL))
    n_codes = dim // 2 if dim % 2 == 0 else dim
    cells: Any = faiss.IndexFlatIP(dim)
    index: Any = faiss.IndexIVFPQFastScan(cells, dim, n_cells, n_codes, 4, faiss.METRIC_INNER_PRODUCT)
    cells.this.disown()  # the index owns it from now on
    index.own_fields = True
    index.train(sample)
    change(index, (), blocks(0))
    return index


def change(index: Any, dead: Collection[int], blocks: Blocks) -> None:
    """Take ``dead`` ids out and put blocks in."""
    if dead:
        index.remove_ids(faiss.IDSelectorBatch(np.fromiter(dead, np.int64, len(dead))))
    for ids, rows in blocks:
        index.add_with_ids(rows, ids)


def candidates(index: Any, vector: Vectors, k: int, allowed: Ids | None) -> Ids:
    """Return the ids, in no order of use, among which the ``k`` nearest of the ``allowed`` (None: all) are to be."""
    if allowed is not None and len(allowed) <= _FEW:
        return allowed
    chosen = None if allowed is None else faiss.IDSelectorBatch(allowed)
    n_cells = SEARCHED if chosen is None else index.nlist  # those allowed may all lie in far cells
    options: Any = faiss.SearchParametersIVF(sel=chosen, nprobe=min(n_cells, index.nlist))  # type: ignore[call-arg]
    _, ids = index.search(vector[None, :], min(index.ntotal, max(RERANKED, 4 * k)), params=options)
    found: Ids = ids[0][ids[0] >= 0]
    return found


def ids(index: Any) -> Ids:
    """Return all ids held, ascending."""
    lists = index.invlists
    parts = [
        faiss.rev_swig_ptr(lists.get_ids(cell), lists.list_size(cell)).copy()
        for cell in range(index.nlist)
        if lists.list_size(cell)
    ]
    return np.sort(np.concatenate([np.empty(0, np.int64), *parts]))


def _sample(blocks: Blocks, n: int) -> Vectors:
    """Return vectors chosen at random, always the same ones."""
    chance = np.random.default_rng(_SEED)
    share = min(1.0, _SAMPLE / max(1, n))
    return np.concatenate([rows[chance.random(len(rows)) < share] for _, rows in blocks])
