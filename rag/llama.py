"""Our pipeline as a llama-index retriever, query engine and chat engine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.base.response.schema import AsyncStreamingResponse, Response, StreamingResponse
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, trace_method
from llama_index.core.chat_engine.types import AgentChatResponse, BaseChatEngine, StreamingAgentChatResponse
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.tools import ToolOutput
from llama_index.core.types import Thread

from rag.conversation import LOOK_BACK, Rules
from rag.domain import EVERYWHERE, Answer, Exchange, Steps, Where
from rag.llama_response import Telling, response, scored
from rag.pipeline import Pipeline
from rag.render import SILENCE

_MARKS = re.compile(r" ?(?:\[\d+\])+")


class _Over:
    """The start that two parts share; it stands before the class of llama-index that takes callbacks."""

    def __init__(
        self,
        pipeline: Pipeline,
        k: int | None = None,
        where: Where = EVERYWHERE,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """``k`` is the pipeline's own unless given."""
        super().__init__(callback_manager)  # type: ignore[call-arg]
        self._pipeline, self._k, self._where = pipeline, k, where


class CitewiseRetriever(_Over, BaseRetriever):
    """Finds passages for llama-index: nodes, best first. A query's own embedding is not used."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [scored(hit) for hit in self._pipeline.search(query_bundle.query_str, self._k, self._where)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class CitewiseQueryEngine(_Over, BaseQueryEngine):
    """Answers for llama-index: what ``Pipeline.ask`` says, as a Response (see ``response``)."""

    def __init__(
        self,
        pipeline: Pipeline,
        k: int | None = None,
        where: Where = EVERYWHERE,
        callback_manager: CallbackManager | None = None,
        streaming: bool = False,
    ) -> None:
        """``k`` is the pipeline's own unless given.

        ``streaming`` gives a StreamingResponse at the first sentence that is proved; its source nodes and
        metadata are there once its text is.
        """
        super().__init__(pipeline, k, where, callback_manager)
        self._streaming = streaming

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}

    def _query(self, query_bundle: QueryBundle) -> Response | StreamingResponse:
        asked = query_bundle.query_str
        with self.callback_manager.event(CBEventType.QUERY, payload={EventPayload.QUERY_STR: asked}) as event:
            found = self._streamed(asked, StreamingResponse) if self._streaming else self._answered(asked)
            event.on_end(payload={EventPayload.RESPONSE: found})
        return found

    async def _aquery(self, query_bundle: QueryBundle) -> Response | AsyncStreamingResponse:
        if not self._streaming:
            return await asyncio.to_thread(self._query, query_bundle)
        asked = query_bundle.query_str
        with self.callback_manager.event(CBEventType.QUERY, payload={EventPayload.QUERY_STR: asked}) as event:
            found = await asyncio.to_thread(self._streamed, asked, AsyncStreamingResponse)
            event.on_end(payload={EventPayload.RESPONSE: found})
        return found

    def _answered(self, asked: str) -> Response:
        return response(self._pipeline.ask(asked, self._k, self._where))

    def _streamed(self, asked: str, kind: type[Any]) -> Any:
        streamed = kind(None, metadata={})

        def complete(answer: Answer) -> None:
            whole = response(answer)
            streamed.source_nodes.extend(whole.source_nodes)
            streamed.metadata.update(whole.metadata)

        telling = Telling(self._pipeline.stages(asked, self._k, self._where), complete)
        streamed.response_gen = telling.apieces() if kind is AsyncStreamingResponse else telling.pieces()
        return streamed


class CitewiseChatEngine(BaseChatEngine):
    """Converses for llama-index: a follow-up is made standalone, then answered as by the query engine.

    A response has one source, the query engine's Response, whose input is the question that was searched for.
    A stream's source and its nodes are there once its text is.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        k: int | None = None,
        where: Where = EVERYWHERE,
        chat_history: list[ChatMessage] | None = None,
        memory: BaseMemory | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """``k`` is the pipeline's own unless given; ``memory`` keeps the history, which else ends with this."""
        self._pipeline, self._k, self._where = pipeline, k, where
        self._memory = memory or ChatMemoryBuffer.from_defaults(tokenizer_fn=str.split)
        self.callback_manager = callback_manager or CallbackManager([])
        if chat_history is not None:
            self._memory.set(list(chat_history))  # which it would add to

    @property
    def chat_history(self) -> list[ChatMessage]:
        """All messages, oldest first."""
        history: list[ChatMessage] = self._memory.get_all()
        return history

    def reset(self) -> None:
        """Begin anew."""
        self._memory.reset()

    @trace_method("chat")
    def chat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AgentChatResponse:
        """Answer a message; ``chat_history`` takes the place of what was said so far.

        Raises:
            QuestionError: as for ``Pipeline.ask``; the message is then not kept.
        """
        *_, answer = self._stages(message, chat_history)
        assert isinstance(answer, Answer)
        whole = response(answer)
        self._memory.put(ChatMessage(message, role=MessageRole.USER))
        self._memory.put(ChatMessage(whole.response, role=MessageRole.ASSISTANT))
        return AgentChatResponse(
            whole.response, [sourced(answer, whole)], whole.source_nodes, metadata=whole.metadata
        )

    @trace_method("chat")
    def stream_chat(
        self, message: str, chat_history: list[ChatMessage] | None = None
    ) -> StreamingAgentChatResponse:
        """Answer a message sentence by sentence, each once it is proved; as ``chat`` otherwise."""
        streamed, telling = self._streamed(message, chat_history)
        streamed.chat_stream = _messages(telling.pieces())
        thread = Thread(target=streamed.write_response_to_history, args=(self._memory,))
        streamed.write_response_to_history_thread = thread
        thread.start()
        return streamed

    async def achat(self, message: str, chat_history: list[ChatMessage] | None = None) -> AgentChatResponse:
        """Do the same as ``chat`` on another thread."""
        return await asyncio.to_thread(self.chat, message, chat_history)

    async def astream_chat(
        self, message: str, chat_history: list[ChatMessage] | None = None
    ) -> StreamingAgentChatResponse:
        """Do the same as ``stream_chat`` on another thread."""
        streamed, telling = await asyncio.to_thread(self._streamed, message, chat_history)
        streamed.achat_stream = _amessages(telling.apieces())
        writing = streamed.awrite_response_to_history(self._memory)
        streamed.awrite_response_to_history_task = asyncio.create_task(writing)
        return streamed

    def _stages(self, message: str, chat_history: list[ChatMessage] | None) -> Steps:
        if chat_history is not None:
            self._memory.set(list(chat_history))  # which it would add to
        return self._pipeline.stages(message, self._k, self._where, exchanges(self.chat_history))

    def _streamed(
        self, message: str, chat_history: list[ChatMessage] | None
    ) -> tuple[StreamingAgentChatResponse, Telling]:
        streamed = StreamingAgentChatResponse()

        def complete(answer: Answer) -> None:
            whole = response(answer)
            streamed.sources.append(sourced(answer, whole))
            streamed.source_nodes.extend(whole.source_nodes)

        telling = Telling(self._stages(message, chat_history), complete)
        self._memory.put(ChatMessage(message, role=MessageRole.USER))
        return streamed, telling


