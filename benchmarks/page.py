"""The page in a real browser: how soon it can be asked, how soon it answers, and twenty people at once."""

from __future__ import annotations

import json
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.sync_api import Browser, sync_playwright

import ingest
from benchmarks import wiki
from benchmarks.origin import HOME, data, origin
from benchmarks.results import Comparison, Part
from page.conversations import CONVERSATIONS

CHROMIUM = "/usr/bin/chromium"
N, N_QUICK = 100, 5  # questions in the browser
N_STARTS = 3
CLIENTS, ASKING_S, QUICK_S = 20, 120.0, 6.0
SEED = 0

# Times in the browser, each when it has been painted: from the key to the first word, which the page says by itself,
# to the first stage, which the server tells, and to the answer.
_CLOCK = """() => {
    const answers = () => document.querySelectorAll("#cw-chat .cw-answer").length;
    const painted = act => requestAnimationFrame(() => setTimeout(act));
    addEventListener("keydown", event => {
        if (event.key !== "Enter") return;
        const began = performance.now(), before = answers();
        window.citewiseClock = { word: null, stage: null, answer: null };
        const seen = (name, selector) => {
            if (window.citewiseClock[name] === null && document.querySelector(selector))
                painted(() => window.citewiseClock[name] ??= performance.now() - began);
        };
        const watch = new MutationObserver(() => {
            seen("word", "#cw-chat .cw-working");
            seen("stage", "#cw-chat .cw-working:not(.cw-soon)");
            if (answers() <= before) return;
            watch.disconnect();
            painted(() => window.citewiseClock.answer = performance.now() - began);
        });
        watch.observe(document.body, { childList: true, subtree: true });
    }, true);
}"""


def measure(quick: bool) -> Part:
    """Return the times of the page over the contexts of a file of questions."""
    here = origin("page", [data(wiki.FILE)])
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        index = Path(folder) / "index"
        ingest.index(wiki.write(Path(folder) / "wiki.jsonl", titled=True, n=200 if quick else None), index)
        golds = random.Random(SEED).sample(wiki.questions(200 if quick else None), N_QUICK if quick else N)
        questions = [gold.question for gold in golds]
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        starts = [_start(browser, index, questions[0]) for _ in range(1 if quick else N_STARTS)]
        with _serving(index) as (process, address):
            alone = _asked_in_a_browser(browser, address, index, questions)
            crowd = _crowd(address, questions, QUICK_S if quick else ASKING_S)
            memory = psutil.Process(process.pid).memory_info().rss / 2**20
        browser.close()
    return Part(here, [*_starting(starts), *_alone(alone), *_crowded(crowd, memory)])


def _starting(starts: Sequence[dict[str, float]]) -> Iterator[Comparison]:
    n = f"{len(starts)} starts"
    for what, name, unit, bound in (
        ("from `citewise chat` to a page that can be asked", "ready_s", "s", 10.0),
        ("from `citewise chat` to the first answer on the screen", "answered_s", "s", None),
        ("weight of the page, as sent", "weight_mib", "MiB", None),
        ("requests of the page", "requests", "", None),
    ):
        yield Comparison(what, unit, statistics.median(start[name] for start in starts), n, at_most=bound)


def _alone(times: Sequence[dict[str, float]]) -> Iterator[Comparison]:
    n = f"{len(times)} questions"
    screen, engine = [t["answer"] for t in times], [t["engine"] for t in times]
    words, stages = ([t[name] for t in times if t[name] is not None] for name in ("word", "stage"))
    yield Comparison("Enter to the first word, median", "ms", _median(words), n, at_most=100)
    yield Comparison("Enter to the server’s first stage, median", "ms", _median(stages), n)
    yield Comparison("Enter to the answer, median", "ms", _median(screen), n)
    yield Comparison("Enter to the answer, p95", "ms", _p95(screen), n)
    yield Comparison("the engine’s own time, median", "ms", _median(engine), n)
    yield Comparison("the engine’s own time, p95", "ms", _p95(engine), n)
    over = [s - e for s, e in zip(screen, engine, strict=True)]
    yield Comparison("the page’s own part of it, median", "ms", _median(over), n, at_most=150)


def _crowded(crowd: dict[str, Any], memory: float) -> Iterator[Comparison]:
    waits, n = crowd["waits"], f"{len(crowd['waits']):,} answers"
    yield Comparison(f"{CLIENTS} clients: answers a second", "1/s", len(waits) / crowd["seconds"], n)
    yield Comparison(f"{CLIENTS} clients: median", "ms", _median(waits), n)
    yield Comparison(f"{CLIENTS} clients: p95", "ms", _p95(waits), n)
    yield Comparison(f"{CLIENTS} clients: errors and lost answers", "", float(crowd["faults"]), n, at_most=0)
    yield Comparison("memory of the server afterwards", "MiB", memory, "1 run")


