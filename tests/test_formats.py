"""Documents read as articles: HTML, PDF, DOCX, ODT and EPUB, sound and hostile, in the child that reads them."""

from __future__ import annotations

import io
import time
import zipfile
from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import formats
from ingest import read as reading
from ingest.fields import Unfit
from ingest.formats import (
    MODULES,
    Item,
    Parsed,
    docx,
    epub,
    html,
    lines,
    parse_member,
    pdf,
    suffix_of,
    zipped,
)
from ingest.formats.layout import HYPHEN, Line, paragraphs, unparted
from ingest.read import Failure, Skipped, Source, find, read
from rag.domain import Article
from tests import documents as made
from tests.documents import column, p, page

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def all_of(path: Path) -> list[Article | Failure | Skipped]:
    sources, failures, _ = find([path])
    assert failures == []
    return [item for source in sources for item in read(source)]


def article(path: Path) -> Article:
    (item,) = all_of(path)
    assert isinstance(item, Article), item
    return item


def failure(path: Path) -> str:
    (item,) = all_of(path)
    assert isinstance(item, Failure), item
    assert item.file == str(path)
    return item.error


# ---- Which module reads what


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.txt", ".txt"),
        ("A.TAR.GZ", ".tar.gz"),
        ("a.b.html", ".html"),
        ("a.gz", ""),
        (".txt", ""),
        (".tar.gz", ""),
        ("tar.gz", ""),
        ("txt", ""),
        ("a.txt/b", ""),
        ("a\n.txt", ".txt"),
        ("", ""),
    ],
)
def test_a_suffix_can_have_two_parts(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


def test_a_member_of_an_archive_is_read_by_its_suffix() -> None:
    def of(name: str, raw: bytes) -> list[Item]:
        return list(parse_member(name, io.BytesIO(raw), {"text": "body"}))

    assert of("a/b.md", b"---\ntitle: T\n---\n# H") == [
        Parsed(("# H",), values={"title": "T"}, is_markdown=True, is_ours=True)
    ]
    assert of("b.jsonl", b'{"id": 1, "body": "x"}') == [Parsed(("x",), "1", line=1, is_ours=True)]
    assert of("c.html", b"<p>Text of a page.</p>")[0].pages == ("Text of a page.",)  # type: ignore[union-attr]
    with pytest.raises(Unfit, match="of no format that is read"):
        of("d.jpeg", b"")


def test_a_missing_library_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name == "pypdfium2":
            raise ModuleNotFoundError("No module named 'pypdfium2'", name="pypdfium2")
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(__import__("sys").modules, "ingest.formats.pdf")
    with pytest.raises(Unfit, match=r"reading \.pdf needs pypdfium2") as caught:
        formats.parser("ingest.formats.pdf", ".pdf")
    assert caught.value.hint == "pip install citewise[formats]"


# ---- HTML

STORY = (
    "The minister said on Sunday that the vote would be held in March, as had been planned for a year. " * 4
)
PAGE = f"""<!DOCTYPE html><html lang="en-GB"><head><title>The vote - The Paper</title>
<meta property="og:title" content="The vote will be held">
<meta property="og:site_name" content="The Paper">
<meta property="article:published_time" content="2017-02-19T10:00:00Z">
<meta name="author" content="Ann Lee">
<link rel="canonical" href="https://example.org/vote">
</head><body><nav><ul><li><a href="/">Home of the paper</a></li><li><a href="/s">Sports pages</a></li></ul></nav>
<article><h1>The vote will be held</h1><p>{STORY}</p><h2>What comes next ¶</h2><p>{STORY.upper()}</p>
<ul><li>One thing that will come</li><li>Another thing</li></ul></article>
<footer>All rights reserved by someone</footer><script>var x = "not text";</script></body></html>"""


def test_html_is_its_article_without_menus(write: Write) -> None:
    got = article(write("a.html", PAGE))
    assert (got.title, got.source, got.published) == ("The vote will be held", "The Paper", date(2017, 2, 19))
    assert got.url == "https://example.org/vote"
    assert (got.meta["author"], got.meta["language"]) == ("Ann Lee", "en-GB")
    blocks = got.text.split("\n\n")
    assert blocks[0] == "# The vote will be held"
    assert blocks[1:4] == [STORY.strip(), "## What comes next", STORY.upper().strip()]
    assert blocks[4:] == ["- One thing that will come", "- Another thing"]


def test_a_page_without_an_article_is_what_can_be_seen_of_it(write: Write) -> None:
    body = "<nav>Menu here</nav><style>p {}</style><h2>Short <b>news</b></h2><p>It<br>rained.</p>"
    got = article(write("a.htm", f"<html><body>{body}</body></html>"))
    assert got.text == "## Short news\n\nIt\nrained."
    assert article(write("b.html", "<nav>Only a menu</nav>")).text == "Only a menu"


def test_a_long_page_is_all_that_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MAX_SEARCHED_BYTES", len(PAGE) - 1)
    (item,) = html.parse(io.BytesIO(PAGE.encode()), "a.html", {})
    assert item.values == {
        "title": "The vote - The Paper",
        "language": "en-GB",
        "date": "2017-02-19T10:00:00Z",
    }
    assert item.pages[0].startswith("# The vote will be held\n\nThe minister said")
    assert "Home of the paper" not in item.pages[0]


@pytest.mark.parametrize(
    ("head", "day"),
    [
        ('<meta name="DC.date.issued" content="2017-02-19">', date(2017, 2, 19)),
        ('<meta itemprop="datePublished" content="2017-02-19T23:00:00+01:00">', date(2017, 2, 19)),
        ('<script type="application/ld+json">{"datePublished": "2017-02-19"}</script>', date(2017, 2, 19)),
        ('<article><time datetime="2017-02-19">19/2</time></article>', date(2017, 2, 19)),
        ('<time datetime="2017-02-19" itemprop="datePublished">', date(2017, 2, 19)),
        ('<meta name="date" content="soon"><time datetime="2017-02-19" pubdate>', date(2017, 2, 19)),
        ('<time datetime="2017-02-19">a day that the text speaks of</time>', None),
        ("<p>Copyright 2017. Published on February 19, 2017</p>", None),
    ],
)
def test_the_day_is_what_the_page_says_and_no_guess(head: str, day: date | None) -> None:
    root = html.tree_of(f"<html><body>{head}<p>Text</p></body></html>")
    assert reading.parse_fields({"date": html._published(root)}).published == day


@pytest.mark.parametrize(
    ("text", "encoding", "declared", "said"),
    [
        ("Café", "utf-8", "", None),
        ("Café", "utf-8", "iso-8859-1", None),
        ("Café", "utf-16", "", "utf-16"),
        ("Café €", "cp1252", "iso-8859-1", None),
        ("Министр", "koi8-r", "koi8-r", None),
        ("日本語の文章", "iso2022_jp", "ISO-2022-JP", None),
        ("Café", "cp1252", "no-such-encoding", "cp1252"),
        ("Café", "cp1252", "utf-8", "cp1252"),
    ],
)
def test_a_page_is_decoded_as_it_says_unless_that_is_not_true(
    write: Write, text: str, encoding: str, declared: str, said: str | None
) -> None:
    content = f"<html><head><meta charset='{declared}'></head><body><p>{text}</p></body></html>"
    got = article(write("a.html", content.encode(encoding)))
    assert (got.text, got.meta.get("encoding")) == (text, said)


def test_xhtml_of_another_encoding_with_entities_of_its_own(write: Write) -> None:
    head = '<?xml version="1.0" encoding="iso-8859-1"?><!DOCTYPE html [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'
    content = (
        f'{head}<html xmlns="http://www.w3.org/1999/xhtml" lang="fr"><body><p>Café &b;</p></body></html>'
    )
    assert article(write("a.xhtml", content.encode("latin-1"))).text == "Café &b;"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no text: it is empty"),
        (b"<!-- nothing -->", "has no text: it is empty"),
        (b"<html><body><img src='a'></body></html>", "has no text: not one letter"),
        (b"<b>" * 100_000 + b"deep" + b"</b>" * 100_000, "nested too deeply"),
        (b"<div>" * 100_000, "nested too deeply"),
        (bytes(range(256)) * 20, "is binary"),
    ],
)
def test_html_that_cannot_be_read_is_named(write: Write, content: bytes, message: str) -> None:
    assert message in failure(write("a.html", content))


