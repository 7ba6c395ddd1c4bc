"""The kept conversations: nothing acknowledged is lost, nothing is another's, and an export marks up nothing."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from page.conversations import FORMAT, MAX_TITLE_CHARS, Conversations
from page.export import to_json, to_markdown
from page.record import Claim, Origin, Other, Quote, Record, Slice
from page.record_json import from_json
from page.views import Conversation, Turn
from page.writing import UNPROVED
from rag.domain import Where
from rag.errors import CitewiseError, ConversationMissing, ConversationsFault
from rag.index import changes

HOME = Path(__file__).parent.parent
TEXT = "He named two candidates: Anna Berg and Paul Lind. He named nobody else."
ORIGIN = Origin(
    "news/vote.md",
    "Minister on the vote",
    "The Courier",
    "2019-04-07",
    "https://example.org/i",
    hashlib.sha256(TEXT.encode()).hexdigest(),
)
PASSAGE = Slice(1, ORIGIN, 30, TEXT)


def answered(question: str = "Whom did he name?", text: str = "Anna Berg and Paul Lind") -> Record:
    quotes = (Quote(1, PASSAGE, 30, 79), Quote(2, PASSAGE, 80, 101))
    return Record(question, "2026-01-02T03:04:05+00:00", text, quotes, 0.93, "quote")


def refused(question: str = "What does Gazprom say?") -> Record:
    return Record(
        question,
        "2026-01-02T03:04:05+00:00",
        reason="No passage answers.",
        words=(("gazprom", 0), ("say", 12)),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
def kept(path: Path) -> Iterator[Conversations]:
    opened = Conversations(path)
    yield opened
    opened.close()


def questions(kept: Conversations, owner: str, id: str) -> list[str]:
    return [turn.record.question for turn in kept.opened(owner, id)[1]]


def titles(kept: Conversations, owner: str = "me", words: str = "") -> list[str]:
    return [conversation.title for conversation in kept.listed(owner, words)]


def edited(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql)


# -- keeping ------------------------------------------------------------------------------------------


def test_what_was_kept_is_there_after_a_restart(path: Path) -> None:
    first = Conversations(path)
    id, one = first.add("me", None, answered())
    same, two = first.add("me", id, refused())
    first.judge("me", one, -1, "too short")
    first.suggest("me", two, ["Who is Anna Berg?", "Why\ud800?"])
    secret = first.secret()
    first.close()
    second = Conversations(path)
    conversation, turns = second.opened("me", id)
    assert same == id
    assert turns == [
        Turn(one, answered(), -1, "too short"),
        Turn(two, refused(), suggestions=("Who is Anna Berg?", "Why\ud800?")),
    ]
    assert (conversation.id, conversation.title, conversation.n_turns) == (id, "Whom did he name?", 2)
    assert conversation.created < conversation.changed
    assert second.listed("me") == [conversation]
    assert second.secret() == secret and len(secret) == 32
    second.close()


def test_each_file_has_a_secret_of_its_own(path: Path, tmp_path: Path) -> None:
    assert Conversations(path).secret() != Conversations(tmp_path / "other.db").secret()


def test_conversations_in_memory_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = Conversations(None)
    id, _ = kept.add("me", None, answered())
    assert questions(kept, "me", id) == ["Whom did he name?"]
    assert not list(tmp_path.iterdir())


def test_only_the_user_of_the_server_may_read_the_file(kept: Conversations, path: Path) -> None:
    kept.add("me", None, answered())
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_ids_are_long_and_never_alike(kept: Conversations) -> None:
    ids = {id for _ in range(20) for id in kept.add("me", None, answered())}
    assert len(ids) == 40 and min(map(len, ids)) >= 16


def test_a_title_is_one_short_line(kept: Conversations) -> None:
    kept.add("me", None, answered("Whom\n did\the   name?"))
    kept.add("me", None, answered("x" * 50_000))
    assert titles(kept) == ["x" * (MAX_TITLE_CHARS - 1) + "…", "Whom did he name?"]


def test_the_newest_changed_comes_first(kept: Conversations) -> None:
    old, _ = kept.add("me", None, answered("old"))
    new, _ = kept.add("me", None, answered("new"))
    assert titles(kept) == ["new", "old"]
    kept.add("me", old, answered())
    assert titles(kept) == ["old", "new"]
    kept.add("me", new, answered())
    kept.add("me", old, answered())
    kept.cut("me", kept.opened("me", new)[1][1].id)
    assert titles(kept) == ["new", "old"]
    kept.rename("me", old, "older")
    kept.judge("me", kept.opened("me", old)[1][0].id, 1, "")
    assert titles(kept) == ["new", "older"], "a name or a thumb does not move it"
    assert [c.title for c in kept.listed("me", limit=1)] == ["new"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", True),
        ("named", False),
        ("NAME whom", True),
        ("lind  berg", True),
        ("berg gazprom", True),  # of two turns
        ("berg gazprom nobody", False),  # "nobody" is quoted, but no answer
        ("malaga", True),  # the other answer is "Málaga"
        ("Wörner", True),  # the title is "Woerner or Worner"
        ("%", False),
        ("_", False),
        ("'\"\ud800\0", False),
        ("x " * 20_000, False),
    ],
)
def test_search_looks_in_titles_questions_and_answers(kept: Conversations, words: str, found: bool) -> None:
    record = replace(answered(), others=(Other("in Málaga", 0.1, answered().quotes),))
    id, _ = kept.add("me", None, record)
    kept.add("me", id, refused())
    kept.rename("me", id, "Woerner or Worner")
    kept.add("me", None, answered("else?", "other"))
    assert ("Woerner or Worner" in titles(kept, words=words)) is found
    assert titles(kept, "you", words) == []


def test_search_follows_what_is_cut_and_renamed(kept: Conversations) -> None:
    id, _ = kept.add("me", None, answered("about apples"))
    _, turn = kept.add("me", id, answered("about pears"))
    assert titles(kept, words="pears")
    kept.cut("me", turn)
    kept.rename("me", id, "Fruit")
    assert titles(kept, words="pears") == []
    assert titles(kept, words="fruit apples") == ["Fruit"]


def test_cutting_drops_a_turn_and_all_after_it(kept: Conversations) -> None:
    id, first = kept.add("me", None, answered("one"))
    kept.add("me", None, answered("beside"))
    _, second = kept.add("me", id, answered("two"))
    kept.add("me", id, answered("three"))
    assert kept.cut("me", second) == id
    assert questions(kept, "me", id) == ["one"]
    assert kept.cut("me", first) == ""
    assert titles(kept) == ["beside"]
    with pytest.raises(ConversationMissing):
        kept.opened("me", id)


def test_adding_to_a_deleted_conversation_begins_another(kept: Conversations) -> None:
    id, turn = kept.add("me", None, answered("one"))
    kept.delete("me", id)
    again, _ = kept.add("me", id, answered("two"))
    assert again != id and questions(kept, "me", again) == ["two"]
    with pytest.raises(ConversationMissing):
        kept.holding("me", turn)


def test_renaming(kept: Conversations) -> None:
    id, _ = kept.add("me", None, answered())
    kept.rename("me", id, " The\nvote " + "x" * 100)
    assert titles(kept)[0].startswith("The vote xxx") and len(titles(kept)[0]) == MAX_TITLE_CHARS
    kept.rename("me", id, " \n")
    assert titles(kept)[0].startswith("The vote"), "an empty name changes nothing"


def test_judging(kept: Conversations) -> None:
    id, turn = kept.add("me", None, answered())
    kept.judge("me", turn, 1, "r" * 5000 + "\ud800")
    assert (kept.opened("me", id)[1][0].verdict, len(kept.opened("me", id)[1][0].remark)) == (1, 2000)
    kept.judge("me", turn, 0, "")
    assert kept.opened("me", id)[1] == [Turn(turn, answered())]
    with pytest.raises(ConversationsFault, match="was not made"):
        kept.judge("me", turn, 7, "")  # type: ignore[arg-type]


def test_a_deleted_conversation_is_gone_from_the_file(kept: Conversations, path: Path) -> None:
    secret = "mellifluous-zeppelin"
    id, turn = kept.add("me", None, answered(f"Where is {secret}?", secret * 500))
    kept.judge("me", turn, 1, secret)
    kept.suggest("me", turn, [secret])
    other, _ = kept.add("me", None, answered("plain"))
    _, last = kept.add("me", other, answered(secret))
    assert secret.encode() in path.read_bytes()
    kept.delete("me", id)
    kept.cut("me", last)
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes(), file
    assert questions(kept, "me", other) == ["plain"]


# -- owners -------------------------------------------------------------------------------------------


CALLS: dict[str, Callable[[Conversations, str, str, str], object]] = {
    "opened": lambda kept, owner, id, turn: kept.opened(owner, id),
    "rename": lambda kept, owner, id, turn: kept.rename(owner, id, "mine"),
    "delete": lambda kept, owner, id, turn: kept.delete(owner, id),
    "holding": lambda kept, owner, id, turn: kept.holding(owner, turn),
    "cut": lambda kept, owner, id, turn: kept.cut(owner, turn),
    "judge": lambda kept, owner, id, turn: kept.judge(owner, turn, 1, "mine"),
    "suggest": lambda kept, owner, id, turn: kept.suggest(owner, turn, ["mine"]),
}


@pytest.mark.parametrize("name", CALLS)
def test_nobody_reaches_another_s(kept: Conversations, name: str) -> None:
    id, turn = kept.add("login:ann", None, answered())
    before = kept.opened("login:ann", id)
    with pytest.raises(ConversationMissing) as theirs:
        CALLS[name](kept, "login:bob", id, turn)
    assert kept.opened("login:ann", id) == before
    CALLS[name](kept, "login:ann", id, turn)
    kept.delete("login:ann", id) if name not in ("delete", "cut") else None
    with pytest.raises(ConversationMissing) as unknown:
        CALLS[name](kept, "login:bob", id, turn)
    assert str(theirs.value) == str(unknown.value), "no word tells that it exists"


def test_nobody_lists_or_continues_another_s(kept: Conversations) -> None:
    id, turn = kept.add("login:ann", None, answered())
    mine, _ = kept.add("login:bob", id, answered("from bob"))
    assert mine != id
    assert questions(kept, "login:ann", id) == ["Whom did he name?"]
    assert titles(kept, "login:bob") == ["from bob"]
    assert titles(kept, "login:bob", "whom") == []
    assert kept.holding("login:ann", turn) == id


@pytest.mark.parametrize("id", ["", "%", "\ud800", "a\0b", "x" * 10_000, "'; DROP TABLE turns --"])
@pytest.mark.parametrize("name", CALLS)
def test_a_strange_id_is_a_missing_one(kept: Conversations, name: str, id: str) -> None:
    with pytest.raises(ConversationMissing) as fault:
        CALLS[name](kept, "me", id, id)
    assert len(fault.value.message) < 200 and fault.value.hint


# -- what can go wrong --------------------------------------------------------------------------------


def test_an_unreadable_turn_hides_no_other(
    kept: Conversations, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    id, _ = kept.add("me", None, answered("first"))
    ids = [kept.add("me", id, answered(str(n)))[1] for n in range(4)]
    kept.add("me", id, answered("last"))
    broken = ["x'7b'", "x'ff'", "'{\"format\": 99}'"]
    for turn, value in zip(ids[:3], broken, strict=True):
        edited(path, f"UPDATE turns SET record = {value} WHERE id = '{turn}'")
    edited(path, f"UPDATE turns SET suggestions = '5', remark = CAST(x'ff' AS TEXT) WHERE id = '{ids[3]}'")
    with caplog.at_level(logging.WARNING, "citewise"):
        assert questions(kept, "me", id) == ["first", "last"]
    for turn in ids:
        assert f"{path}: turn {turn} cannot be read" in caplog.text
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM turns").fetchone() == (6,), "nothing was deleted"


def fault_of(path: Path) -> ConversationsFault:
    before = path.read_bytes()
    with pytest.raises(ConversationsFault) as found:
        Conversations(path)
    assert str(path) in found.value.message and found.value.hint
    assert path.read_bytes() == before, "the file was left as it was"
    return found.value


def test_a_newer_file_is_refused(path: Path) -> None:
    Conversations(path).close()
    edited(path, "UPDATE meta SET value = 2 WHERE key = 'format'")
    assert f"has format 2; this Citewise reads format {FORMAT}" in fault_of(path).message


def test_a_file_of_something_else_is_refused(path: Path) -> None:
    changes.create(path, {"embedder": "letters"}, 0)
    assert "something else" in fault_of(path).message
    path.unlink()
    edited(path, "CREATE TABLE mine (a)")
    assert "something else" in fault_of(path).message


@pytest.mark.parametrize("damage", [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_refused(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    assert "cannot be read" in fault_of(path).message


def test_damage_inside_is_told_and_not_hidden(path: Path) -> None:
    kept = Conversations(path)
    id, turn = kept.add("me", None, answered())
    for n in range(20):
        kept.add("me", id, answered(f"{n} " + "x" * 5000))
    kept.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff" * (len(whole) // 2))
    calls: list[Callable[[Conversations], object]] = [
        lambda k: k.listed("me", "x"),
        lambda k: k.opened("me", id),
        lambda k: k.cut("me", turn),
    ]
    for call in calls:
        kept = Conversations(path)
        with pytest.raises(ConversationsFault, match="cannot be read") as fault:
            call(kept)
        assert str(path) in fault.value.message and "backup" in fault.value.hint
        kept.close()


def test_a_damaged_secret_is_told(path: Path) -> None:
    kept = Conversations(path)
    for value in ("x'00'", "'text'"):
        edited(path, f"UPDATE meta SET value = {value} WHERE key = 'secret'")
        with pytest.raises(ConversationsFault, match="secret"):
            kept.secret()
    edited(path, "DELETE FROM meta WHERE key = 'secret'")
    with pytest.raises(ConversationsFault, match="secret"):
        kept.secret()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConversationsFault, match="none") as fault:
        Conversations(tmp_path / "none" / "conversations.db")
    assert "folder" in fault.value.hint
    with pytest.raises(ConversationsFault):
        Conversations(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="takes the rights of another user")
def test_a_folder_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory() as name, nobody_may_write(Path(name)) as worked:
        path = Path(name) / "conversations.db"
        with pytest.raises(ConversationsFault) as fault:
            Conversations(path)
        assert worked and "write" in fault.value.hint and str(path) in fault.value.message


def test_a_file_that_may_not_be_written(path: Path, kept: Conversations) -> None:
    kept.add("me", None, answered())
    kept._db.execute("PRAGMA query_only=ON")  # what SQLite says of a file without the right to write
    with pytest.raises(ConversationsFault, match="readonly") as fault:
        kept.add("me", None, answered("two"))
    assert "write" in fault.value.hint
    assert titles(kept) == ["Whom did he name?"], "it can still be read"


@contextmanager
def nobody_may_write(folder: Path) -> Iterator[bool]:
    """Take the right to write to a folder away, from root too; gives whether that worked."""
    user = os.geteuid()
    folder.chmod(0o555)
    if user == 0:
        os.seteuid(65534)
    try:
        yield not os.access(folder, os.W_OK, effective_ids=True)
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


def test_a_full_disk_undoes_the_change_and_says_so(kept: Conversations) -> None:
    id, _ = kept.add("me", None, answered("one"))
    (pages,) = kept._db.execute("PRAGMA page_count").fetchone()
    kept._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(ConversationsFault, match="disk is full"):
        kept.add("me", id, answered("x" * 100_000))
    assert questions(kept, "me", id) == ["one"]
    kept._db.execute(f"PRAGMA max_page_count={pages + 1000}")
    kept.add("me", id, answered("two"))
    assert questions(kept, "me", id) == ["one", "two"]


def test_a_file_kept_busy(path: Path, kept: Conversations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("page.conversations.BUSY_S", 0.05)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConversationsFault, match="busy"):
            Conversations(path)


def test_after_closing(kept: Conversations) -> None:
    kept.close()
    kept.close()
    with pytest.raises(ConversationsFault, match="closed"):
        kept.listed("me")


# -- at once ------------------------------------------------------------------------------------------

ADDING = """
import sys
from pathlib import Path
from page.conversations import Conversations
from tests.test_conversations import answered

