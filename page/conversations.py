"""The kept conversations of the page, in one SQLite file: each is its owner's alone, and can be exported.

The file has a rollback journal, not a write-ahead log: before SQLite 3.51.3 a log can lose pages when two
programs that write checkpoint it at once, and what is deleted stays in it for a while.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from page.record import Record
from page.record_json import from_json
from page.record_json import to_json as record_json
from page.views import Conversation, Turn, Verdict
from rag.errors import ConversationMissing, ConversationsFault, IndexDamaged, IndexFault
from rag.index.database import BUSY_S, told
from rag.render import shortened, visible
from rag.text import fold, normalise, one_line

log = logging.getLogger("citewise")

CONVERSATIONS = "conversations.db"  # beside the generations of an index
FORMAT = 1
MAX_TITLE_CHARS = 80
MAX_REMARK_CHARS = 2000
_APPLICATION = int.from_bytes(b"CwCv")  # in the header of the file, so that no other is taken for ours
_SECRET_BYTES = 32
_ID_BYTES = 12  # 96 random bits: a link cannot be guessed
_MEND = "Put a backup in its place, or move it away: a new one is then begun."
_SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    """CREATE TABLE conversations (
        n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, title TEXT NOT NULL,
        folded TEXT NOT NULL, created TEXT NOT NULL, changed TEXT NOT NULL)""",
    "CREATE INDEX conversations_owner ON conversations (owner, changed)",
    """CREATE TABLE turns (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        conversation INTEGER NOT NULL REFERENCES conversations (n) ON DELETE CASCADE,
        verdict INTEGER NOT NULL DEFAULT 0 CHECK (verdict IN (-1, 0, 1)), remark TEXT NOT NULL DEFAULT '',
        suggestions TEXT NOT NULL DEFAULT '[]', folded TEXT NOT NULL, record BLOB NOT NULL)""",
    "CREATE INDEX turns_conversation ON turns (conversation, n)",
)
_FACTS = "c.id, c.title, c.created, c.changed, (SELECT count(*) FROM turns WHERE conversation = c.n)"
_SAID = "(SELECT c.folded || char(10) || group_concat(folded, char(10)) FROM turns WHERE conversation = c.n)"


class Conversations:
    """The kept conversations; threads may share it, and several programs the file.

    Every method raises ConversationsFault where the file cannot be read or written, and those that name a
    conversation or a turn raise ConversationMissing for one that this owner does not have.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path or Path(":memory:")
        self._lock = threading.RLock()
        with _faults(self.path):
            self._db = _connected(path)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file; twice is once."""
        with self._lock:
            self._db.close()

    def secret(self) -> bytes:
        """Return the 32 random bytes that were made with the file."""
        with self._transaction("DEFERRED"):
            found = self._meta("secret")
        if not isinstance(found, bytes) or len(found) != _SECRET_BYTES:
            raise ConversationsFault(f"{self.path} cannot be read: its secret is damaged", _MEND)
        return found

    def listed(self, owner: str, words: str = "", limit: int = 200) -> list[Conversation]:
        """Return the owner's conversations, the one that last got or lost a turn first.

        Each of the ``words`` stands in the title, in a question or in an answer, accents and case aside.
        """
        wanted = fold(normalise(words)).split()
        sql = f"SELECT {_FACTS}, {_SAID if wanted else 'NULL'} FROM conversations c WHERE owner = ?"
        values = (_storable(owner),)
        with (
            self._transaction("DEFERRED"),
            closing(self._db.execute(f"{sql} ORDER BY changed DESC, n DESC", values)) as rows,
        ):
            found = (row for row in rows if all(word in row[-1] for word in wanted))
            return [Conversation(*row[:-1]) for row in islice(found, limit)]

    def opened(self, owner: str, id: str) -> tuple[Conversation, list[Turn]]:
        """Return a conversation and its turns in order; one that cannot be read is left out and logged."""
        with self._transaction("DEFERRED"):
            n = self._conversation(owner, id)
            facts = self._db.execute(f"SELECT {_FACTS} FROM conversations c WHERE n = ?", (n,)).fetchone()
            rows = self._db.execute(
                "SELECT id, verdict, remark, suggestions, record FROM turns WHERE conversation = ? ORDER BY n",
                (n,),
            ).fetchall()
        return Conversation(*facts), list(self._turns(rows))

    def liked(self) -> list[Record]:
        """Return the answers of all owners that got a thumb up, oldest first; one that cannot be read is left out."""
        with self._transaction("DEFERRED"):
            rows = self._db.execute(
                "SELECT id, verdict, remark, suggestions, record FROM turns WHERE verdict = 1 ORDER BY n"
            ).fetchall()
        return [turn.record for turn in self._turns(rows)]

    def holding(self, owner: str, turn_id: str) -> str:
        """Return the id of the conversation that has this turn."""
        with self._transaction("DEFERRED"):
            return self._turn(owner, turn_id)[2]

    def add(self, owner: str, conversation_id: str | None, record: Record) -> tuple[str, str]:
        """Keep an answer as the last turn of a conversation; return the ids of both.

        Without a conversation, or where the owner has none of this id any more, a new one is begun.
        """
        turn_id = secrets.token_urlsafe(_ID_BYTES)
        texts = (record.question, record.text, *(other.text for other in record.others))
        said = fold(normalise("\n".join(texts)))
        kept = json.dumps(record_json(record), separators=(",", ":")).encode()
        with self._transaction():
            found = self._find(owner, conversation_id) if conversation_id else None
            n, id = found or self._begin(owner, record.question)
            self._db.execute(
                "INSERT INTO turns (id, conversation, folded, record) VALUES (?, ?, ?, ?)",
                (turn_id, n, said, kept),
            )
            self._touch(n)
        return id, turn_id

    def cut(self, owner: str, turn_id: str) -> str:
        """Drop a turn and all after it; return the conversation's id, empty where nothing is left of it."""
        with self._transaction():
            turn, n, id = self._turn(owner, turn_id)
            self._db.execute("DELETE FROM turns WHERE conversation = ? AND n >= ?", (n, turn))
            if self._db.execute("SELECT 1 FROM turns WHERE conversation = ?", (n,)).fetchone():
                self._touch(n)
                return id
            self._db.execute("DELETE FROM conversations WHERE n = ?", (n,))
            return ""

    def rename(self, owner: str, id: str, title: str) -> None:
        """Give a conversation another title, made one line of 80 characters; an empty one changes nothing."""
        line = _titled(title)
        with self._transaction():
            n = self._conversation(owner, id)
            if line:
                values = (line, fold(line), n)
                self._db.execute("UPDATE conversations SET title = ?, folded = ? WHERE n = ?", values)

    def delete(self, owner: str, id: str) -> None:
        """Delete a conversation; nothing of it is left in the file."""
        with self._transaction():
            self._db.execute("DELETE FROM conversations WHERE n = ?", (self._conversation(owner, id),))

    def judge(self, owner: str, turn_id: str, verdict: Verdict, remark: str) -> None:
        """Keep what a person thinks of an answer; of a remark the first 2,000 characters."""
        note = shortened(normalise(remark), MAX_REMARK_CHARS)
        with self._transaction():
            n = self._turn(owner, turn_id)[0]
            self._db.execute("UPDATE turns SET verdict = ?, remark = ? WHERE n = ?", (verdict, note, n))

    def suggest(self, owner: str, turn_id: str, questions: Sequence[str]) -> None:
        """Keep the questions to ask after a turn, instead of those kept before."""
        with self._transaction():
            n = self._turn(owner, turn_id)[0]
            kept = json.dumps(list(questions))
            self._db.execute("UPDATE turns SET suggestions = ? WHERE n = ?", (kept, n))

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        """Make the writes inside durable together or not at all; DEFERRED for reads of one state."""
        with self._lock, _faults(self.path):
            self._db.execute(f"BEGIN {kind}")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        """Make the tables where there are none, and look whether the file is ours; only then change its mode."""
        with self._transaction():
            if not self._db.execute("SELECT 1 FROM sqlite_schema").fetchone():
                _create(self._db)
            if self._db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
                raise ConversationsFault(
                    f"{self.path} holds something else than kept conversations",
                    "Move it away: a new one is then begun.",
                )
            if (found := self._meta("format")) != FORMAT:
                raise ConversationsFault(
                    f"{self.path} has format {found}; this Citewise reads format {FORMAT}",
                    "Install a newer Citewise, or move the file away: a new one is then begun.",
                )
        # TRUNCATE syncs the emptied journal, so that no loss of power brings it back; DELETE does not
        self._db.execute("PRAGMA journal_mode=TRUNCATE")

    def _meta(self, key: str) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _find(self, owner: str, id: str) -> tuple[int, str] | None:
        sql = "SELECT n, id FROM conversations WHERE owner = ? AND id = ?"
        row: tuple[int, str] | None = self._db.execute(sql, (_storable(owner), _storable(id))).fetchone()
        return row

    def _conversation(self, owner: str, id: str) -> int:
        if found := self._find(owner, id):
            return found[0]
        raise _missing("conversation", id)

    def _turn(self, owner: str, turn_id: str) -> tuple[int, int, str]:
        """Return the number of a turn, and its conversation's number and id."""
        sql = "SELECT t.n, c.n, c.id FROM turns t JOIN conversations c ON c.n = t.conversation"
        values = (_storable(turn_id), _storable(owner))
        if row := self._db.execute(f"{sql} WHERE t.id = ? AND c.owner = ?", values).fetchone():
            return int(row[0]), int(row[1]), str(row[2])
        raise _missing("answer", turn_id)

    def _begin(self, owner: str, question: str) -> tuple[int, str]:
        id, title, now = secrets.token_urlsafe(_ID_BYTES), _titled(question), _now()
        sql = (
            "INSERT INTO conversations (id, owner, title, folded, created, changed) VALUES (?, ?, ?, ?, ?, ?)"
        )
        n = self._db.execute(sql, (id, _storable(owner), title, fold(title), now, now)).lastrowid
        return int(n or 0), id

    def _touch(self, n: int) -> None:
        self._db.execute("UPDATE conversations SET changed = ? WHERE n = ?", (_now(), n))

    def _turns(self, rows: Sequence[Any]) -> Iterator[Turn]:
        for id, verdict, remark, suggestions, kept in rows:
            try:
                record = from_json(json.loads(kept))
                turn = Turn(id, record, verdict, remark, tuple(json.loads(suggestions)))
            except (ValueError, TypeError) as error:
                log.warning("%s: turn %s cannot be read and is left out: %s", self.path, id, error)
            else:
                yield turn


