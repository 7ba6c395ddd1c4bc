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
from llama_index.core.chat_engine.types import StreamingAgentChatResponse
from llama_index.core.llms import ChatMessage, MessageRole, MockLLM
from llama_index.core.memory import Memory
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, QueryBundle
from llama_index.core.tools import QueryEngineTool

from rag.conversation import Rules
from rag.domain import (
    EVERYWHERE,
    Answer,
    Article,
    Citation,
    Draft,
    Exchange,
    Hit,
    Passage,
    Rewriter,
    Sentence,
    Steps,
    Where,
    spoken,
)
from rag.errors import QuestionError
from rag.llama import CitewiseChatEngine, CitewiseQueryEngine, CitewiseRetriever, exchanges
from rag.pipeline import N_SPARE, Pipeline
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


RAIN = Citation(1, HITS[0].passage, 10, 29)
SUN = Citation(2, HITS[1].passage, 0, 10)
WET = Sentence("Paris was wet.", "supported", (RAIN,))
DRY = Sentence("Rome was dry.", "unsupported", why="Rome is in no passage.")
SHONE = Sentence("Sun shone.", "verbatim", (SUN,))


def written(question: str, *sentences: Sentence) -> Answer:
    cited = tuple(citation for sentence in sentences for citation in sentence.citations)
    return Answer(
        question, spoken(sentences), cited, 0.75, tuple(HITS), mode="write", sentences=sentences, route="why"
    )


class Writes(AtOnce):
    """Writes three sentences one by one, the second of which is not proved."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        return written(question, WET, DRY, SHONE)

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        try:
            for n, unjudged in enumerate(["Paris was", "Rome was", "Sun", ""]):
                self.done.append(unjudged)
                yield Draft((WET, DRY, SHONE)[:n], unjudged)
            self.done.append("all")
            yield self.read(question, hits)
        finally:
            self.done.append("closed")


class ThinksAgain(Writes):
    """Proves a sentence, and then answers otherwise."""

    def stream(self, question: str, hits: Sequence[Hit]) -> Steps:
        yield Draft((WET,))
        yield written(question, SHONE)


class Recording(FixedRetriever):
    """Remembers what it was asked for, and on which thread."""

    def retrieve(self, question: str, k: int, where: Where = EVERYWHERE) -> list[Hit]:
        self.asked, self.thread = (question, k, where), threading.get_ident()
        return super().retrieve(question, k, where)


class Echoes(AtOnce):
    """Answers by rules alone: with the first sentence, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        self.asked.append(question)
        return FirstSentence().read(question, hits)


def pipeline(
    reader: object = None, retriever: FixedRetriever | None = None, rewriter: Rewriter | None = None
) -> Pipeline:
    index = SimpleNamespace(note=None, n_articles=2, refresh=lambda: None, close=lambda: None)
    found, read = retriever or FixedRetriever(HITS), reader or FirstSentence()
    return Pipeline(index, found, read, rewriter or AsItIs(), 8)  # type: ignore[arg-type]


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
        "page": "",
        "also_in": "",
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
    assert retriever.asked == ("What shone?", 2 + N_SPARE, where)
    CitewiseQueryEngine(pipeline(retriever=retriever)).query("What shone?")
    assert retriever.asked == ("What shone?", 8 + N_SPARE, EVERYWHERE)