def test_html_of_100_mb_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    with path.open("wb") as file:
        file.write(b"<html><body><p>Text")
        file.truncate(100 * 2**20)
    started = time.monotonic()
    assert "has over 33,554,432 bytes" in failure(path)
    assert time.monotonic() - started < 2


# ---- PDF


def test_a_pdf_has_pages_and_properties(write: Write) -> None:
    info = "/Title (A title) /Author (Ann Lee) /CreationDate (D:20170219103000+01'00')"
    pages = [column("The first page."), [], column("The third page.", "It has two lines.")]
    got = article(write("a.pdf", made.pdf(pages, info)))
    assert (got.title, got.published) == ("A title", date(2017, 2, 19))
    assert dict(got.meta) == {"author": "Ann Lee", "language": "en-GB", "pages": "0 15 17"}
    assert got.text.startswith("The first page.\n\nThe third page.")


@pytest.mark.parametrize(
    "title", ["", "untitled", "Microsoft Word - a.doc", "report_final.docx", "paper.DVI"]
)
def test_a_title_that_a_program_gave_is_none(write: Write, title: str) -> None:
    assert (
        article(write("a.pdf", made.pdf([column("First words")], f"/Title ({title})"))).title == "First words"
    )


def test_a_pdf_without_dates_or_with_a_broken_one_is_read(write: Write) -> None:
    for written, day, kept in (("D:2017", date(2017, 1, 1), "2017"), ("D:99999999", None, "9999-99-99")):
        got = article(write("a.pdf", made.pdf([column("Words")], f"/CreationDate ({written})")))
        assert (got.published, got.meta["date"]) == (day, kept)