path, owner, id, n = Path(sys.argv[1]), sys.argv[2], sys.argv[3] or None, int(sys.argv[4])
sys.stdin.readline()
kept = Conversations(path)
for k in range(n):
    id, turn = kept.add(owner, id, answered(f"{owner} {k}"))
    print(id, turn, flush=True)
"""


class Adding:
    """Another program that adds answers once it is told to go."""

    def __init__(self, path: Path, owner: str, id: str, n: int) -> None:
        command = [sys.executable, "-c", ADDING, str(path), owner, id, str(n)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=HOME, text=True, stdin=pipe, stdout=pipe, stderr=pipe)

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def lines(self, n: int) -> list[str]:
        assert self.process.stdout
        return [self.process.stdout.readline() for _ in range(n)]


def test_threads_share_one_object(kept: Conversations) -> None:
    id, _ = kept.add("me", None, answered("first"))
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for n in range(20):
                kept.add("me", id, answered(f"{name} {n}"))
                kept.listed("me", name)
                kept.opened("me", id)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    found = questions(kept, "me", id)
    for name in "abc":
        assert [q for q in found if q.startswith(name)] == [f"{name} {n}" for n in range(20)]
    assert len(found) == 61


def test_two_programs_begin_and_add_at_once(path: Path) -> None:
    workers = [Adding(path, owner, "", 40) for owner in ("ann", "bob")]
    for worker in workers:
        worker.go()
    for worker in workers:
        _, told = worker.process.communicate(timeout=60)
        assert worker.process.returncode == 0, told
    kept = Conversations(path)
    for owner in ("ann", "bob"):
        (conversation,) = kept.listed(owner)
        assert questions(kept, owner, conversation.id) == [f"{owner} {k}" for k in range(40)]
    kept.close()


def test_killed_while_adding_nothing_acknowledged_is_lost(path: Path) -> None:
    kept = Conversations(path)
    id, first = kept.add("me", None, answered("begin"))
    acknowledged = [first]
    for after in (1, 9, 30):
        worker = Adding(path, "me", id, 100_000)
        worker.go()
        lines = worker.lines(after)
        worker.process.kill()
        lines += worker.process.communicate()[0].splitlines()
        assert worker.process.returncode == -signal.SIGKILL
        acknowledged += [line.split()[1] for line in lines if len(line.split()) == 2]
        turns = kept.opened("me", id)[1]
        assert {turn.id for turn in turns} >= set(acknowledged)
        assert len(turns) <= len(acknowledged) + after, "at most one a kill was not acknowledged"
    kept.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not db.execute("PRAGMA foreign_key_check").fetchall()


# -- export -------------------------------------------------------------------------------------------

CONVERSATION = Conversation("c1", "Whom did he name?", "2026-01-02T03:04:05", "2026-01-02T03:05:06", 2)


def test_markdown_of_a_conversation() -> None:
    where = Where(sources=("The Courier",), since=date(2019, 1, 1))
    record = replace(answered(), searched_for="Whom did the minister name?", where=where, note="cut short")
    others = (Other("nobody else", 0.2, (Quote(1, PASSAGE, 80, 101),)),)
    turns = [Turn("t1", replace(record, others=others), 1, "thanks"), Turn("t2", refused())]
    sha = ORIGIN.sha256
    assert (
        to_markdown(CONVERSATION, turns)
        == f"""# Whom did he name?

