"""Settings: one frozen record; the file overrides a default, CITEWISE_* the file, a flag all of them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rag.errors import SettingsError

FILE = "citewise.toml"
CHOICES = {"mode": ("auto", "quote", "write"), "reader": ("auto", "fast", "accurate")}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may choose. ``k`` passages are read of the ``depth`` that each retriever considers."""

    index: str = "index"
    embedder: str = "minilm"  # "minilm" is the shipped one; else a sentence-transformers name or folder
    passage_tokens: int = 128  # tokens of the embedder
    depth: int = 50  # passages
    k: int = 8  # passages
    reader: str = "auto"  # of the shipped ones "fast", "accurate", or that one where the fast one is not sure
    precision: float = 0.7  # share of the given answers that shall be right; in doubt it abstains
    mode: str = "auto"  # "quote", "write", or whichever fits the question
    llm: str = ""  # the language model that writes, such as "ollama/llama3.2"; none unless named

    def __post_init__(self) -> None:
        for name, low, high in _LIMITS:
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(
                    f"{name} is {value}, expected {low} to {high}", f"Choose a {name} within these limits."
                )
        for name, choices in CHOICES.items():
            found = getattr(self, name)
            if found not in choices:
                raise SettingsError(
                    f"{name} is {found[:40]!r}, expected one of {', '.join(choices)}", "Choose one of them."
                )


_LIMITS: tuple[tuple[str, float, float], ...] = (
    ("passage_tokens", 32, 256),
    ("depth", 1, 1000),
    ("k", 1, 100),
    ("precision", 0.0, 1.0),
)


def load(file: Path | None = None, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """Return the settings in force; ``flags`` that are None do not count.

    Raises:
        SettingsError: a name is unknown or a value is not of its type.
    """
    environ = os.environ if environ is None else environ
    named_file = file or environ.get("CITEWISE_CONFIG")
    path = Path(named_file or FILE)
    named = {f"CITEWISE_{f.name.upper()}": f.name for f in fields(Settings)}
    from_environ = {named[key]: value for key, value in environ.items() if key in named and value}
    settings = _override(Settings(), _read(path, required=bool(named_file)), str(path))
    settings = _override(settings, from_environ, "the environment")
    return _override(settings, {key: value for key, value in flags.items() if value is not None}, "the call")


def _read(path: Path, required: bool) -> dict[str, Any]:
    if not path.exists() and not required:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path}: {error}", "Mend the file, or name another with CITEWISE_CONFIG."
        ) from error


def _override(settings: Settings, values: Mapping[str, Any], origin: str) -> Settings:
    kinds = {f.name: type(getattr(settings, f.name)) for f in fields(Settings)}
    if unknown := sorted(set(values) - set(kinds)):
        raise SettingsError(
            f"{origin}: no setting is called {unknown[0]!r}", f"There are: {', '.join(kinds)}."
        )
    return replace(
        settings, **{name: _cast(name, value, kinds[name], origin) for name, value in values.items()}
    )


def _cast(name: str, value: Any, kind: type, origin: str) -> Any:
    try:
        return _PARSE[kind](value)
    except (TypeError, ValueError, OverflowError) as error:
        found = f"{value!r}"[:60]
        raise SettingsError(
            f"{origin}: {name} is {found}, expected {_KINDS[kind]}", f"Give {name} as {_KINDS[kind]}."
        ) from error


def _whole(value: Any) -> int:
    if isinstance(value, bool | float):
        raise TypeError(value)
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _text(value: Any) -> str:
    text = os.fspath(value)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(value)
    return text


_PARSE = {int: _whole, float: _number, str: _text}
_KINDS = {int: "a whole number", float: "a number", str: "text"}