def _messages(pieces: Iterator[str]) -> Iterator[ChatResponse]:
    said = ""
    for piece in pieces:
        said += piece
        yield ChatResponse(message=ChatMessage(said, role=MessageRole.ASSISTANT), delta=piece)


async def _amessages(pieces: AsyncIterator[str]) -> AsyncIterator[ChatResponse]:
    said = ""
    async for piece in pieces:
        said += piece
        yield ChatResponse(message=ChatMessage(said, role=MessageRole.ASSISTANT), delta=piece)


def exchanges(history: Sequence[ChatMessage]) -> tuple[Exchange, ...]:
    """Return the last turns of a history: each question as it would be searched for, and its answer's text."""
    turns: list[Exchange] = []
    for message in history[-2 * LOOK_BACK :]:
        text = message.content or ""
        if message.role == MessageRole.USER:
            turns.append(Exchange(Rules().rewrite(turns, text)))
        elif message.role == MessageRole.ASSISTANT and turns and not turns[-1].answer:
            answer = "" if text == SILENCE else _MARKS.sub("", text)
            turns[-1] = Exchange(turns[-1].question, answer)
    return tuple(turns)


def sourced(answer: Answer, whole: Response) -> ToolOutput:
    """Return a response as the source of a chat's: what was searched for in, and the response out."""
    searched = {"query": answer.searched_for or answer.question}
    return ToolOutput("query_engine", whole.response, raw_input=searched, raw_output=whole)
