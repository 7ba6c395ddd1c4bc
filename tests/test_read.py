"""Reading: which files are found, what articles they become, and what is said of those that cannot be read."""

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import formats
from ingest import read as reading
from ingest.fields import Unfit, parse_date, shorten
from ingest.files import Sums
from ingest.formats import lines as jsonl
from ingest.read import Failure, Skipped, Source, find, listing, opened, read
from rag.domain import Article

BINARY = bytes(range(32)) * 40


def one(path: Path) -> Article | Failure | Skipped:
    """What a file of one article is read as."""
    items = all_of(path)
    assert len(items) == 1
    return items[0]


def all_of(path: Path) -> list[Article | Failure | Skipped]:
    sources, failures, _ = find([path])
    assert failures == []
    return [item for source in sources for item in read(source)]


def article(path: Path) -> Article:
    item = one(path)
    assert isinstance(item, Article), item
    return item


def failure(path: Path) -> Failure:
    item = one(path)
    assert isinstance(item, Failure), item
    assert item.file == str(path.resolve())
    return item


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes text, or bytes as they are, to a file of the test's folder."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Write = Callable[..., Path]


# ---- Finding


def keys(*paths: Path) -> list[str]:
    return [source.key for source in find(paths)[0]]


def test_folders_are_searched_in_depth_and_keys_are_relative(tmp_path: Path, write: Write) -> None:
    for name in ("b.txt", "a/deep/er/c.md", "a/d.MARKDOWN", "e.jsonl", "å ü\n/f g.txt"):
        write(name, "x")
    sources, failures, skipped = find([tmp_path])
    assert [s.key for s in sources] == ["a/d.MARKDOWN", "a/deep/er/c.md", "b.txt", "e.jsonl", "å ü\n/f g.txt"]
    assert failures == skipped == []
    for source in sources:
        assert source.root == str(tmp_path.resolve())
        assert source.path == Path(source.root, source.key)
        assert source.size == 1


def test_what_is_hidden_is_passed_over_unless_it_is_given(tmp_path: Path, write: Write) -> None:
    for name in (".git/a.txt", ".DS_Store", ".b.txt", "c.txt"):
        write(name, "x")
    assert keys(tmp_path) == ["c.txt"]
    assert find([tmp_path])[2] == []
    assert keys(tmp_path / ".git") == ["a.txt"]
    assert keys(tmp_path, tmp_path / ".b.txt") == [".b.txt", "c.txt"]


def test_other_files_are_named_as_skipped_in_a_folder_and_failures_when_given(write: Write) -> None:
    path = write("news/a.jpeg", "x")
    write("news/b.txt", "x")
    sources, failures, skipped = find([path.parent])
    assert [s.key for s in sources] == ["b.txt"] and failures == []
    assert [(s.path, s.reason) for s in skipped] == [(str(path), "of no format that is read")]
    sources, failures, skipped = find([path])
    assert sources == skipped == []
    assert failures[0].path == str(path) and "is of no format that is read" in failures[0].error


def test_a_file_has_the_key_that_its_folder_gives_it(write: Write) -> None:
    path = write("news/a.txt", "x")
    given, found = find([path])[0][0], find([path.parent])[0][0]
    assert given.root == found.root == str(path.parent.resolve())
    assert given.key == found.key == "a.txt"
    assert given.named and not found.named


def test_each_file_is_found_once_however_often_it_is_given(tmp_path: Path, write: Write) -> None:
    inner = write("news/2017/a.txt", "x")
    write("news/b.txt", "x")
    outer = tmp_path / "news"
    expected = find([outer])
    assert [s.key for s in expected[0]] == ["2017/a.txt", "b.txt"]
    for paths in (
        [outer, outer],
        [inner, outer],
        [inner.parent, inner, outer],
        [outer / "." / "2017", outer],
    ):
        assert [(s.root, s.key) for s in find(paths)[0]] == [(s.root, s.key) for s in expected[0]]