def test_lines_of_a_paragraph_are_joined_and_paragraphs_are_not(write: Write) -> None:
    lines = column(
        "The commission met in the town on Monday and spoke about the exam-",
        "ple of last year, which nobody had wanted to speak of before them,",
        "and left.",
        "The second paragraph begins where the first had room for its words,",
        "and it goes on for a line.",
    )
    heading = (70.0, 810.0, 16.0, "A heading in larger type")
    apart = (70.0, 660.0, 11.0, "Further down there stands another paragraph.")
    text = article(write("a.pdf", made.pdf([[heading, *lines, apart]]))).text
    assert text.split("\n\n") == [
        "A heading in larger type",
        "The commission met in the town on Monday and spoke about the example of last year, "
        "which nobody had wanted to speak of before them, and left.",
        "The second paragraph begins where the first had room for its words, and it goes on for a line.",
        "Further down there stands another paragraph.",
    ]


def test_columns_follow_each_other(write: Write) -> None:
    left = column("In the left column a sentence begins", "that is long enough to go on in", size=9)
    right = column("the right column, where it ends.", x=320, size=9)
    text = article(write("a.pdf", made.pdf([[*left, *right]]))).text
    assert text == (
        "In the left column a sentence begins that is long enough to go on in the right column, where it ends."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (made.pdf([[], []]), "holds pictures of text, or none. Run OCR first"),
        (b"", "is not a PDF, or is damaged"),
        (b"%PDF-1.4\nnothing", "is not a PDF, or is damaged"),
        (made.pdf([column("Text")])[:300], "is not a PDF, or is damaged"),
        (
            made.pdf(
                [column("Text")],
                trailer="/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 "
                f"/O ({'o' * 32}) /U ({'u' * 32}) >>",
            ),
            "is encrypted: it needs a password. Save it without one.",
        ),
        (made.pdf([column("Text")]).replace(b"/Type /Page ", b"/Type /Pag_ "), "is "),
    ],
    ids=["pictures", "empty", "no objects", "cut short", "encrypted", "no page"],
)
def test_a_pdf_that_cannot_be_read_is_named(write: Write, content: bytes, message: str) -> None:
    assert message in failure(write("a.pdf", content))


def test_a_pdf_of_too_many_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PAGES", 1)
    with pytest.raises(Unfit, match="has 2 pages, a PDF at most 1"):
        list(pdf.parse(io.BytesIO(made.pdf([column("Text")] * 2)), "a.pdf", {}))


