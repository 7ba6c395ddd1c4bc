"""Tables, mail, feeds, news XML and archives read as articles, sound and hostile."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fields import Unfit
from ingest.formats import Item, NoFiles, OtherData, Parsed, Wrong, archive, feed, mail, newsml, table, unpack
from ingest.formats.ids import MAX_ID_CHARS, Ids
from ingest.formats.markup import html_text
from ingest.formats.unpack import Bomb
from ingest.read import Failure, Skipped, find, read
from rag.domain import Article
from tests.documents import zipped

MODULES = {".zip": archive, ".tar": archive, ".tgz": archive, ".bz2": archive, ".xz": archive, ".gz": archive}
MODULES |= {".csv": table, ".tsv": table, ".eml": mail, ".mbox": mail, ".rss": feed, ".xml": newsml}


def items(name: str, content: str | bytes, **fields: str) -> list[Item]:
    raw = content.encode() if isinstance(content, str) else content
    return list(MODULES[Path(name).suffix].parse(io.BytesIO(raw), name, fields))


def parsed(name: str, content: str | bytes, **fields: str) -> list[Parsed]:
    found = items(name, content, **fields)
    assert all(isinstance(item, Parsed) for item in found), found
    return found  # type: ignore[return-value]


def one(name: str, content: str | bytes, **fields: str) -> Parsed:
    (item,) = parsed(name, content, **fields)
    assert len(item.pages) == 1
    return item


def wrongs(name: str, content: str | bytes, **fields: str) -> list[tuple[str, str]]:
    return [(item.id, item.message) for item in items(name, content, **fields) if isinstance(item, Wrong)]


def refused(name: str, content: str | bytes, **fields: str) -> str:
    with pytest.raises(Unfit) as raised:
        items(name, content, **fields)
    assert raised.value.hint
    return raised.value.message


# ---- Tables


def test_a_row_is_an_article_and_its_other_columns_are_kept() -> None:
    header = "Nr,Headline,Body,Pub Date,By-Line,Outlet,Link,Lang,Desk,"
    item = one("a.csv", f"{header}\n7,T,B.,2017-02-19,A,S,u,en,City,x\n", id="nr")
    assert item.pages == ("B.",)
    assert item.id == "7"
    ours = {"title": "T", "date": "2017-02-19", "author": "A", "source": "S", "url": "u", "language": "en"}
    assert item.values == {"Desk": "City"} | ours


def test_fields_name_the_columns_before_their_usual_names_do() -> None:
    text = "text,Content,title\nshort,long,T\n"
    item = one("a.csv", text, text="content", title="text")
    assert item.pages == ("long",)
    assert item.values == {"title": "short"}


def test_a_column_that_is_named_and_missing_is_a_complaint_that_lists_the_columns() -> None:
    assert refused("a.csv", "a,text\n1,2\n", text="body") == "has no column 'body': it has a, text"


def test_a_table_without_a_column_of_text_is_other_data() -> None:
    with pytest.raises(OtherData) as raised:
        items("a.csv", "year,n\n2017,3\n")
    assert raised.value.message == "has no column of text: it has year, n"
    assert "--fields text=" in raised.value.hint


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    made = io.StringIO()
    rows = [
        ["title", "text", "n"],
        ["A, b; c | d", 'He said: "x, y"\nthen; left\t|', "1"],
        ["T", "plain, text; x", "2"],
    ]
    csv.writer(made, delimiter=delimiter).writerows(rows)
    found = parsed("a.csv", made.getvalue())
    assert [(item.values["title"], item.pages[0], item.values["n"]) for item in found] == [
        tuple(row) for row in rows[1:]
    ]


def test_tabs_part_cells_with_or_without_quotes() -> None:
    bare = 'title\ttext\n"Hello" she said\tIt is 5" long\n'
    assert one("a.tsv", bare).values["title"] == '"Hello" she said'
    assert one("a.tsv", 'title\ttext\n"a\tb"\tc\n').values["title"] == "a\tb"
    assert one("a.tsv", "text\nit, has; no | tab\n").pages == ("it, has; no | tab",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_table_in_unicode(encoding: str) -> None:
    assert one("a.csv", "text,title\nGröße,Ä\n".encode(encoding)).pages == ("Größe",)


def test_an_old_encoding_is_told_by_the_first_accent_wherever_it_is() -> None:
    rows = "".join(f"{n},plain text of a row that has no accent\n" for n in range(8000))
    *_, last = parsed("a.csv", f"id,text\n{rows}x,Größe\n".encode("cp1252"))
    assert last.pages == ("Größe",)
    assert last.values["encoding"] == "cp1252"


def test_a_row_without_an_id_has_the_number_that_a_spreadsheet_gives_it() -> None:
    found = parsed("a.csv", 'text\n"one\nline"\n\nthree\n')
    assert [item.id for item in found] == ["2", "4"]


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("2,b", "has 2 cells, the header 3"),
        ("2,b,c,d", "has 4 cells, the header 3"),
        ("1,b,c", "has the same id as row 2"),
        (",b,c", "has no id"),
        ("2,b,", "has no text: its cell is empty"),
        ("2,b,a\0c", "is binary: it has a NUL at character 1"),
        ('2,b,"c"d', "is not CSV: ',' expected after '\"'"),
    ],
)
def test_a_row_that_is_wrong_stops_no_other(row: str, wrong: str) -> None:
    rows = "".join(f"{n},t,x\n" for n in range(4, 20))
    found = items("a.csv", f"id,title,text\n1,t,x\n{row}\n3,t,x,,\n{rows}")
    assert isinstance(found[1], Wrong)
    assert (found[1].id, found[1].message) == ("row 3", wrong)
    assert [item.id for item in found if isinstance(item, Parsed)] == ["1", "3", *map(str, range(4, 20))]


def test_a_quote_that_is_never_closed_takes_in_nothing_silently() -> None:
    found = items("a.csv", 'text,title\nx,y\n"never closed,t\nlost,u\n')
    assert [item.id for item in found] == ["2", "row 3"]
    assert wrongs("a.csv", 'text,title\nx,y\n"never closed,t\nlost,u\n')[0][1].startswith("is not CSV")


def test_a_line_without_an_end_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.formats.MAX_ARTICLE_BYTES", 10_000)
    found = items("a.csv", "text,title\n" + "x" * 5_000_000 + "\nnext,t\n")
    assert wrongs("a.csv", "text,title\n" + "x" * 50_000 + "\nnext,t\n") == [
        ("row 2", "is not CSV: a line has over 10,000 characters")
    ]
    assert [item.id for item in found] == ["row 2", "3"]
    csv.field_size_limit(131_072)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (bytes(range(256)) * 50, "is binary"),
        ("text,title\na,b\n".encode("utf-16-le"), "is binary"),
        (b"text," + b"x," * 20_000 + b"\n", "has 20,002 columns"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, wrong: str) -> None:
    assert wrong in refused("a.csv", content)


class Endless(io.RawIOBase):
    """Rows that are made as they are read."""

    def __init__(self, n: int) -> None:
        self._n, self._at, self._row = n, 0, b"a title,%s\n" % (b"some words of a text " * 50)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset
        return offset

    def readinto(self, buffer: bytearray) -> int:
        whole = b"title,text\n" + self._row * 2
        row = len(self._row)
        end = len(b"title,text\n") + row * self._n
        at = (
            self._at
            if self._at < len(whole) - row
            else (self._at - len(b"title,text\n")) % row + len(b"title,text\n")
        )
        data = whole[at : at + min(len(buffer), end - self._at)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def test_a_long_table_is_never_held() -> None:
    tracemalloc.start()
    try:
        n = sum(1 for _ in table.parse(io.BufferedReader(Endless(4000)), "a.csv", {}))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n == 4000
    assert peak < 2.5 * 2**20  # of 4.2 MB


CELLS = st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n"), max_size=30)


@given(st.lists(st.tuples(CELLS, CELLS.filter(str.strip)), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_a_table_was_written_from_comes_back(rows: list[tuple[str, str]]) -> None:
    made = io.StringIO(newline="")
    csv.writer(made).writerows([("title", "text"), *rows])
    found = parsed("a.csv", made.getvalue())
    assert [(item.values.get("title", ""), item.pages[0]) for item in found] == [
        (title if title.strip() else "", text) for title, text in rows
    ]


# ---- Mail


def message(text: str = "Hello.", **headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in ({"From": "Ada Byron <ada@x.org>", "Subject": "On bridges"} | headers).items():
        made[name.replace("_", "-")] = value
    if text:
        made.set_content(text)
    return made


def mailbox(*messages: bytes) -> bytes:
    return b"".join(b"From ada@x.org Sun Feb 19 10:00:00 2017\n" + raw.rstrip() + b"\n\n" for raw in messages)


def test_a_message_is_an_article() -> None:
    sent = message(
        "One.\n\n> Quoted.\n", Date="Sun, 19 Feb 2017 23:30:00 -0500", List_Id="Bridges <br.x.org>"
    )
    sent["Archived-At"] = "<https://x.org/1>"
    item = one("a.eml", sent.as_bytes())
    assert item.pages == ("One.\n\n> Quoted.",)
    assert item.id == ""
    assert item.values == {
        "title": "On bridges",
        "author": "Ada Byron",
        "date": "2017-02-19",
        "source": "Bridges",
        "url": "https://x.org/1",
    }


def test_the_plain_form_is_read_unless_it_only_says_that_there_is_another() -> None:
    sent = message("The plain form of it.")
    sent.add_alternative("<p>The <b>other</b> form of it.</p><script>x</script>", subtype="html")
    assert one("a.eml", sent.as_bytes()).pages == ("The plain form of it.",)
    stub = message("Use HTML.")
    stub.add_alternative("<p>One.</p><p>Two.</p>" + "<p>More words than that.</p>" * 9, subtype="html")
    assert one("a.eml", stub.as_bytes()).pages[0].startswith("One.\n\nTwo.\n\nMore words")


def test_html_alone_is_read() -> None:
    sent = message("")
    sent.set_content(
        "<table><tr><td>A</td><td>b</td></tr></table><ul><li>One<li>Two</ul>x<br>y", subtype="html"
    )
    assert one("a.eml", sent.as_bytes()).pages == ("A | b\n\n- One\n\n- Two\n\nx\ny",)


def test_what_a_message_carries_is_read_by_its_suffix() -> None:
    sent = message("See these.", Date="Sun, 19 Feb 2017 10:00:00 +0000")
    sent.add_attachment(b"text\nA row.\n", maintype="text", subtype="csv", filename="../../etc/t.csv")
    sent.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="p.png")
    sent.add_attachment("Notes.", filename="n\u00f6tes.txt")
    sent.add_attachment("More notes.", filename="n\u00f6tes.txt")
    sent.add_attachment(zipped({"a.txt": "x"}), maintype="application", subtype="zip", filename="z.zip")
    sent.add_attachment(b"%PDF junk", maintype="application", subtype="pdf", filename="p.pdf")
    found = items("a.eml", sent.as_bytes())
    assert [item.id for item in found] == ["", "t.csv#2", "n\u00f6tes.txt", "n\u00f6tes.txt-2", "p.pdf"]
    assert [item.pages[0].strip() for item in found[:4] if isinstance(item, Parsed)] == [
        *("See these.", "A row.", "Notes.", "More notes.")
    ]
    assert isinstance(found[1], Parsed)
    assert found[1].values == {"date": "2017-02-19"}
    assert isinstance(found[4], Wrong)


def test_a_mailbox_is_cut_where_messages_begin() -> None:
    tricky = message("Before.\n\nFrom here on it is text.\n\n>From an escaped line.\n", Message_ID="<1@x>")
    twice = message("Again.", Message_ID="<1@x>")
    bare = message("No id.", From="")
    raw = mailbox(tricky.as_bytes(), twice.as_bytes(), bare.as_bytes())
    found = parsed("letters.mbox", raw)
    assert found[0].pages == ("Before.\n\nFrom here on it is text.\n\nFrom an escaped line.",)
    assert [item.id for item in found[:2]] == ["1@x", "1@x-2"]
    assert len(found[2].id) == 16
    assert {item.values["source"] for item in found} == {"letters"}
    assert [item.id for item in parsed("letters.mbox", raw + raw)][:3] == [item.id for item in found]


def test_a_message_that_is_wrong_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MAX_MESSAGE_BYTES", 5000)
    monkeypatch.setattr(mail, "MAX_MESSAGE_LINES", 500)
    good = message("Good.", Message_ID="<g@x>").as_bytes()
    empty = b"Subject: nothing\n\n"
    found = mailbox(b"junk", b"Subject: x\n\n" + b"y" * 6000, b"Subject: x\n\n" + b"y\n" * 600, empty, good)
    assert wrongs("a.mbox", found) == [
        ("message 1", "has no header, such as From and Subject"),
        ("message 2", "has over 5,000 bytes"),
        ("message 3", "has too many lines or parts"),
        ("message 4", "has no text"),
    ]
    assert items("a.mbox", found)[4].id == "g@x"


@pytest.mark.parametrize(
    ("header", "field", "value"),
    [
        ("Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?= =?utf-8?B?IGhpZXI=?=", "title", "Größe hier"),
        ("Subject: =?nonsense?q?a=41?=", "title", "aA"),
        ("Subject: =?utf-8?B?!!!?=", "title", None),
        ("Subject: Gr\u00f6\u00dfe", "title", "Größe"),
        ("Subject: a\n folded\n line", "title", "a folded line"),
        ("From: =?utf-8?q?Byron=2C_Ada?= <a@x.org>", "author", "Byron, Ada"),
        ("From: a@x.org", "author", "a@x.org"),
        ("From: " + "(" * 5000, "author", None),
        ("From: " + "a," * 50_000, "author", "a"),
        ("Date: yesterday", "date", ""),
        ("Date: Sun, 19 Feb 99999 10:00:00 +0000", "date", ""),
        ("Date: Sun, 99 Feb 2017 10:00:00 +0000", "date", ""),
        ("Content-Type: text/plain; charset*=x''%E2; charset=y", "title", ""),
        ("Content-Type: ;;;=", "title", ""),
        ("Content-Disposition: ", "title", ""),
    ],
)
def test_headers_of_any_kind_survive(header: str, field: str, value: str | None) -> None:
    item = one("a.eml", f"X: y\n{header}\n\nThe text.\n")
    assert item.pages == ("The text.",)
    assert value is None or item.values.get(field, "") == value


@pytest.mark.parametrize("charset", ["utf-8", "us-ascii", "nonsense", "cp1252\0", "base64", ""])
def test_a_charset_that_is_not_true_is_replaced_by_what_fits(charset: str) -> None:
    raw = f"Subject: x\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n".encode()
    assert one("a.eml", raw + "Die Größe der Brücke.".encode("cp1252")).pages == ("Die Größe der Brücke.",)


NESTED = b"".join(b"Content-Type: multipart/x; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(60))


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        (b"", "has no header"),
        (b"\x00\x01" * 100, "has no header"),
        (b"Subject: x\n" + b"Content-Type: message/rfc822\n\n" * 3000, "nested too deeply"),
        (b"Subject: x\n" + NESTED, "nested too deeply"),
        (b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 30_000, "too many lines or parts"),
        (b"Subject: x\nContent-Type: text/html\n\n" + b"<div>" * 5000, "nested too deeply"),
        (b"Subject: x\n\na\0b", "is binary"),
    ],
)  # fmt: skip
def test_a_message_that_means_harm_is_refused(raw: bytes, wrong: str) -> None:
    assert wrong in refused("a.eml", raw)


def test_what_is_no_mailbox_is_refused() -> None:
    assert refused("a.mbox", b"Dear Ada,\n").startswith("is not a mailbox")
    assert items("a.mbox", b"") == []


# ---- Feeds

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>The Courier &amp; Co</title><language>en-gb</language>
<item><title>A &lt;i&gt;new&lt;/i&gt; bridge</title><link>http://x.org/1</link><guid>g1</guid>
<pubDate>Sun, 19 Feb 2017 23:30:00 -0500</pubDate><author>ada@x.org (Ada)</author><category>towns</category>
<description>Short.</description>
<content:encoded><![CDATA[<p>It is <b>long</b>.</p><script>x()</script><ul><li>One</li></ul>]]></content:encoded></item>
<item><link>http://x.org/2</link><description>Two lines
of plain text &amp;amp; no tags.</description></item>
</channel></rss>"""

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>Blatt</title>
<entry><id>urn:1</id><title>Eins</title><updated>2017-02-19T23:59:00+09:00</updated><link href="http://x.org/1"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Ein Satz.</p><p>Zwei.</p></div></content></entry>
<entry><id>urn:1</id><title>Wieder</title><content>Drei &lt; vier.</content></entry></feed>"""


def test_an_entry_of_rss_is_an_article() -> None:
    first, second = parsed("a.rss", RSS)
    assert first.pages == ("It is long.\n\n- One",)
    assert first.id == "g1"
    assert first.values == {
        "title": "A new bridge",
        "url": "http://x.org/1",
        "date": "2017-02-19",
        "author": "Ada",
        "source": "The Courier & Co",
        "language": "en-gb",
        "tags": ["towns"],
    }
    assert second.pages == ("Two lines\nof plain text & no tags.",)
    assert second.id == "http://x.org/2"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_an_entry_of_atom_is_an_article(encoding: str) -> None:
    raw = (
        ATOM.replace('"1.0"?', f'"1.0" encoding="{encoding}"?')
        .replace("Blatt", "Bl\u00e4tt")
        .encode(encoding)
    )
    first, second = parsed("a.rss", raw)
    assert first.pages == ("Ein Satz.\n\nZwei.",)
    assert (first.id, second.id) == ("urn:1", "urn:1-2")
    assert first.values["date"] == "2017-02-19"
    assert (first.values["source"], first.values["language"]) == ("Bl\u00e4tt", "de")
    assert second.pages == ("Drei < vier.",)


def test_the_last_entry_of_a_cut_feed_does_not_pass_for_an_article() -> None:
    cut = RSS[: RSS.index("of plain text")]
    assert [item.id for item in items("a.rss", cut)] == ["g1", "http://x.org/2"]
    assert wrongs("a.rss", cut) == [("http://x.org/2", "is cut short: the feed ends within it")]
    parsed("a.rss", RSS.removesuffix("</channel></rss>"))


def test_an_entry_with_a_title_alone_is_a_complaint() -> None:
    only = "<rss version='2.0'><channel><item><title>Alone</title><link>http://x.org/1</link></item></channel></rss>"
    assert wrongs("a.rss", only) == [("http://x.org/1", "has no text, only a title: 'Alone'")]


BOMB = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "{}"><!ENTITY b "{}">
<!ENTITY x SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><item><title>&b;</title>
<description>&x;</description></item></channel></rss>""".format("a" * 1000, "&a;" * 1000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-7"])
@pytest.mark.parametrize("name", ["a.rss", "a.xml"])
def test_entities_are_refused_in_every_encoding(encoding: str, name: str) -> None:
    raw = BOMB.replace('"1.0"?', f'"1.0" encoding="{encoding}"?').encode(encoding)
    assert refused(name, raw).startswith(("defines entities", "is binary", "is not"))


def test_a_doctype_without_entities_is_harmless() -> None:
    old = """<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://my.netscape.com/rss-0.91.dtd">
    <rss version="0.91"><channel><item><description>A caf&eacute;.</description></item></channel></rss>"""
    assert one("a.rss", old).pages == ("A caf\u00e9.",)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "is not a feed"),
        ("<html><body>x", "is not a feed"),
        ("<rss version='2.0'/>", "is a feed without entries"),
        ("\0\1", "is binary"),
    ],
)
def test_what_is_no_feed_is_refused(content: str, wrong: str) -> None:
    assert refused("a.rss", content).startswith(wrong)


