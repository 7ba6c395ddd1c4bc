"""The documents are true: their commands print what they show, their Python runs, their links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from docs import cards, causes, generate, picture

HOME = Path(__file__).parent.parent
PAGES = sorted([*HOME.glob("*.md"), *(HOME / "docs").glob("*.md")])
_PYTHON = re.compile(r"(?<=^```python\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_SURE = re.compile(r"^(?:well supported|supported|weak), (\d\.\d\d)$", re.MULTILINE)
PROCESSORS = 0.05  # by which a confidence may differ between one and another
_SHELL = re.compile(r"(?<=^```sh\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(citewise [^`]+)`")
_COMMAND = re.compile(r"(?:^|[\s/])citewise ([a-z]+ .*|doctor|status|chat|rollback|compact)$")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    generate.prepare(folder)
    return folder


@pytest.mark.parametrize("page", generate.PAGES)
def test_commands_print_what_the_page_shows(page: str, place: Path) -> None:
    shown = (HOME / page).read_text(encoding="utf-8")
    assert "```console" in shown
    printed = generate.refreshed(shown, place)
    assert _SURE.sub(": sure", printed) == _SURE.sub(": sure", shown), "run: make docs"
    for now, then in zip(_SURE.findall(printed), _SURE.findall(shown), strict=True):
        assert float(now) == pytest.approx(float(then), abs=PROCESSORS), "run: make docs"


@pytest.mark.parametrize(
    ("path", "n"), list(zip(generate.TABLED, (12, 2), strict=True)), ids=("models", "evaluation")
)
def test_the_tables_are_those_of_their_files(path: Path, n: int) -> None:
    page = path.read_text(encoding="utf-8")
    assert page.count("<!-- table ") == page.count("<!-- end -->") == n
    assert cards.filled(page) == page, "run: make docs"


def test_each_failure_counts_under_its_cause() -> None:
    *rows, total = causes.causes()
    told = [json.loads(line) for line in causes.FAILURES.read_text(encoding="utf-8").splitlines()]
    first = [row for row in told if row["cause"] == rows[0][0]]
    wrong = [row for row in first if row["before"] == "wrong"]
    counted = [len(first), sum(row["after"] != "right" for row in first), len(wrong)]
    assert [int(cell) for cell in rows[0][3:6]] == counted
    assert {row[0] for row in rows} == {row["cause"] for row in told}
    assert [sum(int(row[at]) for row in rows) for at in range(3, 7)] == [int(cell) for cell in total[3:]]
    assert int(total[3]) == len(told) >= 100


def test_a_table_says_what_the_card_says() -> None:
    card = json.loads((HOME / "rag" / "models" / "reader" / "card.json").read_text(encoding="utf-8"))
    page = generate.MODELS.read_text(encoding="utf-8")
    for name, licence in card["sources"].items():
        assert f"| trained on | {name}: {licence} |" in page
    assert all(file["sha256"] in page for file in card["files"].values())
    row = card["calibration"]["measured"]["by_precision"]["0.8"]
    assert f"| 0.8 | {' | '.join(map(str, row.values()))} |" in page


def test_the_picture_of_the_house_is_current() -> None:
    assert picture.FILE.read_text(encoding="utf-8") == picture.drawn(), "run: make docs"


def test_the_picture_has_every_room_and_its_arrows() -> None:
    drawn = picture.drawn()
    assert all(f">{name}/ <" in drawn for name in picture.ROOMS)
    counted = picture.arrows()
    assert counted["page", "rag"] > picture.FEWEST
    assert not any(start.startswith("rag") and not end.startswith("rag") for start, end in counted)
    main = {frozenset(pair) for pair, n in counted.items() if n >= picture.FEWEST}
    assert drawn.count("<line ") == len(main)


def test_every_block_of_python_runs(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    names: dict[str, object] = {}
    blocks = _PYTHON.findall((HOME / "docs" / "python.md").read_text(encoding="utf-8"))
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "Marine Le Pen or François Fillon" in printed
    assert "abstain" in printed
    assert printed.splitlines()[-1] == "Ayrault denounces cyberattacks on French campaign"
    names["engine"] = None


def test_every_figure_of_an_evaluation_has_its_meaning_and_its_example_runs() -> None:
    page = (HOME / "docs" / "evaluation.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in _PYTHON.findall(page):
        assert "assert" in block or "def value" in block
        exec(compile(block, "docs/evaluation.md", "exec"), names)
    headings = " ".join(re.findall("^### (.*)", page, re.MULTILINE)).replace(",", "").split()
    from rag.evaluation.table import BLAMES, MEANINGS

    parts = re.compile("_(passage|retrieve|read)$")
    assert [name for name in MEANINGS if parts.sub("", name) not in headings] == []
    assert [blame for blame in BLAMES if blame and f"| `{blame}` |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def commands_of(page: Path) -> list[str]:
    """The commands of the blocks that a page shows for a shell; of the questions people ask, those in the text too."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in _SHELL.findall(text) for line in block.splitlines()]
    lines += _INLINE.findall(text) if page.name == "faq.md" else []
    found = [_COMMAND.search(re.split(r" (?:2>|[|#<>])", line)[0]) for line in lines]
    return [match[1] for match in found if match]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_for_a_shell_are_understood(page: Path) -> None:
    import cli

    for command in commands_of(page):
        cli.parser().parse_args(shlex.split(command))


def test_commands_are_found_in_the_pages_for_those_who_run_it() -> None:
    counted = {page.name: len(commands_of(page)) for page in PAGES}
    assert min(counted[name] for name in ("README.md", "deploy.md", "faq.md", "models.md")) >= 2


def test_every_module_has_its_place_in_the_picture_of_the_house() -> None:
    page = (HOME / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = ("rag", "rag/index", "rag/upkeep", "rag/evaluation", "ingest", "page")
    modules = [path for room in rooms for path in (HOME / room).glob("[!_]*.py")]
    names = [path.relative_to(HOME).as_posix() for path in modules]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_command_is_documented() -> None:
    import cli

    page = (HOME / "docs" / "cli.md").read_text(encoding="utf-8")
    commands = cli.parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    assert commands is not None
    for command in commands:
        assert f"\n## citewise {command}\n" in page
        assert f"$ citewise {command} --help" in page