def test_equal_keys_of_two_roots_stay_apart(tmp_path: Path, write: Write) -> None:
    write("a/x.txt", "one")
    write("b/x.txt", "two")
    sources = find([tmp_path / "b", tmp_path / "a"])[0]
    assert [(s.key, Path(s.root).name) for s in sources] == [("x.txt", "a"), ("x.txt", "b")]


def test_links_in_a_folder_are_not_followed_but_one_that_is_given_is(tmp_path: Path, write: Write) -> None:
    secret = write("elsewhere/secret.txt", "x")
    write("news/a.txt", "x")
    (tmp_path / "news/link.txt").symlink_to(secret)
    (tmp_path / "news/folder").symlink_to(secret.parent)
    (tmp_path / "news/round").symlink_to(tmp_path / "news")
    sources, failures, skipped = find([tmp_path / "news"])
    assert [s.key for s in sources] == ["a.txt"] and failures == []
    assert [Path(s.path).name for s in skipped] == ["folder", "link.txt", "round"]
    assert keys(tmp_path / "news/link.txt") == ["secret.txt"]


def test_a_link_round_in_a_circle_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.symlink_to(path)
    assert "cannot be read" in find([path])[1][0].error


def test_a_fifo_is_a_failure_and_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    os.mkfifo(path)
    for where in (path, tmp_path):
        sources, failures, _ = find([where])
        assert sources == []
        assert failures[0].path == str(path) and "not a regular file" in failures[0].error


def test_a_file_that_became_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    os.mkfifo(path)
    items = list(read(Source(str(tmp_path), path, "a.txt", 1)))
    assert isinstance(items[0], Failure) and "not a regular file" in items[0].error


def test_missing_paths_are_failures(tmp_path: Path) -> None:
    failures = find([tmp_path / "no.txt"])[1]
    assert failures == [
        Failure(
            str(tmp_path / "no.txt"), "cannot be read: no such file or directory", str(tmp_path / "no.txt")
        )
    ]
    assert find([tmp_path]) == ([], [], [])