def test_a_feed_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_FEED_CHARS", 100)
    assert refused("a.rss", RSS).endswith("a feed at most 100")
    monkeypatch.setattr("ingest.formats.prolog.MAX_XML_BYTES", 100)
    assert refused("a.xml", RSS) == "has over 100 bytes of XML"


# ---- News in XML

NITF = """<?xml version="1.0" encoding="iso-8859-1"?><!DOCTYPE nitf SYSTEM "nitf-3-4.dtd">
<nitf baselang="en-US"><head><title>Slug</title><docdata><doc-id id-string="77"/>
<date.issue norm="20151210T191044Z"/></docdata><pubdata name="The Herald" ex-ref="http://x.org/77"/></head>
<body><body.head><hedline><hl1>Bridge &amp; town</hl1><hl2>Sub</hl2></hedline>
<byline>By ADA BYRON<byttl>Staff Writer</byttl></byline></body.head>
<body.content><block class="lead_paragraph"><p>A caf\u00e9&nbsp;closed.</p></block>
<block class="full_text"><p>A caf\u00e9&nbsp;closed.</p><hl2>Later</h12><p>The <org>Town</org>s said so.</p>
<media><media-caption>A picture</media-caption></media></block></body.content>
<body.end><tagline>Nobody</tagline></body.end></body></nitf>""".replace("</h12>", "</hl2>")

