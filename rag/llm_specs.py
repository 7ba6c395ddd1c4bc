"""The setting that names a language model, taken apart."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from rag.errors import SettingsError
from rag.llm_faults import clipped

FORMS = (
    "ollama/llama3.2",
    "openai-like/NAME@http://HOST:PORT/v1",
    "openai/NAME",
    "llama-cpp/PATH.gguf",
)


class Spec(NamedTuple):
    """A setting taken apart: which kind, which model of it, and where it is, if the setting says so."""

    kind: str
    name: str
    where: str = ""


def parsed(spec: str) -> Spec:
    """Take a setting such as ``ollama/llama3.2`` apart; nothing is looked up.

    Raises:
        SettingsError: it has none of the four forms.
    """
    kind, _, name = spec.partition("/")
    where = ""
    if kind == "openai-like":
        at = max(name.rfind("@http://"), name.rfind("@https://"))
        name, where = (name[:at], name[at + 1 :].rstrip("/")) if at > 0 else ("", "")
    well = bool(name.strip()) and spec.isprintable() and (kind != "openai-like" or _is_address(where))
    if kind == "llama-cpp":
        well = well and name.lower().endswith(".gguf")
    if not well or kind not in {form.partition("/")[0] for form in FORMS}:
        raise SettingsError(f"llm is {_shown(spec)!r}, which names no language model", f"Write {_forms()}.")
    return Spec(kind, name.strip(), where)


def _is_address(where: str) -> bool:
    """Whether it is an address and no more: a name, password or key in it would end up in messages."""
    try:
        parts = urlsplit(where)
        return (
            bool(parts.hostname and parts.port != 0)
            and "@" not in parts.netloc
            and not parts.query + parts.fragment
        )
    except ValueError:
        return False


def _shown(spec: str) -> str:
    """The setting without what stands before the host or after the path of its address."""
    start, _, address = spec.rpartition("://")
    return clipped(f"{start}://{address.rpartition('@')[2].split('?')[0]}" if start else spec, 80)


def _forms() -> str:
    return f"{', '.join(FORMS[:-1])} or {FORMS[-1]}"