def test_a_pdf_that_claims_pages_which_it_does_not_have_ends(write: Write) -> None:
    content = made.pdf([column("Text")]).replace(b"/Count 1 ", b"/Count 9999999 ")
    assert article(write("a.pdf", content)).text == "Text"


def test_a_pdf_whose_pages_go_round_in_a_circle_ends(write: Write) -> None:
    content = made.pdf([column("Text")]).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]")
    assert failure(write("a.pdf", content))


def line(text: str, left: float = 70, width: float = 300, base: float = 700, size: float = 10) -> Line:
    return Line(text, left, left + width, base, size)


@pytest.mark.parametrize(
    ("above", "below", "joined"),
    [
        (line("full and"), line("goes on", base=688), True),
        (line("short", width=100), line("next words that fill their line to its very end", base=688), False),
        (line("nearly full", width=280), line("representatives that do not fit on it", base=688), True),
        (line("full"), line("far below", base=660), False),
        (line("full"), line("larger", base=688, size=14), False),
        (line("full"), line("indented", left=90, width=280, base=688), False),
        (line("indented", left=90, width=280), line("back at the margin", base=688), True),
        (line("- item"), line("hanging", left=82, width=280, base=688), True),
        (line("full"), line("• item", base=688), False),
        (line("cell", width=50), line("cell beside it", left=200), True),
        (line("the last line of a column"), line("and the first of the next", left=320, base=760), True),
        (line("the last line of a column."), line("The first of the next", left=320, base=760), False),
        (line("an exam" + HYPHEN, width=100), line("ple", base=650), True),
    ],
)
def test_where_a_paragraph_ends(above: Line, below: Line, joined: bool) -> None:
    before = [line(f"a line before {n}", base=700 + 12 * n) for n in range(6, 0, -1)]
    assert len(paragraphs([*before, above, below])) - len(paragraphs([*before, above])) == (not joined)


def test_no_lines_are_no_paragraphs() -> None:
    assert paragraphs([]) == []
    assert paragraphs([line("one")]) == ["one"]


@pytest.mark.parametrize(
    ("elsewhere", "parted", "whole"),
    [
        ("", "ex-ample", "example"),
        ("a well-known man", "Well-known", "Well-known"),
        ("pack ages packages", "pack-ages", "packages"),
        ("compatible with sendmail", "sendmail-compatible", "sendmail-compatible"),
        ("what is compatible", "incom-patible", "incompatible"),
        ("", "ends-", "ends-"),
    ],
)
def test_a_hyphen_at_a_line_end_goes_unless_the_word_has_it(elsewhere: str, parted: str, whole: str) -> None:
    marked = parted.replace("-", HYPHEN)
    assert unparted((f"one {marked} two", elsewhere)) == (f"one {whole} two", elsewhere)


# ---- Pages and offsets


@given(st.lists(st.text(alphabet="ab é\u0301\r\n\u2028\x00 .", max_size=12), min_size=2, max_size=6))
def test_the_page_of_any_character_can_be_told(pages: list[str]) -> None:
    text, starts = reading._whole(Parsed(tuple(pages)))
    assert len(starts) == len(pages) and starts == sorted(starts)
    ends = [*starts[1:], len(text)]
    for start, end, one in zip(starts, ends, pages, strict=True):
        said = reading.normalise(one).strip()
        assert text[start:end].strip() == said
        for at in range(start, start + len(said)):
            assert starts[bisect_right(starts, at) - 1] == start
    assert "\n\n".join(filter(None, (reading.normalise(one).strip() for one in pages))) == text


def test_one_page_has_no_offsets() -> None:
    assert reading._whole(Parsed(("\n  Text\n",))) == ("  Text", [])


# ---- DOCX