ITEM = """<newsItem guid="urn:{}" xml:lang="fi-FI" xmlns="http://iptc.org/std/nar/2006-10-01/">
<itemMeta><provider literal="STT"/><versionCreated>2018-04-20T01:00:00+03:00</versionCreated></itemMeta>
<contentMeta><contentCreated>2018-04-19T16:41:12+03:00</contentCreated><creator><name>Ada</name></creator>
<language tag="fi"/><headline>Silta</headline></contentMeta><contentSet>{}</contentSet></newsItem>"""
XHTML = """<inlineXML><html xmlns="http://www.w3.org/1999/xhtml"><head><title>No</title></head>
<body><p>Yksi.</p><p>Kaksi.</p></body></html></inlineXML>"""
PICTURE = '<remoteContent href="http://x.org/p.jpg"/>'
ESCAPED = '<inlineData contenttype="text/plain"><![CDATA[<p>One\nline.</p><p>Two.</p>]]></inlineData>'
PLAIN = "<inlineData>One.\n\nTwo.</inlineData>"
NAMED = '<nitf xmlns="http://iptc.org/std/NITF/2006-10-18/"'
NESTED_NITF = NITF[NITF.index("<nitf") :].replace("&nbsp;", "\u00a0")
INNER = f"<inlineXML>{NESTED_NITF.replace('<nitf', NAMED)}</inlineXML>"


