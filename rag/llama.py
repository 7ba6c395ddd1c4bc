"""Our pipeline as a llama-index retriever and query engine."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode

from rag.domain import EVERYWHERE, Answer, Citation, Hit, Passage, Where
from rag.pipeline import Pipeline
from rag.render import SILENCE


class _Over:
    """The start that both parts share; it stands before the class of llama-index that takes callbacks."""

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

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}

    def _query(self, query_bundle: QueryBundle) -> Response:
        asked = {EventPayload.QUERY_STR: query_bundle.query_str}
        with self.callback_manager.event(CBEventType.QUERY, payload=asked) as event:
            found = response(self._pipeline.ask(query_bundle.query_str, self._k, self._where))
            event.on_end(payload={EventPayload.RESPONSE: found})
        return found

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)


def response(answer: Answer) -> Response:
    """Return an answer as llama-index gives answers; abstaining says so in words.

    Its source nodes are all passages that were read: the cited ones first in the order of citation, then the
    others as they ranked. Its metadata are ``answered``, ``confidence``, ``reason``, ``note`` and ``quotes``.
    """
    metadata = {
        "answered": answer.mode != "abstain",
        "confidence": answer.confidence,
        "reason": answer.reason,
        "note": answer.note,
        "quotes": [quoted(citation) for citation in answer.citations],
    }
    return Response(answer.text or SILENCE, [scored(hit) for hit in cited_first(answer)], metadata)


def cited_first(answer: Answer) -> list[Hit]:
    """Return the hits of an answer, those that it cites before the others."""
    cited = [citation.passage.id for citation in answer.citations]
    return sorted(
        answer.hits, key=lambda hit: cited.index(hit.passage.id) if hit.passage.id in cited else len(cited)
    )


def quoted(citation: Citation) -> dict[str, Any]:
    """Return a quote, the article that it counts in, and the node that it is from."""
    return {
        "n": citation.n,
        "quote": citation.quote,
        "article": citation.passage.article.id,
        "start": citation.start,
        "end": citation.end,
        "node_id": str(citation.passage.id),
    }


def scored(hit: Hit) -> NodeWithScore:
    """Return a hit as llama-index has hits."""
    return NodeWithScore(node=node(hit.passage), score=hit.score)


def node(passage: Passage) -> TextNode:
    """Return a passage as a node: its id, and its place in its article in code points."""
    article = passage.article
    return TextNode(
        id_=str(passage.id),
        text=passage.text,
        metadata={
            "article": article.id,
            "title": article.title,
            "source": article.source,
            "date": article.published.isoformat() if article.published else "",
            "url": article.url,
        },
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=article.id)},
    )
