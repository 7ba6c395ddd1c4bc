"""Our pipeline inside llama-index: what its users expect of nodes, responses, tools and async calls."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, QueryBundle
from llama_index.core.tools import QueryEngineTool

from rag.domain import EVERYWHERE, Answer, Article, Citation, Hit, Passage, Where
from rag.errors import QuestionError
from rag.llama import CitewiseQueryEngine, CitewiseRetriever
from rag.pipeline import Pipeline
from tests.fakes import AsItIs, AtOnce, FirstSentence, FixedRetriever

WEATHER = Article(
    "news/rain.md",
    "Rain",
    "Old news. Rain fell in Paris.",
    "BBC",
    date(2017, 2, 19),
    "https://example.org/rain",
)
BARE = Article("sun.txt", "Sun", "Sun shone. It was warm.")
HITS = [Hit(Passage(7, WEATHER, 10, 29), 2.0), Hit(Passage(9, BARE, 0, 23), 1.0)]


class QuotesTheLast(AtOnce):
    """Answers with the first word of the last hit."""

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        passage = hits[-1].passage
        citation = Citation(1, passage, passage.start, passage.start + 3)
        return Answer(question, citation.quote, (citation,), 0.75, tuple(hits), mode="quote")


class Abstains(AtOnce):
    """Never answers."""

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        return Answer(question, confidence=0.2, hits=tuple(hits), reason="No passage answers it.")


class Recording(FixedRetriever):
    """Remembers what it was asked for, and on which thread."""

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        self.asked, self.thread = (question, k, where), threading.get_ident()
        return super().retrieve(question, k, where)


def pipeline(reader: object = None, retriever: FixedRetriever | None = None) -> Pipeline:
    index = SimpleNamespace(note=None, n_articles=2, refresh=lambda: None, close=lambda: None)
    found, read = retriever or FixedRetriever(HITS), reader or FirstSentence()
    return Pipeline(index, found, read, AsItIs(), 8)  # type: ignore[arg-type]


def test_a_node_says_which_passage_of_which_article_it_is() -> None:
    first, second = CitewiseRetriever(pipeline()).retrieve("What fell in Paris?")
    assert (first.score, second.score) == (2.0, 1.0)
    assert first.node.node_id == "7"
    assert first.node.get_content() == "Rain fell in Paris."
    assert WEATHER.text[first.node.start_char_idx : first.node.end_char_idx] == first.node.get_content()
    assert first.node.ref_doc_id == "news/rain.md"
    assert first.node.metadata == {
        "article": "news/rain.md",
        "title": "Rain",
        "source": "BBC",
        "date": "2017-02-19",
        "url": "https://example.org/rain",
    }
    assert "title: Rain" in first.node.get_content(MetadataMode.LLM)
    assert second.node.metadata["date"] == ""


def test_k_and_where_reach_the_pipeline() -> None:
    where = Where(sources=("BBC",))
    retriever = Recording(HITS)
    assert (
        len(CitewiseRetriever(pipeline(retriever=retriever), 1, where).retrieve("What fell in Paris?")) == 1
    )
    assert retriever.asked == ("What fell in Paris?", 1, where)
    CitewiseQueryEngine(pipeline(retriever=retriever), 2, where).query("What shone?")
    assert retriever.asked == ("What shone?", 2, where)
    CitewiseQueryEngine(pipeline(retriever=retriever)).query("What shone?")
    assert retriever.asked == ("What shone?", 8, EVERYWHERE)


def test_an_answer_comes_with_its_quotes_and_what_was_read() -> None:
    answer = CitewiseQueryEngine(pipeline(QuotesTheLast())).query(QueryBundle("What shone?"))
    assert str(answer) == "Sun"
    assert [source.node.node_id for source in answer.source_nodes] == ["9", "7"], (
        "the cited passage comes first"
    )
    assert [source.score for source in answer.source_nodes] == [1.0, 2.0]
    assert answer.metadata == {
        "answered": True,
        "confidence": 0.75,
        "reason": None,
        "note": None,
        "quotes": [{"n": 1, "quote": "Sun", "article": "sun.txt", "start": 0, "end": 3, "node_id": "9"}],
    }


def test_abstaining_says_so() -> None:
    answer = CitewiseQueryEngine(pipeline(Abstains())).query("Who won?")
    assert answer.response == "The articles do not say."
    assert answer.metadata is not None
    assert not answer.metadata["answered"]
    assert answer.metadata["confidence"] == 0.2
    assert answer.metadata["reason"] == "No passage answers it."
    assert answer.metadata["quotes"] == []
    assert len(answer.source_nodes) == 2


def test_async_gives_the_same_on_a_thread_of_its_own() -> None:
    retriever = Recording(HITS)
    ours = pipeline(QuotesTheLast(), retriever)
    answer = asyncio.run(CitewiseQueryEngine(ours).aquery("What shone?"))
    assert retriever.thread != threading.get_ident()
    assert answer == CitewiseQueryEngine(ours).query("What shone?")
    assert retriever.thread == threading.get_ident()
    nodes = asyncio.run(CitewiseRetriever(ours).aretrieve("What shone?"))
    assert retriever.thread != threading.get_ident()
    assert nodes == CitewiseRetriever(ours).retrieve("What shone?")


def test_the_retriever_serves_a_llama_index_engine_and_the_engine_a_tool() -> None:
    synthesised = RetrieverQueryEngine.from_args(CitewiseRetriever(pipeline()), llm=MockLLM()).query(
        "What fell?"
    )
    assert "Rain fell in Paris." in str(synthesised)
    tool = QueryEngineTool.from_defaults(CitewiseQueryEngine(pipeline(QuotesTheLast())))
    assert tool.call(input="What shone?").content == "Sun"


def test_callbacks_hear_of_the_question() -> None:
    heard = LlamaDebugHandler(print_trace_on_end=False)
    CitewiseQueryEngine(pipeline(), callback_manager=CallbackManager([heard])).query("What fell?")
    assert [str(end.payload["response"]) for _, end in heard.get_event_pairs(CBEventType.QUERY)] == [
        "Rain fell in Paris."
    ]


def test_a_question_that_cannot_be_asked_is_our_error() -> None:
    with pytest.raises(QuestionError, match="empty"):
        CitewiseQueryEngine(pipeline()).query("  ")


def test_only_this_module_brings_llama_index() -> None:
    code = (
        "import rag, rag.wiring, sys; assert not any(m.split('.')[0] == 'llama_index' for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