def _start(browser: Browser, index: Path, question: str) -> dict[str, float]:
    """Start the page, open it at once, and ask; times count from the start of the process."""
    began = time.perf_counter()
    with _serving(index) as (_, address):
        page = browser.new_context().new_page()
        page.goto(address)
        page.get_by_label("Your question").wait_for()
        ready = time.perf_counter() - began
        page.get_by_label("Your question").fill(question)
        page.get_by_label("Your question").press("Enter")
        page.locator("#cw-chat .cw-answer").wait_for()
        answered = time.perf_counter() - began
        sizes = page.evaluate(
            "['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind)).map(e => e.transferSize)"
        )
        page.context.close()
    return {
        "ready_s": ready,
        "answered_s": answered,
        "weight_mib": sum(sizes) / 2**20,
        "requests": len(sizes),
    }


def _asked_in_a_browser(
    browser: Browser, address: str, index: Path, questions: Sequence[str]
) -> list[dict[str, float]]:
    """Ask one question after another, ten to a conversation; return the times of each."""
    times: list[dict[str, float]] = []
    for first in range(0, len(questions), 10):
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(address)
        box = page.get_by_label("Your question")
        box.wait_for()
        page.wait_for_timeout(2_000)  # for the example questions, which are looked for at first
        page.evaluate(_CLOCK)
        for question in questions[first : first + 10]:
            box.fill(question)
            box.press("Enter")
            page.wait_for_function("window.citewiseClock?.answer")
            times.append(page.evaluate("window.citewiseClock"))
            page.wait_for_timeout(1_000)  # as somebody who reads; what the page does after an answer is done
        page.context.close()
    engine = _engine_times(index, len(times))
    return [{**seen, "engine": ms} for seen, ms in zip(times, engine, strict=True)]


def _engine_times(index: Path, n: int) -> list[float]:
    """Return the engine's own time of the last ``n`` answers that were kept, in milliseconds, oldest first."""
    with sqlite3.connect(f"file:{index / CONVERSATIONS}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT record FROM turns ORDER BY rowid DESC LIMIT ?", (n,)).fetchall()
    return [float(json.loads(row[0])["timings_ms"]["total"]) for row in reversed(rows)]


def _crowd(address: str, questions: Sequence[str], seconds: float) -> dict[str, Any]:
    """Let clients ask without a pause; return how long each answer took, and what went wrong."""
    waits: list[float] = []
    faults: list[str] = []
    until = time.monotonic() + seconds

    def client(n: int) -> None:
        choose = random.Random(n)
        with httpx.Client(timeout=60) as http:
            while time.monotonic() < until:
                began = time.perf_counter()
                fault = _ask(http, address, choose.choice(questions))
                (faults if fault else waits).append(fault or 1000 * (time.perf_counter() - began))  # type: ignore[arg-type]

    began = time.monotonic()
    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fault in sorted(set(faults)):
        print(fault, file=sys.stderr)
    return {"waits": waits, "faults": len(faults), "seconds": time.monotonic() - began}


def _ask(http: httpx.Client, address: str, question: str) -> str:
    """Ask through the endpoint of the page; return what went wrong, or nothing."""
    reply = http.post(f"{address}gradio_api/call/v2/ask", json={"question": question})
    if reply.status_code != 200:
        return f"{reply.status_code} {reply.text[:100]}"
    events = http.get(f"{address}gradio_api/call/ask/{reply.json()['event_id']}").text
    kind, told = events.strip().split("\n\n")[-1].split("\n", 1)
    answer = json.loads(told.removeprefix("data: "))
    return "" if kind == "event: complete" and answer[0]["question"] == question else f"{kind} {told[:100]}"


@contextmanager
def _serving(index: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a page as ``make chat`` does, and wait until it says its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "cli.py", "chat", "--index", str(index), "--port", str(port)]
    process = subprocess.Popen(command, cwd=HOME, env=dict(os.environ), stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        told = process.stderr.readline()
        if "Citewise answers at" not in told:
            raise RuntimeError(f"the page did not start: {told}{process.stderr.read()}")
        yield process, told.split()[3]
    finally:
        process.terminate()
        process.communicate()


def _median(values: Any) -> float:
    return float(statistics.median(values))


def _p95(values: Sequence[float]) -> float:
    return float(statistics.quantiles(values, n=20)[-1])