def test_a_docx_is_markdown_with_its_properties(write: Write) -> None:
    table = "<w:tbl><w:tr><w:tc>{}</w:tc><w:tc>{}{}</w:tc></w:tr><w:tr><w:tc>{}</w:tc></w:tr></w:tbl>"
    body = "".join(
        [
            p("A title", "Titel"),
            p("A title 1", "Verzeichnis1"),
            p("Second heading", "berschrift2"),
            p("Some text."),
            p("An item", item=True),
            table.format(p("Year"), p("Seats"), p("won"), p("2017")),
            "<w:sdt><w:sdtContent>" + p("In a content control.") + "</w:sdtContent></w:sdt>",
            "<w:p><w:ins><w:r><w:t>Was in</w:t><w:tab/><w:t>serted</w:t></w:r></w:ins>"
            "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
            "<w:r><w:br/><w:t>and</w:t><w:instrText>PAGE</w:instrText></w:r></w:p>",
            p(""),
        ]
    )
    got = article(write("a.docx", made.docx(body)))
    assert (got.title, got.published) == ("A title", date(2017, 2, 19))
    assert (got.meta["author"], got.meta["language"]) == ("Ann Lee", "en-US")
    assert got.text.split("\n\n") == [
        "# A title",
        "## Second heading",
        "Some text.",
        "- An item",
        "| Year | Seats won |\n| 2017 |",
        "In a content control.",
        "Was in serted\nand",
    ]


def test_a_text_box_of_a_docx_is_read_once(write: Write) -> None:
    names = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    box = f"<w:txbxContent>{p('in a box')}</w:txbxContent>"
    choice = f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
    either = f"<mc:AlternateContent {names}>{choice}</mc:AlternateContent>"
    body = f"<w:p><w:r><w:t>before</w:t>{either}<w:t>after</w:t></w:r></w:p>"
    assert article(write("a.docx", made.docx(body))).text == "before\nin a box\nafter"


def test_a_strict_docx_is_read_like_any_other(write: Write) -> None:
    strict = made.docx(p("A heading", "berschrift2") + p("Text."), namespace=docx._STRICT_W)
    assert article(write("a.docx", strict)).text == "## A heading\n\nText."


# ---- ODT


def test_an_odt_is_markdown_with_its_properties(write: Write) -> None:
    body = """<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
<text:table-of-content><text:index-body><text:p>A heading 1</text:p></text:index-body></text:table-of-content>
<text:h text:outline-level="2">A <text:span>heading</text:span></text:h>
<text:section><text:p>Two<text:s text:c="3"/>words<text:line-break/>and<text:note><text:note-body><text:p>a note
</text:p></text:note-body></text:note> more<office:annotation><text:p>a comment</text:p></office:annotation>.</text:p>
</text:section>
<text:list><text:list-item><text:p>An item</text:p></text:list-item></text:list>
<text:p>around <draw:frame><draw:text-box><text:p>in a box</text:p></draw:text-box></draw:frame>it</text:p>
<table:table><table:table-row><table:table-cell><text:p>Year</text:p></table:table-cell>
<table:table-cell><text:p>Seats</text:p><text:p>won</text:p></table:table-cell></table:table-row></table:table>"""
    got = article(write("a.odt", made.odt(body)))
    assert (got.title, got.published) == ("A title", date(2017, 2, 19))
    assert (got.meta["author"], got.meta["language"]) == ("Ann Lee", "de-DE")
    assert got.text.split("\n\n") == [
        "## A heading",
        "Two words\nand more.",
        "- An item",
        "around\nin a box\nit",
        "| Year | Seats won |",
    ]


# ---- EPUB


def test_a_book_is_one_article_in_the_order_of_reading(write: Write) -> None:
    chapters = {
        "text/two%20b.xhtml": page("<h1>Chapter <br/>two</h1><p>Its text &amp;&nbsp;more.</p>"),
        "one.xhtml": page("<p>No heading here.</p>", "Chapter one"),
        "one.xhtml#part": "",
        "cover.xhtml": page("<img src='a.png'/>"),
    }
    got = article(write("a.epub", made.epub(chapters)))
    assert (got.title, got.source, got.published) == ("A book", "A house", date(2017, 1, 1))
    assert (got.meta["author"], got.meta["language"]) == ("Ann Lee, Bo Li", "en")
    assert got.text == "# Chapter two\n\nIts text & more.\n\n## Chapter one\n\nNo heading here."