def test_a_folder_that_cannot_be_searched_is_named_and_the_rest_is_found(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("news/closed/a.txt", "x")
    write("news/open/b.txt", "x")
    scandir, faults = os.scandir, []

    def refuse(path: Path) -> object:
        if Path(path).name == "closed":
            faults.append(path)
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    sources, failures, _ = find([tmp_path / "news"])
    assert faults and [s.key for s in sources] == ["open/b.txt"]
    assert failures[0].path == failures[0].file == str(tmp_path / "news/closed")
    assert "permission denied" in failures[0].error


def test_a_name_that_is_not_utf8_is_a_failure_that_can_be_printed(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    Path(os.fsdecode(path)).write_text("x")
    failure = find([tmp_path])[1][0]
    assert failure.path == str(tmp_path / "caf\\xe9.txt") and "rename it" in failure.error


def test_failures_name_the_file_as_the_user_did(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("news/a.txt", "")
    monkeypatch.chdir(path.parent.parent)
    source = find([Path("news")])[0][0]
    assert [item.path for item in read(source) if isinstance(item, Failure)] == ["news/a.txt"]


# ---- Text and Markdown


def test_a_text_is_an_article(write: Write) -> None:
    path = write("news/a.txt", "\n  \n  The first line\r\n\r\nAnd cafe\u0301.\n\n")
    got = article(path.parent)
    assert got == Article("a.txt", "The first line", "  The first line\n\nAnd café.")
    assert dict(got.meta) == {}


def test_one_word_is_an_article(write: Write) -> None:
    got = article(write("a.txt", "Word"))
    assert (got.title, got.text) == ("Word", "Word")


@pytest.mark.parametrize("content", ["", " \n\t\n", "\ufeff", "---\ntitle: T\n---\n", "* * *\n\u200b"])
def test_a_file_without_a_word_is_a_failure(write: Write, content: str) -> None:
    assert "has no text" in failure(write("a.md", content)).error


HEADER = """---
Title: "The   long
  title"
source: Le Monde
date: 2017-02-19
url: https://example.org/a?b=c
authors: [Ann Lee, Bo Li]
section: No
pages: 12
empty:
nested: {a: 1}
---
# A heading

Its text."""


def test_front_matter_becomes_the_fields(write: Write) -> None:
    for name in ("a.md", "a.markdown", "a.txt"):
        got = article(write(name, HEADER.replace("\n", "\r\n")))
        assert got.title == "The long title"
        assert (got.source, got.published) == ("Le Monde", date(2017, 2, 19))
        assert got.url == "https://example.org/a?b=c"
        assert got.text == "# A heading\n\nIts text."
        assert dict(got.meta) == {"authors": "Ann Lee, Bo Li", "section": "No", "page_count": "12"}


def test_a_url_that_is_no_link_is_kept_apart(write: Write) -> None:
    for url in (
        "javascript:alert(1)",
        "ftp://example.org",
        "https://",
        "http://[",
        "example.org",
        "http://a b",
    ):
        got = article(write("a.md", f"---\nurl: '{url}'\n---\nText"))
        assert got.url == "" and got.meta["url"] == url


@pytest.mark.parametrize(
    ("content", "line", "complaint"),
    [
        ("---\ntitle: T\n\nText", 1, "no line of --- closes"),
        ("---\ntitle: T\nbroken: [1, 2\n---\nText", 4, "not YAML"),
        ("---\ntitle: a: b\n---\nText", 2, "not YAML"),
        ("---\ntitle: T\nurl: \x07\n---\nText", 0, "not YAML"),
        ("---\n- a\n- b\n---\nText", 2, "lines of name: value"),
        ("---\njust words\n---\nText", 2, "lines of name: value"),
        ("---\ntitle: T\ntitle: U\n---\nText", 2, "a name is given twice"),
        ("---\na: &x [1]\nb: *x\n---\nText", 2, "anchors and aliases"),
        ("---\ntitle: [T]\nsource: {a: b}\n---\nText", 0, "has a title that is not text"),
        ("---\na: " + "[" * 20_000 + "\n---\nText", 2, "nested too deeply"),
        (
            "---\ndate: 03/04/2017\n---\nText",
            0,
            "the date '03/04/2017' cannot be read. Write it as 2017-02-19.",
        ),
    ],
)
def test_front_matter_that_cannot_be_read_is_named(
    write: Write, content: str, line: int, complaint: str
) -> None:
    path = write("a.md", content)
    got = failure(path)
    assert complaint in got.error
    assert got.path == (f"{path}:{line}" if line else str(path))


def test_aliases_that_stand_for_gigabytes_are_refused_at_once(write: Write) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    started = time.process_time()
    assert "anchors" in failure(write("a.md", "---\n" + "\n".join(lines) + "\n---\nText")).error
    assert time.process_time() - started < 1


def test_a_rule_that_is_no_front_matter_is_text_after_a_blank_line(write: Write) -> None:
    assert article(write("a.md", "\n---\nText")).text == "---\nText"


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("a.md", "Intro\n\n## Second\n\n# The C#  one ##\n", "The C# one"),
        ("a.md", "## Only second\n\ntext", "Only second"),
        ("a.md", "Start\n```\n# a comment\n```", "Start"),
        ("a.txt", "# not markdown\ntext", "# not markdown"),
        ("a.txt", "x" * 120, "x" * 120),
        ("a.txt", "word " * 40, "word " * 22 + "word word…"),
        ("a.txt", "x" * 130, "x" * 119 + "…"),
        ("a.md", "---\ntitle: " + "word " * 80 + "\n---\nText", "word " * 59 + "word…"),
    ],
)
def test_titles(write: Write, name: str, content: str, title: str) -> None:
    got = article(write(name, content)).title
    assert got == title.strip()
    assert len(got) <= 300


def test_a_moved_file_keeps_its_title_and_text(write: Write) -> None:
    one, two = article(write("one.txt", "Text here.")), article(write("b/two.txt", "Text here."))
    assert (one.title, one.text) == (two.title, two.text)


# ---- Encodings


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("Café — naïve", "utf-8", None),
        ("Café — naïve", "utf-8-sig", None),
        ("Café — naïve", "cp1252", "cp1252"),
        ("Café", "latin-1", "cp1252"),
        ("It cost £5 and €6; its president said it’s “fine”.", "cp1252", "cp1252"),
        ("El niño comió en el café mañana. ¿Qué tal?", "latin-1", "cp1252"),
        ("Café — naïve", "utf-16", "utf-16"),
        ("Café — naïve", "utf-32", "utf-32"),
        ("Zażółć gęślą jaźń. Prezydent powiedział, że w Łodzi będzie święto.", "cp1250", "cp1250"),
        ("Министр иностранных дел заявил вчера, что выборы пройдут честно.", "cp1251", "cp1251"),
        ("日本語の文章です。首相は昨日、東京で会見した。", "shift_jis", "shift_jis"),
    ],
)
def test_encodings_are_told_apart_and_said(write: Write, text: str, encoding: str, said: str | None) -> None:
    for name, content in (("a.txt", text), ("b.md", f"---\nencoding: mine\n---\n{text}")):
        got = article(write(name, content.encode(encoding)))
        assert got.text == text
        assert got.meta.get("encoding") == (said or ("mine" if name == "b.md" else None))


