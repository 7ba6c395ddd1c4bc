"""The real language model of the benchmarks, for tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.smollm import NAME, missing, running


@pytest.fixture(scope="session")
def smollm() -> Iterator[str]:
    """The setting that names a running SmolLM2; the server starts with the first test that asks for it."""
    if lack := missing():
        pytest.skip(lack)
    with running() as server:
        yield f"openai-like/{NAME}@{server.address}"
