"""The report as HTML: one file that asks for nothing, runs nothing, and shows each failure with what is to blame."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from rag.evaluation import charts
from rag.evaluation.curves import Bin, Point
from rag.evaluation.failures import SHOWN
from rag.evaluation.record import Evidence, Report
from rag.evaluation.report import html
from rag.evaluation.table import BLAMES, MEANINGS
from tests.evaluated import outcome, question, quote, report

EVIL = '<script>alert(1)</script> & "x" \u202egpj.exe'


def mixed() -> Report:
    return report(
        [
            outcome(question(1)),
            outcome(
                question(2, "When was it opened?", kind="date", evidence=(Evidence("a.txt", 5, 9),)),
                "Oslo",
                confidence=0.6,
                passage_rank=4,
                blame="misread",
                ranks={"fused": 2, "words": None},
            ),
            outcome(question(3), answered=False, confidence=0.2, blame="not trusted"),
            outcome(question(4, answers=(), articles=(), answerable=False), "x", blame="answered anyway"),
            outcome(
                question(5),
                "",
                answered=False,
                confidence=0.0,
                quotes=(),
                article_rank=None,
                blame="not retrieved",
            ),
        ]
    )


class Reader(HTMLParser):
    """Notes the tags that are open, and complains of one that is closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def text_of(page: str) -> str:
    return " ".join(" ".join(read(page).texts).split())


def test_the_file_asks_for_nothing_and_runs_nothing() -> None:
    page = html(mixed())
    tags = {tag for tag, _ in read(page).seen}
    assert not tags & {"script", "link", "img", "iframe", "object", "base", "a", "form"}
    assert not [
        name
        for _, given in read(page).seen
        for name in given
        if name in ("src", "href") or name.startswith("on")
    ]
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_every_figure_stands_there_with_its_interval_and_what_it_means() -> None:
    given = mixed()
    page = text_of(html(given))
    for name, figure in given.figures.items():
        assert f"{name} {MEANINGS.get(name, '')}".rstrip() in page
        if not name.startswith("latency"):
            assert f"{figure.value:.3f} {figure.low:.3f} to {figure.high:.3f} {figure.n}" in page
    assert "110 ms" in page


def test_failures_are_grouped_by_blame_each_with_what_is_known_of_it() -> None:
    page = html(mixed())
    heads = re.findall(r"<h3>([^<]*)</h3>", page)
    assert heads == ["Not retrieved: 1", "Misread: 1", "Not trusted: 1", "Answered anyway: 1"]
    (case,) = re.findall(r"<h3>Misread.*?(<article.*?</article>)", page, re.DOTALL)
    told = text_of(case)
    for part in (
        "When was it opened?",
        "Gold Ida Moll",
        "Answer Oslo",
        "“ Ida Moll opened it. ”",
        "A.TXT , 0 to 19",
    ):
        assert part in told
    for part in ("Confidence 0.60", "Gold article rank 1", "Gold passage rank 4", BLAMES["misread"]):
        assert part in told


def test_what_was_held_back_is_not_told_as_an_answer() -> None:
    (case,) = re.findall(r"<h3>Not trusted.*?(<article.*?</article>)", html(mixed()), re.DOTALL)
    assert "Held back Ida Moll" in text_of(case)
    assert "Answer" not in text_of(case)


def test_what_went_right_is_folded_away_at_the_end() -> None:
    page = html(mixed())
    assert page.rindex("<details>") > page.index("Answered anyway: 1")
    *_, folded = re.findall(r"<details>.*?</details>", page, re.DOTALL)
    assert text_of(folded) == f"1 {BLAMES['']} Who is number 1? Ida Moll , 0.90"


def test_texts_of_articles_and_people_are_escaped() -> None:
    asked = question(1, EVIL, answers=(EVIL,), kind=EVIL)
    page = html(
        report(
            [
                outcome(
                    asked,
                    EVIL,
                    quotes=(quote(EVIL, EVIL),),
                    blame="misread",
                    ranks={EVIL: 1},
                    seconds={EVIL: 1.0},
                )
            ],
            index=EVIL,
        )
    )
    assert "<script" not in page
    assert "\u202e" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot; gpj.exe") >= 8
    read(page)


def test_a_very_long_text_is_cut_and_very_many_failures_are_counted() -> None:
    page = html(report([outcome(question(n), "y" * 5000, blame="misread") for n in range(SHOWN + 2)]))
    assert page.count("<article") == SHOWN
    assert "And 2 more" in page
    assert "y" * 1001 not in page


def test_a_report_without_anything_known_is_still_a_page() -> None:
    unknown = question(1, answers=(), articles=())
    page = text_of(html(report([outcome(unknown, ranks={}, em=None, f1=None, seconds={})])))
    assert "None of the questions failed." in page
    assert "Drawings" not in page


# ---- Drawings


