"""The measurements of scale and beside other stores, on little; and that a change costs what it changes."""

from __future__ import annotations

import json
import re
import sqlite3
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import ingest
from benchmarks import beside, plot, report, scale, scale_build, scale_tasks, synthetic
from benchmarks.given import Given, Source
from benchmarks.origin import HOME
from benchmarks.process import Run
from benchmarks.results import Origin
from benchmarks.synthetic import PER_ARTICLE, Near, Real, Writer
from ingest import sync
from ingest.split import embedded_text, split
from rag import embed
from rag.domain import Embedder, Vectors
from rag.settings import Settings
from tests.conftest import Collection

SMALL, LARGE = 400, 2_000


def here(*arguments: str, python: str = "", watched: bool = False) -> Run:
    """A runner that runs a task in this process, as fast as it starts; what it says goes through JSON all the same."""
    _, module, task, *rest = arguments
    return Run(json.loads(json.dumps(getattr(import_module(module), task)(*rest))), 1.0, 100.0)


def rows_around(n: int, dim: int) -> Vectors:
    """Unit rows around 20 centres, so that neighbours exist."""
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(20, dim))[chance.integers(0, 20, n)] + 0.5 * chance.normal(size=(n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def model() -> Iterator[Embedder]:
    """The shipped model, opened once for all tasks."""
    opened = embed.load(Settings().embedder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embed, "load", lambda _: opened)
        yield opened


@pytest.fixture(scope="module")
def real(model: Embedder) -> Real:
    """What a small collection is made of: made vectors under the shipped model's name, and shipped sentences."""
    texts = [path.read_text() for path in sorted((HOME / "corpus" / "articles").glob("*.md"))]
    return Real(model.name, rows_around(400, model.dim), synthetic.real_sentences(iter(texts)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, real: Real) -> Path:
    folder = tmp_path_factory.mktemp("scale")
    real.save(folder)
    return folder


@pytest.fixture(scope="module")
def measured(place: Path) -> dict[str, list[float]]:
    return scale.measured(place, scale.Sizes((SMALL, LARGE), questions=8, changes=1), here)


def test_a_made_collection_is_the_same_each_time_and_cut_as_it_was_made(real: Real) -> None:
    near = Near(real)
    for article in map(Writer(real).article, range(20)):
        assert article == Writer(real).article(int(article.id.removeprefix("made-")))
        spans = split(article.text, near, Settings().passage_tokens)
        assert [article.text[start:end] for start, end in spans] == list(article.passages)
        assert len(spans) == PER_ARTICLE


def test_a_made_vector_is_a_unit_near_a_real_one_and_follows_from_the_text(real: Real) -> None:
    texts = [f"text {n}" for n in range(50)]
    rows = Near(real).embed_passages(texts)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert (Near(real).embed_passages(texts[::-1])[::-1] == rows).all()
    nearest = (rows @ real.vectors.T).max(axis=1)
    assert nearest.min() > 0.7
    assert nearest.max() < 0.999


def test_outlets_are_unequal(real: Real) -> None:
    writer = Writer(real)
    counts = Counter(writer.article(n).source for n in range(400))
    assert 60 < counts[synthetic.LARGE] < 120
    assert counts[synthetic.SMALL] < 10


def test_a_collection_is_made_of_an_index(tmp_path: Path) -> None:
    collection = Collection(tmp_path / "index")
    collection.put("a", "The first sentence stands here. And so does the second one.", "no")
    assert scale_build.prepare(str(tmp_path), str(tmp_path / "index")) == {"vectors": 2, "sentences": 2}
    real = Real.load(tmp_path)
    assert (real.embedder, real.vectors.shape) == ("letters", (2, 26))
    assert list(real.sentences) == ["The first sentence stands here.", "And so does the second one."]


def test_every_figure_is_measured_at_every_size(measured: dict[str, list[float]]) -> None:
    assert list(measured) == [quantity.what for quantity in scale.QUANTITIES]
    assert all(len(values) == 2 and min(values) > 0 for values in measured.values())
    assert measured["recall@10, by meaning"] == [1.0, 1.0]
    assert measured["disk"][0] < measured["disk"][1]


def test_what_is_measured_is_shown_with_its_growth_and_its_targets(measured: dict[str, list[float]]) -> None:
    sizes = scale.Sizes((SMALL, LARGE), questions=8, changes=1)
    part = scale.part(Origin("c", "d", "e", "f", 1, 1.0, 0.0, {}, {}), measured, sizes)
    shown = report.readme({"scale": part})
    assert "| quantity | unit | 400 | 2,000 | n^x, 400 to 2,000 |".replace("quantity", "") in shown
    assert "| add an article: how much dearer |" in shown
    assert [row.what for row in part.comparisons if row.at_most == 50] == ["retrieve, 95th percentile"]
    disk = next(row for row in part.tables[0].rows if row[""] == "disk")
    assert 0.3 < float(disk["n^x, 400 to 2,000"]) < 1.3
    names = {element.text for element in ET.fromstring(scale.drawing(part)).iter() if element.text}
    assert {*scale.PLOTTED, "400", "2,000"} <= names


def test_building_goes_on_where_it_was_interrupted(real: Real, tmp_path: Path) -> None:
    n, held = 1_100, 100
    real.save(tmp_path)
    scale_build.compose(str(tmp_path), str(n))
    _, last = sorted((tmp_path / str(n) / "collection").iterdir())
    index = tmp_path / str(n) / "index"
    sync.index([last], index, Near(real), Settings().passage_tokens)
    assert scale_build.n_passages(index) == held
    (tmp_path / str(n) / "seconds").write_text("1000")
    built = scale.built(tmp_path, n, here)
    assert scale_build.n_passages(index) == n
    assert 1000 < built.said["seconds"] < 1100
    assert scale.built(tmp_path, n, lambda *_, **__: pytest.fail("it was built")) == built


def test_a_collection_that_is_not_whole_is_no_figure(real: Real, tmp_path: Path) -> None:
    real.save(tmp_path)
    scale_build.compose(str(tmp_path), "100")
    (tmp_path / "100" / "collection" / "more.txt").write_text("One passage more.")
    with pytest.raises(RuntimeError, match="holds 101 passages, expected 100"):
        scale_build.build(str(tmp_path), "100")


def test_the_nearest_are_those_of_a_sort() -> None:
    rows = rows_around(300, 16)
    blocks = iter([(np.arange(200), rows[:200]), (np.arange(200, 300), rows[200:])])
    found = scale_tasks.nearest(blocks, rows[:5])
    assert found == np.argsort(-(rows[:5] @ rows.T), axis=1)[:, : scale_tasks.K].tolist()


# -- what a change costs ------------------------------------------------------------------------------


class Work:
    """What SQLite does on connections opened meanwhile: steps of its machine, and the statements."""

    def __init__(self) -> None:
        self.steps = 0
        self.statements: set[str] = set()

    def _step(self) -> int:
        self.steps += 1
        return 0

    @contextmanager
    def seen(self) -> Iterator[None]:
        connect = sqlite3.connect

        def watched(*arguments: object, **named: object) -> sqlite3.Connection:
            db = connect(*arguments, **named)  # type: ignore[call-overload]
            db.set_progress_handler(self._step, 1)
            db.set_trace_callback(self.statements.add)
            return db

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3, "connect", watched)
            yield


def changed(index: Path, file: Path, real: Real) -> tuple[Work, Work]:
    """What adding one article, and removing it, takes."""
    adding, removing = Work(), Work()
    file.write_text(Writer(real).article(10**6).text)
    with adding.seen():
        assert sync.index([file], index, Near(real), Settings().passage_tokens).new == 1
    with removing.seen():
        ingest.remove(file.name, index)
    return adding, removing


@pytest.fixture(scope="module")
def costs(
    place: Path, measured: object, real: Real, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[Work, Work]]:
    folder = tmp_path_factory.mktemp("changed")
    return [changed(place / str(n) / "index", folder / "new.txt", real) for n in (SMALL, LARGE)]


@pytest.mark.parametrize("change", [0, 1], ids=["add", "remove"])
def test_a_change_takes_as_many_steps_in_a_large_index(costs: list[tuple[Work, Work]], change: int) -> None:
    small, large = (cost[change].steps for cost in costs)
    assert small > 500  # else they were not counted
    assert large < 1.2 * small


@pytest.mark.parametrize("change", [0, 1], ids=["add", "remove"])
def test_no_statement_of_a_change_reads_a_table_from_end_to_end(
    place: Path, costs: list[tuple[Work, Work]], change: int
) -> None:
    db = sqlite3.connect(place / str(LARGE) / "index" / "gen-1" / "articles.db")
    reading = re.compile("SELECT|UPDATE|DELETE|INSERT")
    plans = {
        statement: [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        for statement in costs[1][change].statements
        if reading.match(statement)
    }
    db.close()
    whole = re.compile(r"SCAN (articles|passages|vectors|removed|files|[apv])\b")
    assert {sql: plan for sql, plan in plans.items() if any(map(whole.match, plan))} == {}
    assert len(plans) > 10


# -- beside other stores ------------------------------------------------------------------------------


def test_stores_are_compared_on_the_same_passages(place: Path) -> None:
    sizes = beside.Sizes((100,), questions=6, rounds=1, changes=1)
    (table,) = beside.compared(place, sizes, here, ("Citewise", "LlamaIndex"))
    rows = {str(row[""]): row for row in table.rows}
    assert list(rows) == [quantity.what for quantity in beside.QUANTITIES]
    assert rows["recall@10"]["Citewise"] == rows["recall@10"]["LlamaIndex"] == 1.0
    assert rows["delete an article, until it is not"]["LlamaIndex"] == "cannot"
    assert all(row["Citewise"] > 0 for row in rows.values())  # type: ignore[operator]


@pytest.mark.parametrize(
    ("ours", "theirs", "less", "verdict"),
    [
        (1.0, 2.0, True, "yes"),
        (2.0, 1.0, True, "because"),
        (2.0, 1.0, False, "yes"),
        (1.0, 1.0004, False, "yes"),
        (1.0, None, True, "yes"),
    ],
)
def test_a_row_says_whether_ours_is_first_or_why_not(
    ours: float, theirs: float | None, less: bool, verdict: str
) -> None:
    quantity = beside.Quantity("find", "ms", lambda _: None, {"LanceDB": "because"}, less=less)
    row = beside.row(quantity, {"Citewise": ours, "LanceDB": theirs})
    assert row["ours is first"] == verdict
    assert row["LanceDB"] == ("cannot" if theirs is None else theirs)


def test_a_reason_is_given_for_the_store_that_is_first_alone() -> None:
    quantity = beside.Quantity("find", "ms", lambda _: None, {"LanceDB": "because"})
    row = beside.row(quantity, {"Citewise": 3.0, "LanceDB": 2.0, "Chroma": 1.0})
    assert row["ours is first"] == "**no**: Chroma is"


def test_given_vectors_are_found_by_their_texts(tmp_path: Path, real: Real) -> None:
    article = Writer(real).article(7)
    texts = [embedded_text(article.title, text) for text in article.passages]
    rows = Near(real).embed_passages(texts)
    np.save(tmp_path / "some.npy", rows)
    lines = [json.dumps({"id": n, "article": article.id, "text": text}) for n, text in enumerate(texts)]
    (tmp_path / "some.jsonl").write_text("\n".join(lines))
    given = Given("a name", Source(tmp_path / "some.jsonl"))
    assert (given.embed_passages(texts[::-1]) == rows[::-1]).all()
    with pytest.raises(KeyError, match="cut otherwise"):
        given.embed_passages(["another text"])


def test_the_names_in_a_drawing_do_not_cover_each_other() -> None:
    rows = [{"": f"row {n}", "unit": "ms", "10": 1.0, "1,000": 5.0 + n / 100} for n in range(4)]
    drawing = ET.fromstring(plot.growth(rows, [f"row {n}" for n in range(4)]))
    texts = {element.text: element for element in drawing.iter() if element.text}
    heights = sorted(float(texts[f"row {n}"].attrib["y"]) for n in range(4))
    assert np.diff(heights).min() >= 15
    assert "1,000" in texts and "0.001 s" in texts and "0.01 s" in texts
