"""Four stores behind the same verbs: ours, plain LlamaIndex over FAISS, Chroma and LanceDB.

Each is used as its documentation says, with its defaults. Chroma and LanceDB run in an environment of their own, so
what a store needs is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.given import Given, Row, Rows, Source

K = 10  # passages that a question finds
_BATCH = 10_000  # rows in memory at a time, where a store takes a stream


class Stored(Protocol):
    """A store in a folder."""

    def build(self, source: Source) -> None:
        """Store a whole collection, durably."""

    def open(self) -> None:
        """Open what was stored."""

    def ask(self, vector: Rows) -> list[str]:
        """Return the texts of the ``K`` nearest passages, best first."""

    def add(self, source: Source, article: str) -> None:
        """Store one more article, durably."""

    def delete(self, article: str) -> None:
        """Take an article out, durably.

        Raises:
            NotImplementedError: this store cannot.
        """


class Citewise:
    """Ours: it reads articles, cuts them, and keeps an index of their words beside that of their vectors."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._index = folder, folder / "citewise"
        self._given: Given | None = None
        self._store: Any = None

    def build(self, source: Source) -> None:
        """Index the folder of articles."""
        self._sync(self._folder / "collection", source)
        self.open()

    def open(self) -> None:
        """Open the index."""
        from rag.store import Store

        self._store = Store(self._index)

    def ask(self, vector: Rows) -> list[str]:
        """Return the texts of the nearest passages, of what is committed now."""
        self._store.refresh()
        ids = [id for id, _ in self._store.near(vector, K)]
        found = self._store.passages(ids)
        return [f"{found[id].article.title}\n{found[id].text}" for id in ids]

    def add(self, source: Source, article: str) -> None:
        """Index one file more."""
        self._sync(self._folder / "new" / f"{article}.jsonl", source)

    def delete(self, article: str) -> None:
        """Remove an article by its id."""
        import ingest

        ingest.remove(f"{article}.jsonl#{article}", self._index)

    def _sync(self, path: Path, *sources: Source) -> None:
        from ingest import sync
        from rag.settings import Settings

        if self._given is None:
            name = (self._folder / "embedder").read_text(encoding="utf-8")
            self._given = Given(name, *sources)
        sync.index([path], self._index, self._given, Settings().passage_tokens)


