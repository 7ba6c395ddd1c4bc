"""Parts of llama-index in the place of ours: real embeddings, readers, indexes and stores, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llama_index.core")

import faiss
from llama_index.core import (
    Document,
    MockEmbedding,
    SimpleDirectoryReader,
    StorageContext,
    VectorStoreIndex,
)
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import SimpleVectorStore, VectorStoreQueryResult

import ingest
import rag
from rag.domain import Where
from rag.embed import MiniLM
from rag.errors import ArticleMissing, CorpusError, IndexFault, IndexStale, ModelMissing, SettingsError
from rag.from_llama import LlamaEmbedder, to_jsonl
from rag.from_llama_store import MOST_NODES, Documents, LlamaRetriever, pipeline
from tests.fakes import FirstSentence, LetterEmbedder


class Letters(BaseEmbedding):
    """Counts letters, as the fake does; a prefix for questions can be had."""

    query_instruction: str | None = None

    def _get_query_embedding(self, query: str) -> list[float]:
        return list(map(float, LetterEmbedder().embed_questions([query])[0] * 7))

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_query_embedding(text)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class Broken(Letters):
    """Refuses with its key in the message."""

    def _get_query_embedding(self, query: str) -> list[float]:
        raise ConnectionError("no answer for key sk-12345")


class Flat(Letters):
    """Knows a direction for its first text alone."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return [0.0] * 26


RAIN = "Rain fell in Paris on Monday. The streets of Montmartre were empty."
SUN = "The sun shone in Rome. Tourists filled the squares.\n\nA café near the Pantheon ran out of ice."
DOCUMENTS = [
    Document(text=RAIN, id_="rain", metadata={"title": "Rain", "source": "BBC", "date": "2017-02-19"}),
    Document(text=SUN, id_="sun", metadata={"title": "Sun", "source": "Reuters", "date": "2020-07-01"}),
]


def store_of(documents: list[Document] = DOCUMENTS, chunk_size: int = 60, **more: Any) -> VectorStoreIndex:
    splitter = SentenceSplitter(chunk_size=chunk_size, chunk_overlap=0)
    return VectorStoreIndex.from_documents(
        documents, embed_model=Letters(), transformations=[splitter], **more
    )


# ---- An embedding


def test_an_embedding_gives_unit_rows_in_order() -> None:
    embedder, fake = LlamaEmbedder(Letters()), LetterEmbedder()
    rows = embedder.embed_passages(["Rain", "Sun", "Rain"])
    assert rows.dtype == np.float32
    assert np.allclose(rows, fake.embed_passages(["Rain", "Sun", "Rain"]), atol=1e-6)
    assert np.allclose(embedder.embed_questions(["Sun"]), rows[1:2])
    assert embedder.embed_passages([]).shape == embedder.embed_questions([]).shape == (0, 26)
    assert LlamaEmbedder(MockEmbedding(8)).embed_passages(["a"]).shape == (1, 8)


def test_its_name_tells_models_apart() -> None:
    made = [MockEmbedding(8), MockEmbedding(16), MockEmbedding(8, model_name="other"), Letters()]
    made += [Letters(query_instruction="Find:"), Letters(query_instruction="Search:")]
    names = [LlamaEmbedder(model).name for model in made]
    assert names[0] == "MockEmbedding:unknown:8"
    assert len(set(names)) == len(names)
    assert LlamaEmbedder(MockEmbedding(8)).name == names[0]


def test_its_tokens_are_about_those_of_a_model() -> None:
    text = "The naïve antidisestablishmentarian paid $1,200,000 in 2017 for 東京's façades, didn't he? " * 9
    spans = LlamaEmbedder(MockEmbedding(8)).token_spans(text)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert "".join(text[start:end] for start, end in spans) == "".join(text.split())
    real = len(MiniLM().token_spans(text))
    assert real <= len(spans) <= 1.4 * real
    assert LlamaEmbedder(MockEmbedding(8)).max_tokens > 10_000


def test_an_embedding_that_fails_says_so_and_keeps_its_key() -> None:
    with pytest.raises(ModelMissing, match="Broken:unknown failed with ConnectionError") as caught:
        LlamaEmbedder(Broken())
    assert "sk-" not in str(caught.value)
    with pytest.raises(ModelMissing, match="without a direction"):
        LlamaEmbedder(Flat()).embed_passages(["a"])
    with pytest.raises(ModelMissing, match="int is no embedding"):
        ingest.index("nowhere", embedder=3)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "rain.txt").write_text(RAIN)
    (tmp_path / "news" / "sun.txt").write_text(SUN, encoding="utf-8")
    return tmp_path


