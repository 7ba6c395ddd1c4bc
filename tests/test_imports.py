"""The arrows of the house: who may import whom, and what importing a part brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.imports import imported, modules, ours

HOME = Path(__file__).parent.parent
LIGHT = {"numpy"}
LLAMA = {"llama_index"}
MODELS = {"onnxruntime", "tokenizers", "numpy"}
# module → (our modules, third-party modules) that it may import; the standard library is always allowed
ARROWS: dict[str, tuple[set[str], set[str]]] = {
    "rag.__init__": (
        {"rag.domain", "rag.embed", "rag.errors", "rag.pipeline", "rag.settings", "rag.wiring"}
        | {"rag.evaluation.questions", "rag.evaluation.record", "rag.evaluation.run"},
        set(),
    ),
    "rag.domain": (set(), LIGHT),
    "rag.errors": (set(), set()),
    "rag.settings": ({"rag.errors"}, set()),
    "rag.text": (set(), {"sentencex"}),
    "rag.encoder": ({"rag.errors"}, MODELS),
    "rag.embed": (
        {"rag.domain", "rag.encoder", "rag.errors", "rag.from_llama"},
        MODELS | {"huggingface_hub", "sentence_transformers"},
    ),
    "rag.calibration": ({"rag.encoder", "rag.errors"}, set()),
    "rag.metrics": (set(), set()),
    "rag.retrieve": ({"rag.domain", "rag.index.twins"}, set()),
    "rag.render": ({"rag.domain"}, set()),
    "rag.names": ({"rag.text"}, set()),
    "rag.markup": ({"rag.render"}, set()),
    "rag.columns": (set(), set()),
    "rag.phrasing": ({"rag.names", "rag.text"}, set()),
    "rag.evaluation.drafts": (
        {
            "rag.domain",
            "rag.evaluation.clauses",
            "rag.evaluation.record",
            "rag.guard",
            "rag.llm_calls",
            "rag.phrasing",
            "rag.pipeline",
            "rag.render",
            "rag.text",
        },
        LLAMA,
    ),
    "rag.phrases": (set(), set()),
    "rag.ellipsis": ({"rag.domain", "rag.names"}, set()),
    "rag.past": ({"rag.domain", "rag.ellipsis", "rag.names"}, set()),
    "rag.pronouns": ({"rag.ellipsis", "rag.names", "rag.past", "rag.phrases"}, set()),
    "rag.conversation": (
        {"rag.domain", "rag.ellipsis", "rag.names", "rag.past", "rag.pronouns"},
        set(),
    ),
    "rag.reader": (
        {"rag.calibration", "rag.dates", "rag.domain", "rag.encoder", "rag.metrics", "rag.text"}
        | {"rag.speech.attributed", "rag.wants", "rag.whole"},
        MODELS,
    ),
    "rag.pipeline": (
        {"rag.chat", "rag.domain", "rag.errors", "rag.guard", "rag.store", "rag.text", "rag.index.words"},
        set(),
    ),
    "rag.chat": ({"rag.conversation", "rag.domain"}, set()),
    "rag.wants": (set(), set()),
    "rag.route": ({"rag.domain", "rag.wants"}, set()),
    "rag.second_look": ({"rag.domain", "rag.reader"}, set()),
    "rag.guard": ({"rag.disguise", "rag.domain", "rag.orders", "rag.retrieve", "rag.text"}, set()),
    "rag.orders": ({"rag.disguise", "rag.marks", "rag.vocabulary"}, set()),
    "rag.marks": (set(), set()),
    "rag.disguise": (set(), set()),
    "rag.vocabulary": (set(), set()),
    "rag.facts": ({"rag.text", "rag.index.words"}, set()),
    "rag.proof": ({"rag.domain", "rag.facts", "rag.text"}, set()),
    "rag.drafting": ({"rag.text"}, set()),
    "rag.judging": ({"rag.domain", "rag.drafting", "rag.facts", "rag.proof", "rag.text"}, set()),
    "rag.prompt": ({"rag.domain", "rag.guard"}, set()),
    "rag.writer": (
        {
            "rag.domain",
            "rag.drafting",
            "rag.errors",
            "rag.facts",
            "rag.judging",
            "rag.llm_calls",
            "rag.prompt",
        },
        LLAMA,
    ),
    "rag.rewriting": (
        {"rag.conversation", "rag.domain", "rag.errors", "rag.facts", "rag.llm_calls", "rag.prompt"},
        LLAMA,
    ),
    "rag.llms": ({"rag.errors", "rag.llm_calls", "rag.llm_faults", "rag.llm_specs"}, LLAMA | {"httpx"}),
    "rag.llm_calls": ({"rag.errors", "rag.llm_faults"}, LLAMA | {"httpx"}),
    "rag.llm_faults": ({"rag.errors"}, set()),
    "rag.llm_specs": ({"rag.errors", "rag.llm_faults"}, set()),
    "rag.llama": (
        {"rag.conversation", "rag.domain", "rag.llama_response", "rag.pipeline", "rag.render"},
        LLAMA,
    ),
    "rag.llama_response": ({"rag.domain", "rag.render"}, LLAMA),
    "rag.from_llama": ({"rag.domain", "rag.errors", "rag.text"}, LLAMA | {"numpy"}),
    "rag.from_llama_store": (
        {"rag.conversation", "rag.domain", "rag.errors", "rag.from_llama", "rag.pipeline"}
        | {"rag.retrieve", "rag.settings", "rag.store", "rag.text", "rag.wiring"},
        LLAMA,
    ),
}
STORE = {"faiss", "filelock", "numpy", "tantivy"}
BELOW_INDEX = {"rag", "rag.domain", "rag.encoder", "rag.errors", "rag.text"}
HEAVY = {"torch", "sentence_transformers", "transformers", "llama_index", "gradio"}


BELOW_FORMATS = ("ingest.decode", "ingest.fields", "rag.text")
PARSERS = {"feedparser", "lxml", "pypdfium2", "trafilatura"}  # for the child process alone
BRING = {"page.library", "page.uploading"}  # the modules of the page that change the index
WATCH = {"ingest.events": {"watchfiles"}}  # the module that asks the system
DRAW = {"page.screen": {"gradio", "pandas"}}  # those that know how the page is drawn


@pytest.mark.parametrize("module", modules())
def test_arrows_point_one_way(module: str) -> None:
    names = imported(module)
    theirs = {name.split(".")[0] for name in names - ours(names)}
    if module in ARROWS:
        allowed_ours, allowed_theirs = ARROWS[module]
        assert ours(names) <= allowed_ours | {"rag"}
        assert theirs <= allowed_theirs
    elif module.startswith("rag.index."):
        assert {name for name in ours(names) if not name.startswith("rag.index")} <= BELOW_INDEX
        assert theirs <= STORE
    elif module.startswith("rag.evaluation."):
        assert all(name.split(".")[0] == "rag" for name in ours(names)), "rag imports nothing above it"
        assert theirs <= {"numpy"} | (LLAMA if module == "rag.evaluation.run" else set())  # for types alone
    elif module.startswith("rag.speech"):
        below = {"rag", "rag.domain", "rag.facts", "rag.names", "rag.text"}
        known = below | ({"rag.reader"} if module == "rag.speech.attributed" else set())  # for types alone
        assert {name for name in ours(names) if not name.startswith("rag.speech")} <= known
        assert not theirs
    elif module.startswith("rag."):
        above = {name for name in ours(names) if name.startswith("rag.upkeep")}
        assert not above or module.startswith("rag.upkeep."), "what answers needs nothing that looks after it"
        assert not any(name.startswith("rag.evaluation") for name in names), "nor what judges it"
        assert all(name.split(".")[0] == "rag" for name in ours(names)), "rag imports nothing above it"
        assert theirs <= STORE | (LLAMA if module == "rag.wiring" else set())  # for types alone
    elif module.startswith("ingest.formats."):
        above = {name for name in ours(names) if not name.startswith(("ingest.formats", *BELOW_FORMATS))}
        assert above <= {"ingest"}, "a format knows of no other part of the house"
        assert theirs <= PARSERS | {"charset_normalizer", "yaml"}
    elif module.startswith("ingest.") and module != "ingest.__main__":
        assert all(name.split(".")[0] in {"rag", "ingest"} for name in ours(names))
        assert theirs <= {"numpy", "charset_normalizer", "tqdm", "yaml"} | WATCH.get(module, set())
    elif module.startswith("page."):
        below = {"page", "rag", "ingest"} if module in BRING else {"page", "rag"}
        assert {name.split(".")[0] for name in ours(names)} <= below
        assert theirs <= DRAW.get(module, set())
    elif module == "app":
        assert {name.split(".")[0] for name in ours(names)} <= {"page", "rag", "cli"}
        assert theirs <= {"gradio", "starlette"}
    else:
        assert module in ("cli", "ingest.__main__"), "a module without an arrow"


def test_every_rule_names_a_module() -> None:
    assert set(ARROWS) | BRING | set(DRAW) <= set(modules())


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        ("import rag, ingest", HEAVY | {"onnxruntime", "faiss", "tantivy", "tokenizers"}),
        ("import cli; cli.parser()", HEAVY | {"onnxruntime", "faiss", "tantivy", "tokenizers"}),
        ("import rag.wiring, ingest.sync, rag.render, rag.evaluation.commands", HEAVY),
        ("import ingest.read, ingest.sandbox, ingest.uploads", HEAVY | PARSERS),
        ("import app, page.talk, page.site, page.screen", HEAVY | {"pandas", "starlette"}),
    ],
)
def test_importing_brings_nothing_heavy(code: str, forbidden: set[str]) -> None:
    listing = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", listing], cwd=HOME, capture_output=True, text=True, check=True
    )
    assert not forbidden & set(done.stdout.split())