def test_nitf_is_an_article() -> None:
    item = one("a.xml", NITF.encode("latin-1"))
    assert item.pages == ("A caf\u00e9 closed.\n\nLater\n\nThe Towns said so.",)
    assert item.id == ""
    assert item.values == {
        "title": "Bridge & town",
        "author": "ADA BYRON",
        "date": "2015-12-10",
        "source": "The Herald",
        "url": "http://x.org/77",
        "language": "en-US",
    }


def test_a_news_item_is_an_article() -> None:
    item = one("a.xml", ITEM.format(1, XHTML))
    assert item.pages == ("Yksi.\n\nKaksi.",)
    assert item.id == ""
    assert item.values == {
        "title": "Silta",
        "author": "Ada",
        "date": "2018-04-19",
        "source": "STT",
        "language": "fi",
    }


def test_a_message_holds_several_and_those_without_text_are_left_out() -> None:
    parts = [XHTML, PICTURE, PICTURE + ESCAPED, PLAIN, INNER]
    inner = "".join(ITEM.format(n, part) for n, part in enumerate(parts))
    found = parsed("a.xml", f"<newsMessage><header/><itemSet>{inner}</itemSet></newsMessage>")
    assert [item.id for item in found] == ["urn:0", "urn:2", "urn:3", "urn:4"]
    assert [item.pages[0] for item in found[1:3]] == ["One line.\n\nTwo.", "One.\n\nTwo."]
    assert found[3].pages[0].endswith("The Towns said so.")
    assert found[3].values["title"] == "Silta"
    assert found[3].values["url"] == "http://x.org/77"