def test_a_long_book_is_an_article_a_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_ARTICLE_BYTES", 30)
    chapters = {f"{n}.xhtml": page(f"<h2>Chapter {n}</h2><p>Its own text.</p>") for n in (1, 2)}
    first, second = epub.parse(io.BytesIO(made.epub(chapters)), "a.epub", {})
    assert isinstance(first, Parsed) and isinstance(second, Parsed)
    assert (first.id, second.id) == ("OEBPS/1.xhtml", "OEBPS/2.xhtml")
    assert first.pages == ("## Chapter 1\n\nIts own text.",)
    assert (second.values["title"], second.values["book"]) == ("Chapter 2", "A book")


def test_a_chapter_that_cannot_be_read_stops_no_other(write: Write) -> None:
    names = 'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"'
    lock = f'<encryption {names}><enc:CipherReference URI="OEBPS/b.xhtml"/></encryption>'
    chapters = {"a.xhtml": page("<p>Open to all.</p>"), "b.xhtml": "garbage", "c.xhtml": "\0"}
    items = all_of(write("a.epub", made.epub(chapters, **{"META-INF__encryption": lock})))
    assert [getattr(item, "path", "article").partition("a.epub")[2] for item in items] == [
        "#OEBPS/b.xhtml",
        "#OEBPS/c.xhtml",
        "",
    ]
    assert "is encrypted" in items[0].error  # type: ignore[union-attr]
    assert isinstance(items[2], Article) and items[2].text == "Open to all."


# ---- What is wrong with archives

BOMB = b"<a>" + b" " * (3 * 2**20)
LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY a11 SYSTEM "file:///etc/passwd">]>'


def sound(suffix: str) -> bytes:
    if suffix == ".docx":
        return made.docx(p("Text."))
    return (
        made.odt("<text:p>Text.</text:p>")
        if suffix == ".odt"
        else made.epub({"a.xhtml": page("<p>Text.</p>")})
    )


MAIN = {".docx": "word/document.xml", ".odt": "content.xml", ".epub": "OEBPS/book.opf"}


def changed(suffix: str, part: str, content: str | bytes | None) -> bytes:
    with zipfile.ZipFile(io.BytesIO(sound(suffix))) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    if content is None:
        del parts[part]
    else:
        parts[part] = content
    return made.zipped(parts)


@pytest.mark.parametrize("suffix", MAIN)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "it has no "),
        (BOMB, "unpacks to 3,145,731 bytes"),
        ("<a>", "is damaged at "),
        ("<a>" * 100_000, "is damaged at "),
    ],
    ids=["missing", "bomb", "not closed", "deep"],
)
def test_a_part_that_cannot_be_read_is_named(
    write: Write, suffix: str, content: str | bytes | None, message: str
) -> None:
    assert message in failure(write(f"a{suffix}", changed(suffix, MAIN[suffix], content)))


@pytest.mark.parametrize("suffix", MAIN)
@pytest.mark.parametrize("head", [LAUGHS, OUTSIDE], ids=["laughs", "outside"])
def test_entities_are_not_expanded(write: Write, suffix: str, head: str) -> None:
    part = "OEBPS/a.xhtml" if suffix == ".epub" else MAIN[suffix]
    with zipfile.ZipFile(io.BytesIO(sound(suffix))) as archive:
        content = archive.read(part).decode()
    whole = head + content.removeprefix('<?xml version="1.0" encoding="UTF-8"?>').replace(
        "Text.", "Text. &a11;"
    )
    got = all_of(write(f"a{suffix}", changed(suffix, part, whole)))[-1]
    assert isinstance(got, Failure) or (got.text.startswith("Text.") and len(got.text) < 20)  # type: ignore[union-attr]


@pytest.mark.parametrize("suffix", MAIN)
def test_what_is_no_archive_or_cut_short_is_named(write: Write, suffix: str) -> None:
    assert "or is cut short" in failure(write(f"a{suffix}", b"no archive"))
    assert "or is cut short" in failure(write(f"b{suffix}", sound(suffix)[:-30]))


def test_encrypted_documents_are_named(write: Write) -> None:
    assert "is encrypted" in failure(
        write("a.odt", made.odt("", **{"META-INF__manifest": "<encryption-data/>"}))
    )
    raw = bytearray(made.docx(p("Text.")))
    for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        start = raw.find(mark)
        raw[start + at] |= 1
    assert "is encrypted" in failure(write("a.docx", bytes(raw)))