def drawings(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_each_drawing_has_a_title_axes_and_a_text_for_those_who_do_not_see_it() -> None:
    found = drawings(html(mixed()))
    titles = [svg.findtext("title") for svg in found]
    assert titles == [
        "Risk and coverage",
        "Reliability of the confidence",
        "Gold article among the first k",
        "Time by stage",
    ]
    for svg in found:
        assert svg.get("role") == "img"
        assert svg.findtext("desc")
        named = {node.get("id") for node in svg}
        assert set((svg.get("aria-labelledby") or "").split()) <= named
        assert [node for node in svg if node.get("class") == "axis-name"]


def places(svg: str, kind: str) -> list[tuple[float, ...]]:
    (line,) = [node for node in ElementTree.fromstring(svg) if node.get("class") == kind]
    return [tuple(map(float, point.split(","))) for point in (line.get("points") or "").split()]


def test_risk_and_coverage_go_through_their_points() -> None:
    svg = charts.risk_coverage([Point(0.9, 0.5, 0.0), Point(0.3, 1.0, 0.4)], 0.5)
    (x1, y1), (x2, y2) = places(svg, "line line-0")
    assert (x1, y1) == (231.0, 254.0)  # half of the way from 58 to 404; on the base
    assert (x2, y2) == (404.0, 63.6)
    assert "50% of the questions with 0.0% wrong; without one, 40.0% are wrong" in svg
    assert "threshold 0.5" in svg


def test_a_threshold_that_nothing_reaches_is_told() -> None:
    svg = charts.risk_coverage([Point(0.3, 1.0, 0.4)], 0.5)
    assert "the answers are no question" not in svg
    assert "nothing is answered" in svg
    assert "circle" not in svg


def test_the_bars_of_reliability_have_their_heights_and_numbers() -> None:
    svg = ElementTree.fromstring(
        charts.reliability([Bin(0.5, 0.6, 7, 0.55, 0.5), Bin(0.9, 1.0, 1200, 0.95, 1.0)])
    )
    bars = [node for node in svg if node.get("class") == "bar"]
    assert [float(bar.get("height") or 0) for bar in bars] == [119.0, 238.0]
    assert {"7", "1,200"} <= {node.text for node in svg}


def test_the_reliability_is_there_as_a_table_too() -> None:
    (table,) = re.findall(r"<details><summary>As a table.*?</details>", html(mixed()), re.DOTALL)
    assert text_of(table).endswith("right 0.6 to 0.7 1 0.600 0.000 0.9 to 1.0 2 0.900 0.500")


def test_hits_are_shares_at_each_k() -> None:
    page = html(mixed())
    svg = re.findall(r"<svg[^>]*gold-article.*?</svg>", page, re.DOTALL)[0]
    fused, words = places(svg, "line line-0"), places(svg, "line line-1")
    assert len(fused) == len(words) == 10
    base, height = 254.0, 238.0
    assert fused[0][1] == pytest.approx(
        base - height * 3 / 4, abs=0.1
    )  # q4 has no answer, and q2 comes second
    assert fused[1][1] == pytest.approx(base - height)
    assert [y for _, y in words[1:3]] == pytest.approx([base, base - height * 3 / 4], abs=0.1)
    assert "words: 0% at 1, 75% at 10" in svg


def test_high_hits_are_drawn_from_where_they_differ() -> None:
    svg = charts.hits({"a": [0.91, 1.0], "b": [0.85, 0.98]})
    assert places(svg, "line line-1")[0][1] == pytest.approx(254 - 238 / 4, abs=0.1)
    assert "<text" in svg
    assert ">80%</text>" in svg
    assert ">0%</text>" not in svg


@pytest.mark.parametrize("last", [0.0, 0.5, 1.0])
def test_names_of_lines_that_end_together_do_not_cover_each_other(last: float) -> None:
    svg = ElementTree.fromstring(charts.hits({"a": [0.5, last], "b": [0.4, last], "c": [0.0, last]}))
    heights = sorted(
        float(node.get("y") or 0) for node in svg if (node.get("class") or "").startswith("name-")
    )
    assert all(above + 15 <= below for above, below in pairwise(heights))
    assert heights[0] > 10
    assert heights[-1] < 270


@pytest.mark.parametrize(
    ("high", "last"), [(0.4, "0.4"), (110.0, "100"), (999.0, "800"), (12345.0, "10,000")]
)
def test_milliseconds_are_written_round(high: float, last: str) -> None:
    svg = charts.latency([charts.Spread("read", (0.0, 0.0, high / 2, high, high))])
    ticks = [node.text for node in ElementTree.fromstring(svg) if node.get("text-anchor") == "middle"]
    assert ticks[0] == "0"
    assert last in ticks


def test_the_same_report_gives_the_same_file() -> None:
    assert html(mixed()) == html(mixed())
