"""An answer as llama-index gives answers: text, nodes and metadata, all at once or piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from threading import Lock
from typing import Any

from llama_index.core.base.response.schema import Response
from llama_index.core.schema import NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode

from rag.domain import Answer, Citation, Draft, Hit, Passage, Sentence, Steps, spoken
from rag.render import SILENCE, also_in, marked


def response(answer: Answer) -> Response:
    """Return an answer as llama-index gives answers; abstaining says so in words.

    Its source nodes are all passages that were read: the cited ones first in the order of citation, then the
    others as they ranked. Its metadata are ``answered``, ``mode``, ``route``, ``searched_for``,
    ``confidence``, ``reason``, ``note``, ``quotes`` and the ``sentences`` of a written answer.
    """
    metadata = {
        "answered": answer.mode != "abstain",
        "mode": answer.mode,
        "route": answer.route,
        "searched_for": answer.searched_for,
        "confidence": answer.confidence,
        "reason": answer.reason,
        "note": answer.note,
        "quotes": [quoted(citation) for citation in answer.citations],
        "sentences": [judged(sentence) for sentence in answer.sentences],
    }
    return Response(told(answer), [scored(hit) for hit in cited_first(answer)], metadata)


def judged(sentence: Sentence) -> dict[str, Any]:
    """Return a sentence of a written answer, its status, and the numbers of the quotes that prove it."""
    return {
        "text": sentence.text,
        "status": sentence.status,
        "citations": [citation.n for citation in sentence.citations],
        "why": sentence.why,
    }


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
            "page": article.page(passage.start) or "",
            "also_in": ", ".join(also_in(article)),
        },
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=article.id)},
    )


def told(step: Answer | Draft) -> str:
    """Return what an answer says, with the marks of its quotes if it is written; of a draft what is proved."""
    if isinstance(step, Answer):
        return marked(step) or SILENCE
    proved = tuple(sentence for sentence in step.sentences if sentence.citations)
    cited = tuple(citation for sentence in proved for citation in sentence.citations)
    return marked(Answer("", spoken(proved), cited, mode="write", sentences=proved)) if proved else ""


class Telling:
    """What an answer says, piece by piece while it grows. The first piece is waited for."""

    def __init__(self, steps: Steps, complete: Callable[[Answer], None]) -> None:
        """``complete`` is told the answer before its last piece is said."""
        self._steps, self._complete, self._turn, self._said = steps, complete, Lock(), ""
        self._first = self._next()

    def pieces(self) -> Iterator[str]:
        """Yield the text; closing this stops the work."""
        try:
            piece = self._first
            while piece:
                yield piece
                piece = self._next()
        finally:
            self._close()

    async def apieces(self) -> AsyncIterator[str]:
        """Yield the text, each piece made on another thread; closing this stops the work."""
        try:
            piece = self._first
            while piece:
                yield piece
                piece = await asyncio.to_thread(self._next)
        finally:
            await asyncio.to_thread(self._close)

    def _next(self) -> str:
        with self._turn:
            for step in self._steps:
                if isinstance(step, Answer):
                    self._complete(step)
                if isinstance(step, Answer | Draft) and (piece := self._more(step)):
                    return piece
        return ""

    def _more(self, step: Answer | Draft) -> str:
        said, before = told(step), self._said
        if said.startswith(before):
            self._said = said
            return said[len(before) :]
        return f"\n\n{said}" if isinstance(step, Answer) else ""  # another answer came in place of the draft

    def _close(self) -> None:
        with self._turn:  # a thread that was left alone may still be in them
            self._steps.close()