def test_newsml_1_is_read_too() -> None:
    old = """<NewsML><NewsItem><Identification><NewsIdentifier><DateId>20240710</DateId>
    <PublicIdentifier>urn:a:1</PublicIdentifier></NewsIdentifier></Identification>
    <NewsComponent><NewsLines><HeadLine>Pont</HeadLine><ByLine>Ada</ByLine></NewsLines>
    <AdministrativeMetadata><Provider><Party FormalName="AFP"/></Provider></AdministrativeMetadata>
    <DescriptiveMetadata><Language FormalName="fr"/></DescriptiveMetadata>
    <ContentItem><DataContent><p>Un.</p><p>Deux.</p></DataContent></ContentItem></NewsComponent></NewsItem></NewsML>"""
    item = one("a.xml", old)
    assert (item.id, item.pages) == ("urn:a:1", ("Un.\n\nDeux.",))
    ours = {"title": "Pont", "author": "Ada", "date": "2024-07-10", "source": "AFP", "language": "fr"}
    assert item.values == ours


def test_a_feed_in_an_xml_file_is_a_feed() -> None:
    assert parsed("a.xml", RSS) == parsed("a.rss", RSS)
    assert parsed("a.xml", f"<!-- <svg> -->\n{ATOM}") == parsed("a.rss", ATOM)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("<svg/>", "is XML, but neither a feed nor NITF or NewsML"),
        ("words", "is not XML"),
        ("<!-- never closed <nitf>", "is not XML"),
        ("<nitf><body/></nitf>", "holds no text"),
        (ITEM.format(1, PICTURE), "holds no text"),
    ],
)
def test_other_xml_is_other_data(content: str, wrong: str) -> None:
    with pytest.raises(OtherData) as raised:
        items("a.xml", content)
    assert raised.value.message == wrong