class Llama:
    """LlamaIndex with FaissVectorStore on IndexFlatL2 and its default stores, persisted to a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "llamaindex")
        self._index: Any = None
        self._retriever: Any = None

    def build(self, source: Source) -> None:
        """Make an index of nodes that have vectors, and persist it."""
        import faiss
        from llama_index.core import StorageContext, VectorStoreIndex
        from llama_index.core.embeddings import MockEmbedding
        from llama_index.vector_stores.faiss import FaissVectorStore

        nodes = [node for rows, vectors in source.batches(_BATCH) for node in self._nodes(rows, vectors)]
        dim = source.vectors().shape[1]
        context = StorageContext.from_defaults(
            vector_store=FaissVectorStore(faiss_index=faiss.IndexFlatL2(dim))
        )
        self._index = VectorStoreIndex(
            nodes, storage_context=context, embed_model=MockEmbedding(embed_dim=dim)
        )
        self._persist()

    def open(self) -> None:
        """Load the index from its folder."""
        from llama_index.core import StorageContext, load_index_from_storage
        from llama_index.core.embeddings import MockEmbedding
        from llama_index.vector_stores.faiss import FaissVectorStore

        vectors = FaissVectorStore.from_persist_dir(self._path)
        context = StorageContext.from_defaults(vector_store=vectors, persist_dir=self._path)
        self._index = load_index_from_storage(context, embed_model=MockEmbedding(embed_dim=vectors.client.d))
        self._retriever = self._index.as_retriever(similarity_top_k=K)

    def ask(self, vector: Rows) -> list[str]:
        """Return the texts of the nearest nodes."""
        from llama_index.core.schema import QueryBundle

        found = self._retriever.retrieve(QueryBundle("", embedding=vector.tolist()))
        return [hit.node.get_content() for hit in found]

    def add(self, source: Source, article: str) -> None:
        """Insert the nodes of an article, and persist."""
        self._index.insert_nodes(self._nodes(*source.of(article)))
        self._persist()

    def delete(self, article: str) -> None:
        """Raise what it raises."""
        self._index.delete_ref_doc(article, delete_from_docstore=True)
        self._persist()

    def _persist(self) -> None:
        self._index.storage_context.persist(persist_dir=self._path)
        self._retriever = self._index.as_retriever(similarity_top_k=K)

    @staticmethod
    def _nodes(rows: Sequence[Row], vectors: Rows) -> list[Any]:
        from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

        return [
            TextNode(
                id_=str(row.id),
                text=row.text,
                embedding=vector.tolist(),
                relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=row.article)},
            )
            for row, vector in zip(rows, vectors, strict=True)
        ]


class Chroma:
    """Chroma's PersistentClient with a collection for cosines, filled by as much at once as it takes."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "chroma")
        self._collection: Any = None

    def build(self, source: Source) -> None:
        """Add all passages to a new collection."""
        client = self._client()
        self._collection = client.create_collection(
            "passages", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )
        for rows, vectors in source.batches(client.get_max_batch_size()):
            self._add(rows, vectors)

    def open(self) -> None:
        """Open the collection."""
        self._collection = self._client().get_collection("passages", embedding_function=None)

    def ask(self, vector: Rows) -> list[str]:
        """Return the documents of the nearest."""
        found = self._collection.query(query_embeddings=vector[None, :], n_results=K, include=["documents"])
        texts: list[str] = found["documents"][0]
        return texts

    def add(self, source: Source, article: str) -> None:
        """Add the passages of an article."""
        self._add(*source.of(article))

    def delete(self, article: str) -> None:
        """Delete by the article's id in the metadata."""
        self._collection.delete(where={"article": article})

    def _add(self, rows: Sequence[Row], vectors: Rows) -> None:
        self._collection.add(
            ids=[str(row.id) for row in rows],
            embeddings=vectors,
            documents=[row.text for row in rows],
            metadatas=[{"article": row.article} for row in rows],
        )

    def _client(self) -> Any:
        import chromadb  # type: ignore[import-not-found]

        return chromadb.PersistentClient(self._path, chromadb.config.Settings(anonymized_telemetry=False))


class Lance:
    """A LanceDB table without an index of its vectors, as is advised up to some 100,000 rows."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "lancedb")
        self._table: Any = None

    def build(self, source: Source) -> None:
        """Make a table of a stream of batches."""
        batches = (self._batch(*batch) for batch in source.batches(_BATCH))
        schema = self._batch([], np.empty((0, source.vectors().shape[1]), np.float32)).schema
        self._table = self._database().create_table("passages", batches, schema=schema)

    def open(self) -> None:
        """Open the table."""
        self._table = self._database().open_table("passages")

    def ask(self, vector: Rows) -> list[str]:
        """Return the texts of the nearest rows."""
        query = self._table.search(vector).distance_type("cosine").select(["text", "_distance"]).limit(K)
        return [row["text"] for row in query.to_list()]

    def add(self, source: Source, article: str) -> None:
        """Add the passages of an article."""
        self._table.add(self._batch(*source.of(article)))

    def delete(self, article: str) -> None:
        """Delete by the column of the article's id."""
        self._table.delete(f"article = '{article}'")

    def _database(self) -> Any:
        import lancedb  # type: ignore[import-not-found]

        return lancedb.connect(self._path)

    @staticmethod
    def _batch(rows: Sequence[Row], vectors: Rows) -> Any:
        import pyarrow  # type: ignore[import-not-found]

        numbers = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(vectors.ravel()), vectors.shape[1])
        columns = {
            "id": pyarrow.array([row.id for row in rows], pyarrow.int64()),
            "article": pyarrow.array([row.article for row in rows], pyarrow.string()),
            "text": pyarrow.array([row.text for row in rows], pyarrow.string()),
            "vector": numbers,
        }
        return pyarrow.record_batch(columns)


STORES: dict[str, Callable[[Path], Stored]] = {
    "Citewise": Citewise,
    "LlamaIndex": Llama,
    "Chroma": Chroma,
    "LanceDB": Lance,
}