Begun 2026-01-02T03\\:04\\:05, last changed 2026-01-02T03\\:05\\:06.

## 1. Whom did he name?

Searched for: Whom did the minister name?

Only in: sources The Courier; since 2019-01-01

Anna Berg and Paul Lind

Confidence: well supported (0.93)

> He named two candidates: Anna Berg and Paul Lind.

\\[1\\] Minister on the vote, The Courier, 2019-04-07, <https://example.org/i>
Article news/vote\\.md, characters 30 to 79, sha256 {sha}

> He named nobody else.

\\[2\\] Minister on the vote, The Courier, 2019-04-07, <https://example.org/i>
Article news/vote\\.md, characters 80 to 101, sha256 {sha}

cut short

Another answer:

nobody else

Confidence: weak (0.20)

> He named nobody else.

\\[1\\] Minister on the vote, The Courier, 2019-04-07, <https://example.org/i>
Article news/vote\\.md, characters 80 to 101, sha256 {sha}

Marked as helpful: thanks

## 2. What does Gazprom say?

The articles do not say. No passage answers.

Articles with the words of the question: gazprom none, say 12
"""
    )


ATTACKS = [
    "<script>alert(1)</script><img src=x onerror=alert(1)> \"' onmouseover=alert(1) ${alert(1)} {{x}} \x00 \ud800",
    "w" * 50_000,
    "![x](http://evil.example/p.png) [y](javascript:alert(1)) <img src=x onerror=alert(1)>",
    "[ref]: http://evil.example 'title'\n\n[ref] ![ref][ref]",
    "<https://evil.example> http://evil.example www.evil.example evil.com a@evil.example //evil.com",
    "&lt;b&gt; &#60;script&#62; \\<b> \\\\[a](b)",
    "```\n<script>\n```\n~~~\nx\n~~~",
    "    indented\n\n\tcode\n# heading\n=====\n-----\n***\n- item\n+ item\n* item\n1. one\n2) two",
    "> quote\n| a | b |\n|---|---|\n| c | d |\n\n: term\n1.\n-\n+",
    "end of a quote\n\nnew <b>paragraph</b>\r\r\n\u2028[x](y)",
    "**bold** __bold__ *it* _it_ ~~gone~~ `code` $x$ [^1] ^[note] ==mark==",
    "\x1b[31mred\x1b[0m \u202egnp.exe \u200b<\u200bscript>",
    "x](http://evil.example)",
    "line\\\nbreak  \nbreak",
]
PLAIN_TOKENS = {
    "heading_open",
    "heading_close",
    "paragraph_open",
    "paragraph_close",
    "inline",
    "blockquote_open",
    "blockquote_close",
}


@pytest.mark.parametrize("attack", [text for text in ATTACKS if text.strip()])
def test_markdown_marks_up_nothing_that_was_said(attack: str) -> None:
    origin = replace(
        ORIGIN, id=attack, title=attack, source=attack, published=attack, url=attack, sha256=attack
    )
    passage = Slice(1, origin, 0, attack)
    quotes = (Quote(1, passage, 0, len(attack)),)
    record = replace(
        answered(attack, attack),
        quotes=quotes,
        others=(Other(attack, 0.5, quotes),),
        claims=(Claim(attack, "supported", quotes), Claim(attack, "unsupported", why=attack)),
        route=attack,
        note=attack,
        searched_for=attack + "?",
        words=((attack, 1),),
        where=Where((attack,), (attack,)),
    )
    refusal = replace(refused(attack), reason=attack)
    conversation = Conversation(attack, attack, attack, attack, 2)
    said = to_markdown(conversation, [Turn("t", record, -1, attack), Turn("u", refusal)])
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(said)
    assert {token.type for token in tokens} <= PLAIN_TOKENS
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2", "h2"]
    inside = {child.type for token in tokens for child in token.children or ()}
    assert inside <= {"text", "softbreak"}
    assert not re.search(r"\w://|\bwww\.|[^\W\d]\.\w|\w@|mailto:", said), "no bare address becomes a link"
    assert not set(said) & {"\x1b", "\u202e", "\u200b"}


def test_markdown_of_a_written_answer_numbers_its_sentences_and_lists_those_that_failed() -> None:
    record = replace(answered(), quotes=answered().quotes[:1])
    claims = (
        Claim("He named Anna Berg.", "supported", record.quotes),
        Claim("He praised her.", "unsupported", why="no passage has the word praised"),
        Claim("He named nobody else.", "verbatim", record.quotes),
    )
    written = replace(record, mode="write", claims=claims, route="written, since it asks why")
    said = to_markdown(CONVERSATION, [Turn("t1", written)]).split("\n\n")
    assert "He named Anna Berg. \\[1\\] “He named nobody else.” \\[1\\]" in said
    (failed,) = [block for block in said if "praised" in block]
    assert failed == f"{UNPROVED}: “He praised her.” no passage has the word praised"
    assert said[-1] == "Route: written, since it asks why\n"


def test_markdown_shows_every_letter_of_a_quote() -> None:
    text = "1. A*B_C [x] <y> & `z` \\ #h | ~a~ $5 me@x.org http://x.org/?a=1 3.5 12:30 - !"
    quote = Quote(1, Slice(1, ORIGIN, 0, text), 0, len(text))
    said = to_markdown(CONVERSATION, [Turn("t", replace(answered(), quotes=(quote,)))])
    tokens = MarkdownIt().parse(said)
    shown = ["".join(c.content for c in token.children or ()) for token in tokens if token.type == "inline"]
    assert text in shown


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a_b?c=1&d=2", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        ("https://e.org/><script>", False),
        ("https://e.org/ x", False),
        ("https://e.org/\n\n# x", False),
        ("data:text/html,x", False),
        ("", False),
    ],
)
def test_only_a_web_address_becomes_a_link(url: str, linked: bool) -> None:
    quote = Quote(1, Slice(1, replace(ORIGIN, url=url), 0, TEXT), 0, 5)
    said = to_markdown(CONVERSATION, [Turn("t", replace(answered(), quotes=(quote,)))])
    children = [child for token in MarkdownIt().parse(said) for child in token.children or ()]
    hrefs = [str(child.attrs["href"]) for child in children if child.type == "link_open"]
    assert len(hrefs) == linked
    assert not linked or hrefs[0].lower() == url.lower()
    assert not {child.type for child in children} & {"html_inline", "image"}


def test_json_of_a_conversation() -> None:
    record = replace(answered(), others=(Other("nobody else", 0.2, (Quote(1, PASSAGE, 80, 101),)),))
    turns = [Turn("t1", record, 1, "thanks", ("Why?",)), Turn("t2", refused())]
    exported = json.loads(json.dumps(to_json(CONVERSATION, turns)))
    assert {name: exported[name] for name in ("id", "title", "created", "changed")} == {
        "id": "c1",
        "title": CONVERSATION.title,
        "created": CONVERSATION.created,
        "changed": CONVERSATION.changed,
    }
    first, second = exported["turns"]
    assert first["quotes"][0] == {
        "n": 1,
        "passage": 1,
        "start": 30,
        "end": 79,
        "quote": "He named two candidates: Anna Berg and Paul Lind.",
        "article": {
            "id": "news/vote.md",
            "title": "Minister on the vote",
            "source": "The Courier",
            "published": "2019-04-07",
            "url": "https://example.org/i",
            "sha256": ORIGIN.sha256,
            "pages": "",
            "also_in": [],
        },
    }
    assert first["others"][0]["quotes"][0]["article"]["sha256"] == ORIGIN.sha256
    assert (first["id"], first["verdict"], first["remark"]) == ("t1", 1, "thanks")
    assert first["suggestions"] == ["Why?"]
    assert second["reason"] == "No passage answers."
    assert [from_json(turn) for turn in exported["turns"]] == [record, refused()], "it can be read back"


def test_faults_are_of_our_tree() -> None:
    assert issubclass(ConversationsFault, CitewiseError) and issubclass(ConversationMissing, CitewiseError)