def test_xml_that_is_broken_or_too_deep_is_refused() -> None:
    assert refused("a.xml", "<nitf><body>").startswith("is not well-formed XML")
    assert "depth" in refused("a.xml", "<nitf>" + "<block>" * 100_000)


def test_nothing_outside_an_xml_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.dtd").write_text('<!ENTITY s "secret">')
    outside = f'<!DOCTYPE nitf SYSTEM "{tmp_path}/secret.dtd"><nitf><body><p>x &s; y</p></body></nitf>'
    assert "secret" not in str(items("a.xml", outside))
    include = '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'
    assert one("a.xml", f"<nitf><body><p>x{include}</p></body></nitf>").pages == ("x",)


# ---- Markup


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("a &amp; <b>b</b>c", "a & bc"),
        ("<?xml version='1.0' encoding='x'?><p>a</p>", "a"),
        ("<ul><li><p>one</p></li><li>two</ul>", "- one\n\n- two"),
        ("<pre>a\n  <b>b</b>\nc</pre>", "a\nb\nc"),
        ("<p>a<!-- no -->b<style>x</style>c<img alt=x>d</p>", "abcd"),
        ("<head><title>T</title></head><body>b", "b"),
        ("a\0b\ud800c", "a\ufffdb\ufffdc"),
        ("<div>" * 1500 + "deep", "deep"),
    ],
)
def test_the_text_of_markup(html: str, text: str) -> None:
    assert html_text(html) == text


# ---- Archives


def tarred(files: dict[str, bytes], mode: str = "w:gz", others: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as out:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
        for info in others:
            out.addfile(info)
    return made.getvalue()


FILES = {
    "a/b.md": b"# T\n\nText.",
    "a/t.csv": b"text\nA row.\n",
    "../../etc/up.txt": b"Up.",
    "/abs.txt": b"Abs.",
    "C:\\dir\\w\x1b[31m\n.txt": b"Win.",
    ".hidden.txt": b"h",
    "a/.git/x.txt": b"h",
    "__MACOSX/._b.txt": b"h",
    "README.md": b"r",
    "p.jpg": b"p",
}
INNER_IDS = ["a/b.md", "a/t.csv#2", "etc/up.txt", "abs.txt", "dir/w[31m .txt"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped(FILES)),
        ("a.tar", tarred(FILES, "w")),
        ("a.tgz", tarred(FILES, "w:gz")),
        ("a.tar.gz", tarred(FILES, "w:gz")),
        ("a.tar.bz2", tarred(FILES, "w:bz2")),
        ("a.tar.xz", tarred(FILES, "w:xz")),
    ],
)
def test_each_file_of_an_archive_is_read_and_none_leads_out(name: str, content: bytes) -> None:
    found = parsed(name, content)
    assert [item.id for item in found] == INNER_IDS
    assert found[0].is_markdown


def test_a_part_that_is_wrong_stops_no_other() -> None:
    files = {
        "a.txt": b"\0\1",
        "b.jsonl": b'{"id": 1}\n',
        "c.md": b"---\na: [\n---\nx",
        "d.txt": b"Good.",
        "e.pdf": b"x",
    }
    found = items("a.zip", zipped(files))
    assert [item.id for item in found] == ["a.txt", "b.jsonl:1", "c.md:3", "d.txt", "e.pdf"]
    assert [isinstance(item, Parsed) for item in found] == [False, False, False, True, False]
    assert all(item.line == 0 for item in found)


def test_links_devices_and_folders_are_left_out() -> None:
    made = []
    kinds = {
        "l.txt": tarfile.SYMTYPE,
        "h.txt": tarfile.LNKTYPE,
        "f.txt": tarfile.FIFOTYPE,
        "c.txt": tarfile.CHRTYPE,
    }
    for name, kind in kinds.items():
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        made.append(info)
    article, left = items("a.tgz", tarred({"a.txt": b"A."}, others=tuple(made)))
    assert isinstance(article, Parsed) and article.id == "a.txt"
    assert left == NoFiles(4)
    said = refused("b.tar", tarred({}, "w", others=tuple(made)))
    assert said == "holds no file that is read, but 4 that are no files"
    link = zipfile.ZipInfo("s.txt")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archived:
        archived.writestr(link, "/etc/passwd")
        archived.writestr("dir.txt/", "")
        archived.writestr("a.txt", "A.")
    article, left = items("a.zip", out.getvalue())
    assert isinstance(article, Parsed) and article.id == "a.txt"
    assert left == NoFiles(1)


@pytest.mark.parametrize("name", ["a.tar", "a.tgz"])
def test_a_hard_link_to_a_file_of_the_archive_is_read_as_that_file(name: str) -> None:
    made = []
    for link, target in (
        ("b.txt", "./in/blob"),
        ("c.txt", "in/blob"),
        ("d.txt", "a.txt"),
        ("e.txt", "b.txt"),
    ):
        info = tarfile.TarInfo(link)
        info.type, info.linkname = tarfile.LNKTYPE, target
        made.append(info)
    files = {"a.txt": b"A.", "in/blob": b"Blob.", "z.txt": b"Z."}
    *found, left = items(name, tarred(files, "w" if name == "a.tar" else "w:gz", tuple(made)))
    read = {item.id: item.pages[0] for item in found if isinstance(item, Parsed)}
    assert read == {"a.txt": "A.", "b.txt": "Blob.", "c.txt": "Blob.", "d.txt": "A.", "z.txt": "Z."}
    assert left == NoFiles(1), "a link to a link is none to a file"