def test_a_spreadsheet_called_odt_is_no_text(write: Write) -> None:
    assert "is an OpenDocument, and no text" in failure(write("a.odt", made.odt("", kind="spreadsheet")))


def test_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MAX_PARTS", 2)
    with pytest.raises(Unfit, match="has 3 parts"):
        list(docx.parse(io.BytesIO(made.docx("")), "a.docx", {}))


def either_way(path: Path) -> None:
    """Whatever is in a file, it is articles or complaints that name what is wrong with it."""
    for item in read(Source(str(path.parent), path, path.name, 0, named=True)):
        assert isinstance(item, Article) or not (
            "parser" in item.error or "cannot be read (" in item.error
        ), item


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(st.sampled_from([*MAIN, ".pdf"]), st.integers(0, 3000), st.binary(min_size=1, max_size=20))
def test_damage_anywhere_is_an_item_or_an_error_of_ours(
    tmp_path: Path, suffix: str, at: int, damage: bytes
) -> None:
    raw = made.pdf([column("Text.")]) if suffix == ".pdf" else sound(suffix)
    place = at % len(raw)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(raw[:place] + damage + raw[place + len(damage) :])
    either_way(path)


TAGS = (
    "html body div p article nav h1 h2 ul li table td pre br meta script style time b a svg template".split()
)
PIECES = st.one_of(
    st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
    st.sampled_from(
        ["<!--", "-->", "<![CDATA[", "&#1;", "&#xD800;", "\x0c", '<meta property="og:title" content="']
    ),
    st.text(max_size=8),
    st.just("Some words of a sentence that goes on. " * 5),
)


@FUZZ
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_html_is_an_item_or_an_error_of_ours(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(content.encode("utf-8", "replace"))
    either_way(path)


# ---- From what a format says to an article


def test_fields_name_what_a_line_has(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"key": "a", "body": "Its text", "headline": "T", "text": 5, "title": "U"}\n{"key": "b"}\n'
    )
    (source,) = find([path])[0]
    first, second = read(source, {"id": "key", "text": "body", "title": "headline"})
    assert isinstance(first, Article) and isinstance(second, Failure)
    assert (first.id, first.title, first.text, dict(first.meta)) == ("a.jsonl#a", "T", "Its text", {})
    assert second.error == 'has no body: nothing instead. Give it one: "body": "…".'


def test_a_day_that_cannot_be_read_is_kept_beside_unless_it_was_written_for_us(write: Write) -> None:
    def day(item: Parsed) -> Article:
        return reading._article("key", item)

    got = day(Parsed(("Text",), values={"date": "03/04/2017"}))
    assert (got.published, got.meta["date"]) == (None, "03/04/2017")
    with pytest.raises(Unfit):
        day(Parsed(("Text",), values={"date": "03/04/2017"}, is_ours=True))


def test_a_file_over_the_limit_is_not_opened_in_the_child(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    with path.open("wb") as file:
        file.truncate(formats.MAX_FILE_BYTES + 1)
    assert failure(path) == "has 268,435,457 bytes, a .pdf file at most 268,435,456. Split it."


def test_every_format_is_found_and_named(write: Write, tmp_path: Path) -> None:
    for suffix in MODULES:
        write(f"a{suffix.upper()}", "x")
    sources, failures, skipped = find([tmp_path])
    assert (len(sources), failures, skipped) == (len(MODULES), [], [])


def test_names_are_printed_without_their_controls(tmp_path: Path) -> None:
    path = tmp_path / "a\n\x1b[31mred.pdf"
    path.write_bytes(b"no PDF")
    (item,) = all_of(tmp_path)
    assert isinstance(item, Failure)
    assert item.path == f"{tmp_path}/a␊␛[31mred.pdf"
    assert item.file == str(path)


def test_lines_are_bounded_for_any_file() -> None:
    assert list(lines.bounded_lines(io.BytesIO(b"a\n\nb"))) == [(1, b"a\n", 2), (2, b"\n", 1), (3, b"b", 1)]