def test_an_answer_comes_with_its_quotes_and_what_was_read() -> None:
    answer = CitewiseQueryEngine(pipeline(QuotesTheLast())).query(QueryBundle("What shone?"))
    assert str(answer) == "Sun"
    assert [source.node.node_id for source in answer.source_nodes] == ["9", "7"], (
        "the cited passage comes first"
    )
    assert [source.score for source in answer.source_nodes] == [1.0, 2.0]
    assert answer.metadata == {
        "answered": True,
        "mode": "quote",
        "route": "",
        "searched_for": "What shone?",
        "confidence": 0.75,
        "reason": None,
        "note": None,
        "quotes": [{"n": 1, "quote": "Sun", "article": "sun.txt", "start": 0, "end": 3, "node_id": "9"}],
        "sentences": [],
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


WRITTEN = "Paris was wet. [1] Sun shone. [2]"


def test_a_written_answer_says_what_is_proved_and_by_which_quote() -> None:
    answer = CitewiseQueryEngine(pipeline(Writes())).query("Why was it wet?")
    assert str(answer) == WRITTEN
    assert (answer.metadata["mode"], answer.metadata["route"]) == ("write", "why")
    assert answer.metadata["sentences"] == [
        {"text": "Paris was wet.", "status": "supported", "citations": [1], "why": ""},
        {"text": "Rome was dry.", "status": "unsupported", "citations": [], "why": "Rome is in no passage."},
        {"text": "Sun shone.", "status": "verbatim", "citations": [2], "why": ""},
    ]


def test_a_stream_says_each_sentence_once_it_is_proved() -> None:
    writer = Writes()
    streamed = CitewiseQueryEngine(pipeline(writer), streaming=True).query("Why was it wet?")
    assert writer.done == ["Paris was", "Rome was"], (
        "the first sentence is proved, the second is being written"
    )
    assert (streamed.source_nodes, streamed.metadata) == ([], {})
    assert list(streamed.response_gen) == ["Paris was wet. [1]", " Sun shone. [2]"]
    at_once = CitewiseQueryEngine(pipeline(writer)).query("Why was it wet?")
    assert streamed.source_nodes == at_once.source_nodes
    assert streamed.metadata == at_once.metadata


def test_a_stream_that_is_left_stops_the_writer() -> None:
    writer = Writes()
    streamed = CitewiseQueryEngine(pipeline(writer), streaming=True).query("Why was it wet?")
    next(streamed.response_gen)
    streamed.response_gen.close()
    assert writer.done == ["Paris was", "Rome was", "closed"]


def test_an_async_stream_does_the_same_on_a_thread_of_its_own() -> None:
    retriever, writer = Recording(HITS), Writes()
    engine = CitewiseQueryEngine(pipeline(writer, retriever), streaming=True)

    async def told() -> tuple[str, object]:
        streamed = await engine.aquery("Why was it wet?")
        return "|".join([piece async for piece in streamed.async_response_gen()]), streamed.metadata["mode"]

    async def left() -> None:
        streamed = await engine.aquery("Why was it wet?")
        await anext(streamed.response_gen)
        await streamed.response_gen.aclose()

    assert asyncio.run(told()) == ("Paris was wet. [1]| Sun shone. [2]", "write")
    assert retriever.thread != threading.get_ident()
    writer.done.clear()
    asyncio.run(left())
    assert writer.done == ["Paris was", "Rome was", "closed"]


def test_a_quote_and_silence_stream_too() -> None:
    quoted = CitewiseQueryEngine(pipeline(QuotesTheLast()), streaming=True).query("What shone?")
    assert quoted.metadata["answered"]
    assert [source.node.node_id for source in quoted.source_nodes] == ["9", "7"]
    assert str(quoted) == "Sun"
    assert str(CitewiseQueryEngine(pipeline(Abstains()), streaming=True).query("Who won?")).startswith(
        "The articles"
    )
    with pytest.raises(QuestionError, match="empty"):
        CitewiseQueryEngine(pipeline(), streaming=True).query("  ")


def test_an_answer_that_comes_in_place_of_a_draft_follows_it() -> None:
    streamed = CitewiseQueryEngine(pipeline(ThinksAgain()), streaming=True).query("Why was it wet?")
    assert str(streamed) == "Paris was wet. [1]\n\nSun shone. [2]"


def test_a_chat_answers_with_sources_and_keeps_what_was_said() -> None:
    chat = CitewiseChatEngine(pipeline(Writes()))
    answer = chat.chat("Why was it wet?")
    assert str(answer) == WRITTEN
    assert [source.node.node_id for source in answer.source_nodes] == ["7", "9"]
    assert answer.metadata["mode"] == "write"
    (source,) = answer.sources
    assert (source.tool_name, source.content) == ("query_engine", WRITTEN)
    assert source.raw_input == {"query": "Why was it wet?"}
    assert source.raw_output == CitewiseQueryEngine(pipeline(Writes())).query("Why was it wet?")
    said = [(message.role, message.content) for message in chat.chat_history]
    assert said == [(MessageRole.USER, "Why was it wet?"), (MessageRole.ASSISTANT, WRITTEN)]
    chat.reset()
    assert chat.chat_history == []


OBAMA = [
    ChatMessage("When did Barack Obama visit Paris?", role=MessageRole.USER),
    ChatMessage("Barack Obama visited Paris in 2015. [1][2]", role=MessageRole.ASSISTANT),
]


def test_a_follow_up_is_made_standalone() -> None:
    reader = Echoes()
    chat = CitewiseChatEngine(pipeline(reader, rewriter=Rules()))
    chat.chat("When did Barack Obama visit Paris?")
    answer = chat.chat("When did he leave?")
    assert reader.asked[-1] == "When did Barack Obama leave?"
    assert answer.sources[0].raw_input == {"query": reader.asked[-1]}
    assert answer.metadata["searched_for"] == reader.asked[-1]
    assert chat.chat_history[2].content == "When did he leave?"
    chat.reset()
    chat.chat("When did he leave?")
    assert reader.asked[-1] == "When did he leave?"


def test_a_history_of_the_caller_is_used() -> None:
    for given in ({"chat_history": OBAMA}, {"memory": Memory.from_defaults(chat_history=list(OBAMA))}):
        reader = Echoes()
        chat = CitewiseChatEngine(pipeline(reader, rewriter=Rules()), **given)
        chat.chat("When did he leave?")
        assert reader.asked == ["When did Barack Obama leave?"]
        assert len(chat.chat_history) == 4
        chat.chat("When did he leave?", chat_history=[])
        assert reader.asked[-1] == "When did he leave?"
        assert len(chat.chat_history) == 2, "it takes the place of what was said"


def test_turns_are_pairs_of_a_history_each_understood_by_itself() -> None:
    said = [
        ChatMessage("Be brief.", role=MessageRole.SYSTEM),
        *OBAMA,
        ChatMessage("When did he leave?", role=MessageRole.USER),
        ChatMessage("The articles do not say.", role=MessageRole.ASSISTANT),
        ChatMessage("Who was the mayor of Paris in 2015?", role=MessageRole.USER),
    ]
    assert exchanges(said) == (
        Exchange("When did Barack Obama visit Paris?", "Barack Obama visited Paris in 2015."),
        Exchange("When did Barack Obama leave?"),
        Exchange("Who was the mayor of Paris in 2015?"),
    )
    assert len(exchanges(OBAMA * 100)) < 10


def test_a_chat_streams() -> None:
    retriever = Recording(HITS)
    chat = CitewiseChatEngine(pipeline(Writes(), retriever), 2, Where(sources=("BBC",)))
    streamed = chat.stream_chat("Why was it wet?")
    assert isinstance(streamed, StreamingAgentChatResponse)
    assert list(streamed.response_gen) == ["Paris was wet. [1]", " Sun shone. [2]"]
    assert str(streamed) == WRITTEN
    assert [source.node.node_id for source in streamed.source_nodes] == ["7", "9"]
    assert streamed.sources[0].raw_output.metadata["mode"] == "write"
    assert [message.content for message in chat.chat_history] == ["Why was it wet?", WRITTEN]
    assert retriever.asked == ("Why was it wet?", 2 + N_SPARE, Where(sources=("BBC",)))
    with pytest.raises(QuestionError):
        chat.stream_chat(" ")
    assert len(chat.chat_history) == 2


def test_a_chat_is_async_too() -> None:
    chat = CitewiseChatEngine(pipeline(Writes()))

    async def talk() -> tuple[str, list[str], str]:
        first = await chat.achat("Why was it wet?")
        streamed = await chat.astream_chat("Why was it dry?")
        pieces = [piece async for piece in streamed.async_response_gen()]
        return str(first), pieces, streamed.sources[0].raw_output.metadata["mode"]

    assert asyncio.run(talk()) == (WRITTEN, ["Paris was wet. [1]", " Sun shone. [2]"], "write")
    assert [message.content for message in chat.chat_history[2:]] == ["Why was it dry?", WRITTEN]


def test_only_this_module_brings_llama_index() -> None:
    code = (
        "import rag, rag.wiring, sys; assert not any(m.split('.')[0] == 'llama_index' for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
