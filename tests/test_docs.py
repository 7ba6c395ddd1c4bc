"""The documents are true: their commands print what they show, their Python runs, their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import generate

HOME = Path(__file__).parent.parent
PAGES = sorted([*HOME.glob("*.md"), *(HOME / "docs").glob("*.md")])
_PYTHON = re.compile(r"(?<=^```python\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
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
    assert generate.refreshed(shown, place) == shown, "run: make docs"


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_module_has_its_place_in_the_picture_of_the_house() -> None:
    page = (HOME / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = ("rag", "rag/index", "rag/upkeep", "ingest", "page")
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