def test_an_index_is_made_and_asked_with_an_embedding(place: Path) -> None:
    assert ingest.index("news", "index", embedder=Letters()).new == 2
    with rag.open("index", embedder=Letters(), k=1) as qa:
        assert qa.status().embedder == LlamaEmbedder(Letters()).name
        (hit,) = qa.search(SUN)
        assert hit.passage.article.id == "sun.txt"
        assert qa.ask("Where did the sun shine?").mode in ("quote", "abstain")
    assert ingest.index("news", "index", embedder=Letters()).passages_embedded == 0
    with pytest.raises(IndexStale, match="MockEmbedding:unknown:8"):
        rag.open("index", embedder=MockEmbedding(8))
    with pytest.raises(IndexStale, match="MockEmbedding:unknown:8"):
        ingest.add(place / "news" / "sun.txt", "index", embedder=MockEmbedding(8))
    assert ingest.index("news", "index", embedder="minilm", rebuild=True).passages == 2
    ingest.index("news", "index", embedder=LetterEmbedder(), rebuild=True)
    with rag.open("index", embedder=LetterEmbedder()) as qa:
        assert qa.status().embedder == "letters"


# ---- Documents


def test_documents_of_a_reader_are_indexed_as_any_file(place: Path) -> None:
    def load() -> Iterator[Document]:
        return iter(SimpleDirectoryReader("news").load_data())

    assert to_jsonl(load(), "loaded.jsonl") == 2
    assert ingest.index("loaded.jsonl", "index").new == 2
    assert [path.name for path in place.glob("*loaded*")] == ["loaded.jsonl"]
    with rag.open("index") as qa:
        answer = qa.ask("Where did rain fall?")
        article = qa.article(answer.citations[0].passage.article.id)
        assert article.id == f"loaded.jsonl#{place / 'news' / 'rain.txt'}"
        assert answer.text == "Paris"
        assert article.text[answer.citations[0].start : answer.citations[0].end] in RAIN
        assert article.meta["file_name"] == "rain.txt"
    (place / "news" / "rain.txt").write_text(RAIN.replace("Paris", "Lyon"))
    to_jsonl(load(), "loaded.jsonl")
    summary = ingest.index("loaded.jsonl", "index")
    assert (summary.new, summary.changed, summary.unchanged, summary.removed) == (0, 1, 1, 0)