def _connected(path: Path | None) -> sqlite3.Connection:
    if path and not path.exists():
        path.touch(mode=0o600)  # what people ask is nobody else's business
    db = sqlite3.connect(
        path or ":memory:", timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )  # threads take turns by a lock
    db.text_factory = lambda raw: raw.decode(errors="replace")  # a damaged letter costs no more than itself
    for pragma in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        db.execute(f"PRAGMA {pragma}")
    return db


def _create(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA application_id={_APPLICATION}")
    for statement in _SCHEMA:
        db.execute(statement)
    facts = [("format", FORMAT), ("secret", secrets.token_bytes(_SECRET_BYTES))]
    db.executemany("INSERT INTO meta VALUES (?, ?)", facts)


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Tell the errors of SQLite and of the system as faults of the kept conversations."""
    try:
        with told(path):
            yield
    except IndexFault as error:
        hint = _MEND if isinstance(error, IndexDamaged) else error.hint
        raise ConversationsFault(error.message, hint) from error
    except OSError as error:
        hint = "Check that the folder exists and that you may write to it."
        raise ConversationsFault(f"{path}: {error.strerror or error}", hint) from error


def _missing(kind: str, id: str) -> ConversationMissing:
    """Return what is said of an id that is unknown, and in the same words of one that is another's."""
    hint = "It may have been deleted, or was asked in another browser or under another name."
    return ConversationMissing(f"you have no {kind} {shortened(visible(id), 40)!r}", hint)


def _titled(text: str) -> str:
    return shortened(one_line(text), MAX_TITLE_CHARS)


def _storable(text: str) -> str:
    """Return an id as SQLite can hold it; one that this changes is nobody's."""
    return text.encode(errors="replace").decode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