def test_names_that_are_alike_get_ids_that_are_not() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archived:
            for text in ("one", "two"):
                archived.writestr("a.txt", text)
    assert [(item.id, item.pages[0]) for item in parsed("a.zip", out.getvalue())] == [
        ("a.txt", "one"),
        ("a.txt-2", "two"),
    ]


def test_an_archive_in_an_archive_is_opened_and_no_further() -> None:
    deep = zipped({"d.txt": "Deep."})
    middle = zipped({"m.txt": "Middle.", "deep.zip": deep})
    found = items(
        "a.zip", zipped({"m.zip": middle, "t.tgz": tarred({"q.txt": b"Q."}), "bad.zip": b"PK junk"})
    )
    assert [item.id for item in found] == ["m.zip/m.txt", "m.zip/deep.zip", "t.tgz/q.txt", "bad.zip"]
    assert wrongs("a.zip", zipped({"m.zip": middle})) == [
        ("m.zip/deep.zip", "is an archive within two others")
    ]


def test_an_archive_of_nothing_that_is_read_says_what_it_holds() -> None:
    with pytest.raises(OtherData) as raised:
        items("a.zip", zipped({"a.jpg": "", "b.jpg": "", "c.exe": "", "d": ""}))
    assert raised.value.message == "holds no file that is read, but 2 .jpg, 1 .exe, 1 without a suffix"


def test_what_is_encrypted_or_packed_strangely_is_a_complaint() -> None:
    raw = bytearray(zipped({"e.txt": "secret", "a.txt": "A."}))
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 8] |= 1
    assert wrongs("a.zip", bytes(raw)) == [("e.txt", "is encrypted")]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archived:
        archived.writestr("e.txt", "x" * 1000)
    assert wrongs("a.zip", out.getvalue()) == [("e.txt", "is packed in a way that is not read")]


def test_what_is_damaged_is_a_complaint_and_the_rest_is_read() -> None:
    raw = bytearray(zipped({"e.txt": "many words " * 50, "a.txt": "A."}))
    raw[45] ^= 0xFF
    found = items("a.zip", bytes(raw))
    assert isinstance(found[0], Wrong)
    assert found[0].message.startswith("is damaged")
    assert found[1].id == "a.txt"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", b""),
        ("a.zip", b"junk" * 100),
        ("a.tar", b"junk" * 300),
        ("a.tgz", b"junk"),
        ("a.tar.xz", b"junk"),
        ("a.tar.bz2", b"junk"),
        ("a.tgz", tarred({"p.jpg": os.urandom(5000)})[:3000]),
        ("a.tgz", gzip.compress(tarred({"p.jpg": b""}, "w")[:512])[:-4]),
    ],
    ids="empty zip tar tgz xz bz2 cut cut-to-a-block".split(),
)
def test_what_is_no_archive_is_refused(name: str, content: bytes) -> None:
    assert refused(name, content).startswith("is damaged, or not what its name says")


def test_a_tar_that_breaks_off_does_not_pass_for_whole() -> None:
    files = {name: random.Random(1).randbytes(3000).hex().encode() for name in ("a.txt", "b.txt", "c.txt")}
    whole = tarred(files, "w")
    broken = bytearray(whole)
    broken[512 + 6144 + 100] ^= 1  # in the header of the second
    for name, raw in (
        ("a.tar", bytes(broken)),
        ("a.tgz", gzip.compress(bytes(broken))),
        ("a.tgz", gzip.compress(whole)[:-3000]),
    ):
        read_before: list[Item] = []
        with pytest.raises(Unfit, match="is damaged"):
            read_before.extend(_told(name, raw, read_before))
        assert read_before[0].id == "a.txt"


def _told(name: str, raw: bytes, into: list[Item]) -> Iterator[Item]:
    for item in archive.parse(io.BytesIO(raw), name, {}):
        into.append(item)
    return iter(())


@pytest.mark.parametrize("inner", ["big.txt", "big.jpg"])
@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_a_tar_bomb_ends_in_one_line(inner: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "FREE_BYTES", 100_000)
    name = {"w:gz": "a.tgz", "w:xz": "a.tar.xz", "w:bz2": "a.tar.bz2"}[mode]
    raw = tarred({inner: bytes(2_000_000), "after.txt": b"A."}, mode)
    assert refused(name, raw) == "unpacks to over 200 times its size"


def test_a_zip_bomb_ends_in_one_line_however_deep_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "FREE_BYTES", 100_000)
    flat = zipped({"big.txt": bytes(2_000_000), "after.txt": "A."})
    assert refused("a.zip", flat) == "unpacks to over 200 times its size"
    assert refused("a.zip", zipped({"flat.zip": flat})) == "unpacks to over 200 times its size"
    assert one("a.zip", zipped({"big.jpg": bytes(2_000_000), "after.txt": "A."})).id == "after.txt"


