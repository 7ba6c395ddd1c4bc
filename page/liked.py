"""The answers that people gave a thumb up on the page, as saved questions to ask again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from page.conversations import CONVERSATIONS, Conversations
from page.record import Quote, Record
from rag.evaluation import record
from rag.evaluation.saved import Kept, Saved


def liked(index: str | Path) -> list[Saved]:
    """Return what was liked on the page of an index, by anybody, oldest first; each question stands alone.

    Raises:
        ConversationsFault: the kept conversations cannot be read.
    """
    path = Path(index) / CONVERSATIONS
    if not path.is_file():
        return []
    with closing(Conversations(path)) as kept:
        return [_saved(n, found) for n, found in enumerate(kept.liked(), start=1)]


def _saved(n: int, found: Record) -> Saved:
    question = record.Question(f"liked-{n}", found.searched_for or found.question)
    return Saved(question, found.text, found.mode, tuple(map(_kept, found.quotes)), found.where)


def _kept(quote: Quote) -> Kept:
    article = quote.passage.article
    return Kept(record.Quote(article.id, article.title, quote.start, quote.end, quote.text), article.sha256)
