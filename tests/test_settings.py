"""Settings: what overrides what, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import Settings, load


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "citewise.toml"
    file.write_text("k = 3\ndepth = 30\npassage_tokens = 100\n")
    environ = {"CITEWISE_K": "4", "CITEWISE_DEPTH": "40", "CITEWISE_DATA": "/elsewhere"}
    settings = load(file, environ, k=5, precision=None)
    assert (settings.k, settings.depth, settings.passage_tokens) == (5, 40, 100)
    assert settings.precision == Settings().precision


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('index = "elsewhere"')
    assert load(environ={"CITEWISE_CONFIG": str(file)}).index == "elsewhere"


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(environ={}) == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kk = 3", "'kk'"),
        ('k = "many"', "k is 'many'"),
        ("k = ", "citewise.toml"),
        ("k = 0", "k is 0"),
        ("k = 8.9", "k is 8.9"),
        ("k = inf", "k is inf"),
        ("k = true", "k is True"),
        ("precision = true", "precision is True"),
        ("index = 5", "index is 5"),
        ('index = ""', "index is ''"),
        ('index = "a\\u0000b"', "index is 'a"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "citewise.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=said) as caught:
        load(file, {})
    assert caught.value.hint


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.toml"):
        load(tmp_path / "nothing.toml", {})


def test_an_empty_variable_does_not_count() -> None:
    assert load(environ={"CITEWISE_EMBEDDER": "", "CITEWISE_K": ""}) == Settings()


def test_nan_is_no_precision() -> None:
    with pytest.raises(SettingsError, match="precision"):
        load(environ={}, precision=float("nan"))