@pytest.mark.parametrize(
    "content",
    [
        BINARY,
        b"text\x00text",
        "Text as UTF-16 without its mark".encode("utf-16-le"),
        b"\x81\x8d\x8f\x90\x9d" * 20,
        b"\xff\xfea",
        b"\x01\x02\x03 text",
    ],
    ids=["controls", "nul", "utf-16 without mark", "no encoding", "half a character", "few controls"],
)
def test_what_is_not_text_is_a_failure_with_a_mend(write: Write, content: bytes) -> None:
    assert "UTF-8" in failure(write("a.txt", content)).error


def test_control_characters_that_text_has_are_no_harm(write: Write) -> None:
    assert article(write("a.txt", "one\ttwo\fthree\x1b[0m four")).text == "one\ttwo\nthree\x1b[0m four"


# ---- Limits and faults


def test_a_file_over_the_limit_is_a_failure_with_both_sizes(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert formats.MAX_ARTICLE_BYTES == 10 * 1024 * 1024
    monkeypatch.setattr(formats, "MAX_ARTICLE_BYTES", 1000)
    assert isinstance(one(write("a.txt", "x" * 1000)), Article)
    assert failure(write("b.txt", "x" * 1001)).error == (
        "has 1,001 bytes, an article at most 1,000. Split it into articles."
    )


@pytest.mark.parametrize(
    "fault", [PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file")]
)
def test_a_file_that_cannot_be_opened_is_a_failure(
    write: Write, monkeypatch: pytest.MonkeyPatch, fault: OSError
) -> None:
    path = write("a.txt", "x")
    faults = []

    def refuse(*args: object) -> int:
        faults.append(args)
        raise fault

    monkeypatch.setattr(reading, "_open_at_once", refuse)
    assert fault.strerror.lower() in failure(path).error
    assert faults


def test_a_file_that_has_gone_since_it_was_found_is_a_failure(write: Write) -> None:
    path = write("a.txt", "x")
    source = find([path])[0][0]
    path.unlink()
    assert [type(item) for item in read(source)] == [Failure]


# ---- JSONL


def lines(*values: object) -> str:
    return "".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values)


GOOD = {"id": "a1", "text": "One text."}


def test_a_line_is_an_article(write: Write) -> None:
    path = write(
        "news/all.jsonl",
        lines(
            {
                **GOOD,
                "title": " The\ntitle ",
                "date": "2017-02-19",
                "source": "AFP",
                "url": "http://a.org",
                "authors": ["Ann", "Bo"],
                "summary": "Short.",
                "score": 1.5,
                "ok": True,
                "none": None,
                "deep": {"a": [1]},
            },
            "",
            {"id": 7, "text": "Cafe\u0301.\r\nLine"},
        ),
    )
    first, second = all_of(path.parent)
    assert isinstance(first, Article) and isinstance(second, Article)
    assert (first.id, first.title, first.text) == ("all.jsonl#a1", "The title", "One text.")
    assert (first.source, first.published, first.url) == ("AFP", date(2017, 2, 19), "http://a.org")
    assert dict(first.meta) == {"authors": "Ann, Bo", "summary": "Short.", "score": "1.5", "ok": "true"}
    assert (second.id, second.title, second.text) == ("all.jsonl#7", "Café.", "Café.\nLine")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"id": "a", "text": "x"', "is not JSON: Expecting ',' delimiter, at character 24"),
        ("nonsense", "is not JSON"),
        ('["a"]', "is a list, not an object"),
        ("12", "is a number, not an object"),
        ('{"text": "x"}', "has no id"),
        ('{"id": null, "text": "x"}', "has no id"),
        ('{"id": true, "text": "x"}', "has no id"),
        ('{"id": 1.5, "text": "x"}', "has no id"),
        ('{"id": " ", "text": "x"}', "has no id"),
        ('{"id": "a"}', "has no text: nothing instead"),
        ('{"id": "a", "text": ["x"]}', "has no text: a list instead"),
        ('{"id": "a", "text": 5}', "has no text: a number instead"),
        ('{"id": "a", "text": " \\n"}', "has no text: not one letter"),
        ('{"id": "a", "text": "a\\u0000b"}', "is binary: it has a NUL at character 1"),
        (
            '{"id": "a", "text": "x", "date": "soon"}',
            "the date 'soon' cannot be read. Write it as 2017-02-19.",
        ),
        ('{"id": "a", "text": "x", "date": "2017-02-30"}', "not in the calendar"),
        ('{"id": "a", "text": "x", "date": "0001-01-01"}', "outside 1000 to 2999"),
        ('{"id": "a", "text": "x", "title": {"a": 1}}', "has a title that is not text"),
        ('{"id": "a", "text": "x", "n": NaN}', "has NaN, which is not JSON"),
        ('{"id": "a", "text": "x", "n": ' + "9" * 5000 + "}", "a number that is too long"),
        ('{"id": "a", "id": "b", "text": "x"}', "has 'id' twice"),
        ('{"id": "a", "text": "x", "deep": ' + "[" * 100_000, "nested too deeply"),
        ('{"id": "a", "text": "x", "deep": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(write: Write, line: str, complaint: str) -> None:
    good = [{"id": n, "text": f"Text {n}."} for n in range(1, 18)]
    path = write("all.jsonl", lines(*good[:16], line, good[16]))
    items = all_of(path)
    failures = [item for item in items if isinstance(item, Failure)]
    assert [f.path for f in failures] == [f"{path}:17"]
    assert complaint in failures[0].error and failures[0].file == str(path)
    assert [item.text for item in items if isinstance(item, Article)] == [f"Text {n}." for n in range(1, 18)]


def test_any_depth_of_nesting_is_an_article_or_a_failure(write: Write) -> None:
    for depth in range(800, 1100, 7):
        line = f'{{"id": 1, "text": "x", "deep": {"[" * depth}1{"]" * depth}}}'
        assert isinstance(one(write("a.jsonl", line)), Article | Failure)


def test_the_second_of_two_equal_ids_is_the_failure(write: Write) -> None:
    path = write(
        "all.jsonl", lines(GOOD, {"id": "b"}, {**GOOD, "text": "Other."}, {"id": "b", "text": "Late."})
    )
    first, without_text, second, late = all_of(path)
    assert isinstance(first, Article) and first.text == "One text."
    assert isinstance(without_text, Failure)
    assert second == Failure(
        f"{path}:3", "has the same id as line 1. Give each article an id of its own.", str(path)
    )
    assert isinstance(late, Article)


def test_a_jsonl_file_of_other_data_is_skipped_in_a_folder_and_read_when_given(write: Write) -> None:
    path = write("news/questions.jsonl", lines({"id": 1, "question": "Who?"}, {"id": 2, "question": "Why?"}))
    write("news/README.md", "What lies here.")
    sources, _, skipped = find([path.parent])
    assert [s.key for s in sources] == ["questions.jsonl"]
    assert [Path(s.path).name for s in skipped] == ["README.md"]
    assert [type(item) for item in read(sources[0])] == [Skipped]
    assert [type(item) for item in all_of(path)] == [Failure, Failure]
    path.write_text(lines({"id": 1}, GOOD))
    assert [type(item) for item in read(sources[0])] == [Failure, Article]


def test_lone_surrogates_are_replaced_and_pairs_are_one_character(write: Write) -> None:
    line = '{"id": "\\ud800", "text": "a \\ud83d\\ude00 b \\udc00", "\\ud801": "c"}'
    got = article(write("a.jsonl", line))
    assert (got.id, got.text, dict(got.meta)) == ("a.jsonl#\ufffd", "a 😀 b \ufffd", {"\ufffd": "c"})


def test_a_jsonl_file_may_have_a_byte_order_mark_and_lines_of_cp1252(write: Write) -> None:
    marked = b"\xef\xbb\xbf" + json.dumps(GOOD).encode()
    western = '{"id": "b", "text": "Café — naïve"}'.encode("cp1252")
    first, second = all_of(write("a.jsonl", marked + b"\r\n" + western))
    assert isinstance(first, Article) and first.id == "a.jsonl#a1"
    assert isinstance(second, Article) and second.text == "Café — naïve"
    assert second.meta["encoding"] == "cp1252"


def test_a_jsonl_file_in_utf16_is_one_failure(write: Write) -> None:
    assert "UTF-16" in failure(write("a.jsonl", lines(GOOD, GOOD).encode("utf-16"))).error


def test_a_line_over_the_limit_is_not_read_whole(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_ARTICLE_BYTES", 1000)
    long = {"id": "b", "text": "x" * 5000}
    path = write("all.jsonl", lines(GOOD, long, {**GOOD, "id": "c"}) + json.dumps(long))
    first, second, third, last = all_of(path)
    assert isinstance(first, Article) and isinstance(third, Article)
    size = len(lines(long))
    assert second == Failure(
        f"{path}:2", f"has {size:,} bytes, an article at most 1,000. Split it into articles.", str(path)
    )
    assert isinstance(last, Failure) and last.path == f"{path}:4"
    with path.open("rb") as file:
        assert max(len(raw) for _, raw, _ in jsonl.bounded_lines(file)) == 1001


# ---- Dates and cuts


@pytest.mark.parametrize(
    "written",
    [
        "2017-02-19",
        "2017-02-19T23:30:00+01:00",
        "2017-02-19 10:00",
        "20170219",
        "20170219T101112Z",
        "2017/02/19",
        "2017/2/19",
        "Sun, 19 Feb 2017 10:00:00 +0000",
        "19 February 2017",
        "19th Feb. 2017",
        "Sunday, February 19, 2017",
        "February 19 2017, 7:30 p.m.",
    ],
)
def test_dates_that_mean_one_day(written: str) -> None:
    assert parse_date(written) == date(2017, 2, 19)


def test_a_date_without_its_day_is_the_first_and_stays_as_it_was_written(write: Write) -> None:
    for written, day in (
        ("2017-02", date(2017, 2, 1)),
        ("Feb 2017", date(2017, 2, 1)),
        ("2017", date(2017, 1, 1)),
    ):
        got = article(write("a.md", f"---\ndate: {written}\n---\nText"))
        assert (got.published, got.meta["date"]) == (day, written)


@pytest.mark.parametrize(
    "written", ["03/04/2017", "13.04.2017", "yesterday", "19 Brumaire 1799", "1487462400", "2017-0219"]
)
def test_dates_that_are_refused(written: str) -> None:
    with pytest.raises(Unfit):
        parse_date(written)


@given(st.text(), st.integers(2, 50))
def test_shortened_text_is_no_longer_than_the_limit(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(), st.sampled_from(["a.txt", "a.md", "a.jsonl"]))
def test_any_bytes_are_articles_and_failures(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for item in all_of(path):
        assert isinstance(item, Article | Failure)
        if isinstance(item, Article):
            assert item.text.strip() and item.text.encode() and item.title and "\n" not in item.title


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_any_front_matter_is_read_or_named(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(f"---\n{header}\n---\nText".encode(errors="replace"))
    assert isinstance(one(path), Article | Failure)


# ---- Real files


@pytest.mark.data
def test_binary_in_a_real_collection_is_named() -> None:
    if "CITEWISE_DATA" not in os.environ:
        pytest.skip("needs CITEWISE_DATA")
    items = all_of(Path(os.environ["CITEWISE_DATA"], "corpora", "onestop.jsonl"))
    failures = [item for item in items if isinstance(item, Failure)]
    assert [Path(f.path).name for f in failures] == ["onestop.jsonl:1"]
    assert len(items) == 190


# ---- What is left out, and where reading ends


def test_a_file_of_bad_lines_is_left_after_a_thousand_and_says_so(write: Write) -> None:
    path = write("b.jsonl", '{"id": 1, "text": "Good."}\n' + "{bad\n" * 1000 + '{"id": 2, "text": "Late."}\n')
    article, *failures = all_of(path)
    assert isinstance(article, Article) and article.text == "Good."
    assert len(failures) == 1001 and all(isinstance(failure, Failure) for failure in failures)
    assert failures[-1].path == str(path) and failures[-1].file == str(path)  # type: ignore[union-attr]
    assert failures[-1].error.startswith("the rest of the file was not read: 1,000")  # type: ignore[union-attr]
    exact = write("c.jsonl", "{bad\n" * 1000)
    assert len(all_of(exact)) == 1000, "nothing is left that was not read"


def test_a_table_of_bad_rows_is_left_as_well(write: Write) -> None:
    path = write("b.csv", "text,title\n" + "???,t\n" * 1100)
    found = all_of(path)
    assert len(found) == 1001
    assert found[-1].error.startswith("the rest of the file was not read")  # type: ignore[union-attr]


def test_what_is_hidden_is_counted_once(tmp_path: Path, write: Write) -> None:
    for name in (".git/a.txt", ".git/b.txt", "in/.b.txt", "in/.c.txt", "c.txt"):
        write(name, "x")
    assert listing([tmp_path, tmp_path / "in"]).n_hidden == 3
    assert listing([tmp_path, tmp_path / "in" / ".b.txt"]).n_hidden == 2


def test_an_index_is_not_looked_into(tmp_path: Path, write: Write) -> None:
    for name in ("ix/CURRENT", "ix/gen-1/articles.db", "ix/uploads/a.txt", "ix/fetched/b.json", "b.txt"):
        write(name, "x")
    sources, failures, skipped = find([tmp_path])
    assert [source.key for source in sources] == ["b.txt"] and failures == []
    assert [item.path for item in skipped] == [str(tmp_path / "ix")]
    assert keys(tmp_path / "ix" / "uploads") == ["a.txt"], "unless the folder itself is given"


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "a.txt"
    os.mkfifo(pipe)
    sums: list[str] = []
    waiting = threading.Thread(target=lambda: sums.append(Sums().of(pipe)), daemon=True)
    waiting.start()
    waiting.join(5)
    assert sums == [""]
    with pytest.raises(Unfit, match="not a regular file"):
        opened(pipe)