def test_what_a_document_tells_is_kept(place: Path) -> None:
    page = {"file_path": "/a/r.pdf", "file_name": "r.pdf", "page_label": "3"}
    web = {
        "source": "https://example.org/x",
        "published": date(2020, 1, 2),
        "tags": ["a", "b"],
        "n": 3,
        "o": {},
    }
    documents = [
        *DOCUMENTS,
        Document(text="Page\r\nthree.", metadata=page),
        Document(text="Page three again.", metadata=page),
        Document(text="Web.", metadata=web | {"id": "mine", "text": "mine", "nan": float("nan")}),
        Document(text="Bare."),
    ]
    to_jsonl(documents, "d.jsonl")
    rows = [json.loads(line) for line in Path("d.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows[:5]] == [
        "rain",
        "sun",
        "/a/r.pdf#3",
        "/a/r.pdf#3#2",
        "https://example.org/x",
    ]
    assert rows[0] == {"id": "rain", "text": RAIN, "title": "Rain", "source": "BBC", "date": "2017-02-19"}
    assert (rows[2]["title"], rows[2]["text"]) == ("r.pdf, page 3", "Page\nthree.")
    assert (rows[4]["url"], rows[4]["date"], rows[4]["tags"]) == (
        "https://example.org/x",
        "2020-01-02",
        "a, b",
    )
    assert rows[4]["text"] == "Web."
    assert "o" not in rows[4]
    to_jsonl([Document(text="Bare.")], "again.jsonl")
    assert json.loads(Path("again.jsonl").read_text())["id"] == rows[5]["id"], "the same without a place"
    assert ingest.index("d.jsonl", "index").failed == ()


def test_a_file_that_cannot_be_written_stays(place: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere/d\.jsonl: cannot be written"):
        to_jsonl(DOCUMENTS, "nowhere/d.jsonl")
    (place / "d.jsonl").write_text("old")
    with pytest.raises(AttributeError):
        to_jsonl([*DOCUMENTS, None], "d.jsonl")
    assert (place / "d.jsonl").read_text() == "old"


# ---- A retriever


def test_nodes_are_slices_of_their_documents() -> None:
    known = Documents(DOCUMENTS)
    hits = LlamaRetriever(store_of(chunk_size=24), known).retrieve(SUN, 9)
    texts = {document.node_id: document.text for document in DOCUMENTS}
    assert len(hits) > 3
    for hit in hits:
        passage = hit.passage
        assert passage.article.text == texts[passage.article.id]
        assert passage.text and passage.text in texts[passage.article.id]
    assert len({hit.passage.id for hit in hits}) == len(hits)
    sun = hits[0].passage.article
    assert (sun.id, sun.title, sun.source, sun.published) == ("sun", "Sun", "Reuters", date(2020, 7, 1))
    assert known.article("sun") == sun
    assert known.n_articles == 2


def test_without_documents_a_node_is_its_own_article() -> None:
    known = Documents()
    (hit,) = LlamaRetriever(store_of(), known).retrieve(RAIN, 1)
    assert hit.passage.text == hit.passage.article.text == RAIN
    assert hit.passage.article.title == "Rain"
    assert known.article(hit.passage.article.id) == hit.passage.article
    assert known.n_articles == 1
    with pytest.raises(ArticleMissing):
        known.article("rain")


def test_offsets_that_do_not_hold_are_not_believed() -> None:
    node = TextNode(text="shone in Rome", id_="n", start_char_idx=0, end_char_idx=13)
    node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="sun")
    known = Documents(DOCUMENTS)
    (passage,) = known.passages(node)
    assert (passage.article.id, passage.text) == ("n", "shone in Rome")
    start = SUN.index("shone")
    node.start_char_idx, node.end_char_idx = start, start + 13
    (passage,) = known.passages(node)
    assert (passage.article.id, passage.start) == ("sun", start)
    assert known.passages(TextNode(text=" \n")) == []


def test_a_filter_looks_further() -> None:
    many = [Document(text=RAIN + f" No {n}.", metadata={"source": "BBC"}) for n in range(30)]
    retriever = LlamaRetriever(store_of([*many, *DOCUMENTS]))
    assert {hit.passage.article.source for hit in retriever.retrieve(RAIN, 5)} == {"BBC"}
    (hit,) = retriever.retrieve(RAIN, 5, Where(sources=("Reuters",)))
    assert hit.passage.article.title == "Sun"
    dated = retriever.retrieve(RAIN, 5, Where(since=date(2017, 2, 19), until=date(2019, 1, 1)))
    assert [hit.passage.article.title for hit in dated] == ["Rain"]
    assert retriever.retrieve(RAIN, 5, Where(since=date(2021, 1, 1))) == []
    only = Where(articles=(hit.passage.article.id,))
    assert [hit.passage.article.title for hit in retriever.retrieve(RAIN, 5, only)] == ["Sun"]
    assert MOST_NODES >= 32


class Given(BaseRetriever):
    """Gives the nodes that it was given, and counts how often."""

    def __init__(self, *nodes: NodeWithScore) -> None:
        super().__init__()
        self.nodes, self.n = nodes, 0

    def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        self.n += 1
        if not self.nodes:
            raise TimeoutError("the key is sk-12345")
        return list(self.nodes)


def scored(text: str, score: float | None, id: str) -> NodeWithScore:
    return NodeWithScore(node=TextNode(text=text, id_=id), score=score)


def test_best_first_ties_by_id_and_at_most_k() -> None:
    tied = [scored(letter, 0.5, letter) for letter in "bcda"]
    retriever = LlamaRetriever(Given(scored("best", 0.9, "z"), *tied, scored("unscored", None, "y")))
    hits = retriever.retrieve("What?", 9)
    assert (hits[0].passage.text, hits[-1].passage.text) == ("best", "unscored")
    ids = [hit.passage.id for hit in hits[1:5]]
    assert ids == sorted(ids)
    assert [hit.passage.id for hit in LlamaRetriever(Given(*tied[::-1])).retrieve("What?", 9)] == ids
    assert all(left.score > right.score for left, right in pairwise(hits))
    assert hits[0].score == 2 / 6, "as a passage that both of ours put first"
    assert hits[1].ranks == {"llama-index": 2}
    assert retriever.retrieve("What?", 2) == hits[:2]
    assert max(hit.passage.id for hit in hits) < 2**53, "whole in JSON"


def test_a_retriever_of_fixed_size_is_asked_once() -> None:
    source = Given(scored("one", 0.9, "a"), scored("two", 0.8, "b"))
    assert len(LlamaRetriever(source).retrieve("What?", 2, Where(sources=("none",)))) == 0
    assert source.n == 1


def test_a_long_node_is_several_passages() -> None:
    text = " ".join(f"Sentence {n} says that it rained in town {n}." for n in range(100))
    hits = LlamaRetriever(Given(scored(text, 0.9, "a"), scored("short", 0.8, "b"))).retrieve("What?", 50)
    assert all(len(hit.passage.text) <= 1000 for hit in hits)
    assert " ".join(hit.passage.text for hit in hits[:-1]) == text
    assert hits[-1].passage.text == "short"
    ids = [hit.passage.id for hit in hits[:-1]]
    assert ids == sorted(set(ids))


def test_faiss_and_its_distances() -> None:
    from llama_index.vector_stores.faiss import FaissVectorStore

    context = StorageContext.from_defaults(vector_store=FaissVectorStore(faiss_index=faiss.IndexFlatL2(26)))
    retriever = LlamaRetriever(store_of(storage_context=context), Documents(DOCUMENTS))
    hits = retriever.retrieve(SUN, 2)
    assert [hit.passage.article.id for hit in hits] == ["sun", "rain"]
    assert hits[0].score > hits[1].score, "a distance is better when it is small, our score when it is large"
    assert [hit.passage.article.id for hit in retriever.retrieve(SUN, 2, Where(sources=("BBC",)))] == ["rain"]


def test_what_was_put_in_twice_is_found_once() -> None:
    index = store_of()
    index.insert(DOCUMENTS[0])
    hits = LlamaRetriever(index, Documents(DOCUMENTS)).retrieve(RAIN, 9)
    assert [hit.passage.article.id for hit in hits] == ["rain", "sun"]


class Texts(SimpleVectorStore):
    """A vector store that keeps texts, as most servers do."""

    stores_text: bool = True
    kept: dict[str, Any] = {}  # noqa: RUF012 a field of pydantic

    def add(self, nodes: Any, **more: Any) -> list[str]:
        self.kept.update({node.node_id: node for node in nodes})
        ids: list[str] = super().add(nodes, **more)
        return ids

    def query(self, query: Any, **more: Any) -> VectorStoreQueryResult:
        found = super().query(query, **more)
        found.nodes = [self.kept[id] for id in found.ids]
        return found


def test_a_vector_store_comes_with_its_embedding() -> None:
    store = Texts()
    store_of(storage_context=StorageContext.from_defaults(vector_store=store))
    hits = LlamaRetriever(store, Documents(DOCUMENTS), Letters()).retrieve(RAIN, 1)
    assert [hit.passage.article.id for hit in hits] == ["rain"]
    for unfit in ((store, None, None), (SimpleVectorStore(), None, Letters()), ("index", None, None)):
        with pytest.raises(SettingsError, match="cannot be asked"):
            LlamaRetriever(*unfit)


def test_a_store_that_fails_says_so_and_keeps_its_key() -> None:
    with pytest.raises(IndexFault, match="Given failed with TimeoutError") as caught:
        LlamaRetriever(Given()).retrieve("What?", 2)
    assert "sk-" not in str(caught.value)


def test_a_pipeline_over_a_store_answers_with_proof() -> None:
    with pipeline(store_of(), DOCUMENTS) as qa:
        answer = qa.ask("Where did rain fall?")
        assert answer.text == "Paris"
        citation = answer.citations[0]
        assert qa.article("rain").text[citation.start : citation.end] == citation.quote
        assert qa.ask("Who won the World Cup?").mode == "abstain"
        assert qa.ask("Where did rain fall?", where=Where(sources=("Reuters",))).text != "Paris"
        assert qa.status().n_articles == 2
        assert qa.spread("Paris") == []
    read = pipeline(Given(scored(SUN, 0.9, "n")), k=1, reader=FirstSentence()).ask("Where was the sun?")
    assert read.text == "The sun shone in Rome."


def test_objects_and_names_reach_the_wiring(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str, Any, Any]] = []

    def wired(settings: Any, embedder: Any = None, llm: Any = None) -> None:
        seen.append((settings.embedder, settings.llm, embedder, llm))

    monkeypatch.setattr("rag.wiring.pipeline", wired)
    letters, model = LetterEmbedder(), MockLLM()
    rag.open("index", embedder=letters, llm=model)
    rag.open("index", embedder="some/model", llm="ollama/llama3.2")
    assert seen == [("minilm", "", letters, model), ("some/model", "ollama/llama3.2", None, None)]