def test_a_zip_whose_headers_lie_about_lengths_is_counted_all_the_same() -> None:
    raw = bytearray(zipped({"big.txt": bytes(2_000_000)}))
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    ((id, message),) = wrongs("a.zip", bytes(raw))
    assert id == "big.txt"
    assert message.startswith("is damaged")


def test_a_zip_of_a_version_to_come_is_a_complaint() -> None:
    raw = bytearray(zipped({"a.txt": "A."}))
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 6] = 92
    assert "zip file version 9.2" in refused("a.zip", bytes(raw))


def test_files_that_share_their_bytes_are_counted_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "FREE_BYTES", 100_000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archived:
        archived.writestr("a.txt", b"word " * 10_000)
        (first,) = archived.filelist
        archived.filelist += [first] * 500  # a directory may name one file any number of times
    assert refused("a.zip", out.getvalue()) == "unpacks to over 200 times its size"


def test_limits_of_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = random.Random(1).randbytes(30_000).hex()
    files = {"a.txt": noise, "b.txt": "B.", "c.txt": "C."}
    monkeypatch.setattr(unpack, "MAX_MEMBER_BYTES", 50_000)
    assert wrongs("a.zip", zipped(files)) == [("a.txt", "unpacks to over 50,000 bytes")]
    assert [item.id for item in items("a.tgz", tarred({n: t.encode() for n, t in files.items()}))] == [*files]
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    assert refused("a.zip", zipped(files)) == "holds over 2 files"
    monkeypatch.setattr(unpack, "MAX_TOTAL_BYTES", 60_000)
    with pytest.raises(Bomb):
        items("a.zip", zipped(files))


def test_headers_that_would_take_memory_are_refused() -> None:
    info = tarfile.TarInfo("a.txt")
    info.pax_headers = {"comment": "1" * 200_000}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=tarfile.PAX_FORMAT) as out:
        out.addfile(info)
    assert refused("a.tgz", made.getvalue()).startswith("has a header of 20")
    raw = bytearray(zipped({"a.txt": "A."}) + bytes(20 * 2**20))
    entry = raw.index(b"PK\x05\x06")
    end = raw[entry : entry + 22]
    end[12:20] = (18 * 2**20).to_bytes(4, "little") + (0).to_bytes(4, "little")
    assert refused("a.zip", bytes(raw) + bytes(end)).startswith("has a header of 18")


def test_several_streams_behind_each_other_are_one_archive() -> None:
    whole = tarred({"a.txt": b"A.", "b.txt": b"B."}, "w")
    raw = gzip.compress(whole[:1000]) + gzip.compress(whole[1000:]) + bytes(512)
    assert [item.id for item in parsed("a.tgz", raw)] == ["a.txt", "b.txt"]


# ---- Ids


def test_ids_are_one_line_and_never_alike() -> None:
    ids = Ids()
    assert [ids.new(id) for id in ("a", "a", "a-2", "a", "")] == ["a", "a-2", "a-2-2", "a-3", ""]
    assert ids.new(" x\n\x1b[31m y ") == "x [31m y"
    long, other = ids.new("x" * 500 + "1"), ids.new("x" * 500 + "2")
    assert len(long) == len(other) == MAX_ID_CHARS
    assert long != other


# ---- All of them


SOUND = {
    "a.csv": b'id,title,text\n1,T,"B\nc"\n',
    "a.eml": message("Hello.").as_bytes(),
    "a.mbox": mailbox(message("Hello.").as_bytes(), message("Again.").as_bytes()),
    "a.rss": RSS.encode(),
    "a.xml": ITEM.format(1, XHTML).encode(),
    "a.zip": zipped(FILES),
    "a.tar": tarred(FILES, "w"),
    "a.tgz": tarred(FILES),
}


@pytest.mark.parametrize("name", SOUND)
@given(data=st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_bytes_of_any_kind_end_in_articles_or_complaints(name: str, data: st.DataObject) -> None:
    raw = bytearray(SOUND[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    with suppress(Unfit):
        assert all(isinstance(item, Item) for item in items(name, bytes(raw)))


def test_all_of_it_through_the_child_that_reads_it(tmp_path: Path) -> None:
    for name, content in SOUND.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "bomb.zip").write_bytes(zipped({"big.txt": bytes(20_000_000)}))
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n")
    (tmp_path / "drawing.xml").write_text("<svg/>")
    sources, failures, skipped = find([tmp_path])
    assert (failures, skipped) == ([], [])
    found = [item for source in sources for item in read(source)]
    articles = {item.id: item for item in found if isinstance(item, Article)}
    assert set(articles) >= {"a.csv#1", "a.eml", "a.rss#g1", "a.xml", "a.zip#a/b.md", "a.tgz#a/t.csv#2"}
    assert articles["a.zip#a/b.md"].title == "T"
    assert str(articles["a.rss#g1"].published) == "2017-02-19"
    (failure,) = [item for item in found if isinstance(item, Failure)]
    assert failure.error.startswith("unpacks to over 200 times its size")
    passed_over = {Path(item.path).name for item in found if isinstance(item, Skipped)}
    assert passed_over == {"numbers.csv", "drawing.xml"}
