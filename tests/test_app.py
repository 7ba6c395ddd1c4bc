import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

import app
from rag.chat import Turn, answerable, converse, evidence_of, facts
from rag.domain import Answer, Article, Hit, Passage
from rag.errors import CitewiseError, QuestionError
from rag.html import NO_EVIDENCE
from rag.render import to_json
from tests.fakes import FirstSentence, FixedRetriever

ARTICLE = Article(
    "bridge.md", "Bridge closed", "A crack was found in its third pier. It reopened in May.", "The Herald"
)
HITS = [Hit(Passage(1, ARTICLE, 0, len(ARTICLE.text)), 0.5), Hit(Passage(2, ARTICLE, 0, 7), 0.25)]


MEETING = threading.Barrier(2, timeout=5)  # seconds; one question alone breaks it, and fails


class FakePipeline:
    """Answers with the first sentence of the first hit; some questions make it abstain, fail or wait."""

    def __init__(self, hits: list[Hit] = HITS) -> None:
        self.retriever, self.reader, self.closed = FixedRetriever(hits), FirstSentence(), False

    def __enter__(self) -> "FakePipeline":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(n_articles=2312, n_passages=51_000)

    def ask(self, question: str, *, k: int | None = None) -> Answer:
        if not question.strip():
            raise QuestionError("the question is empty", "Ask something in words.")
        if question == "crash":
            raise RuntimeError("secret detail")
        if question == "together":
            MEETING.wait()
        if question == "slow":
            time.sleep(1)
        hits = self.retriever.retrieve(question, k or 8)
        if "NATO" in question:
            return Answer(question, hits=tuple(hits), reason="none of the passages answers the question")
        return self.reader.read(question, hits)


def test_a_question_shows_the_stage_and_then_the_answer_with_its_evidence():
    working, done = converse(FakePipeline(), "What was found?", ())
    assert "What was found?" in working[0].question
    assert "Searching 2,312 articles…" in working[0].answer
    assert working[0].evidence == NO_EVIDENCE
    assert "A crack was found in its third pier." in done[0].answer
    assert "<mark>A crack was found in its third pier.</mark> It reopened in May." in done[0].evidence


def test_earlier_turns_stay():
    before = (Turn("q", "a", "e"),)
    assert all(now[0] == before[0] and len(now) == 2 for now in converse(FakePipeline(), "What?", before))


def test_what_the_articles_do_not_say_is_an_answer_with_nearest_passages():
    *_, (turn,) = converse(FakePipeline(), "What about NATO?", ())
    assert "The articles do not say." in turn.answer
    assert "None of the passages answers the question." in turn.answer
    assert "not an answer" in turn.evidence


def test_a_bad_question_shows_its_message_and_hint():
    *_, (turn,) = converse(FakePipeline(), "  ", ())
    assert "the question is empty" in turn.answer
    assert "Ask something in words." in turn.answer
    assert turn.evidence == NO_EVIDENCE


def test_an_unexpected_error_is_one_plain_line_here_and_whole_in_the_log(caplog):
    with caplog.at_level(logging.ERROR):
        *_, (turn,) = converse(FakePipeline(), "crash", ())
    assert "something went wrong here" in turn.answer
    assert "secret" not in turn.answer
    assert "secret detail" in caplog.text


def test_an_index_that_fails_before_the_search_is_told_too():
    class Gone(FakePipeline):
        def status(self) -> SimpleNamespace:
            raise CitewiseError("there is no index at index", "Make one.")

    ((turn,),) = converse(Gone(), "What was found?", ())
    assert "there is no index at index" in turn.answer


def test_each_message_leads_to_the_evidence_of_its_turn():
    turns = (Turn("", "", "first"), Turn("", "", "second"))
    assert [evidence_of(turns, message) for message in range(5)] == [
        *("first", "first", "second", "second"),
        NO_EVIDENCE,  # the server has forgotten what the browser still shows
    ]


def test_only_questions_that_the_collection_answers_become_examples():
    assert answerable(FakePipeline(), ["What was found?", "What about NATO?"]) == ["What was found?"]


def test_the_head_counts_the_collection():
    assert facts(FakePipeline())[:2] == ["2,312 articles", "51,000 passages"]
    one = SimpleNamespace(status=lambda: SimpleNamespace(n_articles=1, n_passages=1))
    assert facts(one)[:2] == ["1 article", "1 passage"]


SERVE = """
import os, sys
os.cpu_count = lambda: 2
import app, rag
from rag.errors import IndexMissing
from tests.test_app import FakePipeline

def open(index):
    if index == "missing":
        raise IndexMissing("there is no index at missing", "Make one.")
    return pipeline

pipeline, rag.open, app.MAX_WAITING = FakePipeline(), open, 1
app.serve(sys.argv[1], port=int(sys.argv[2]))
assert pipeline.closed
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(index: str, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVE, index, str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=Path(app.__file__).parent, **pipes)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves the page, and its address."""
    port = free_port()
    process = started("index", port)
    try:
        told = process.stderr.readline()
        assert told == f"Citewise answers at http://127.0.0.1:{port}/ (Ctrl-C stops it)\n"
        yield process, f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def address(server: tuple[subprocess.Popen[str], str]) -> str:
    return server[1]


def join(address: str, question: str, **rest: object) -> httpx.Response:
    return httpx.post(f"{address}gradio_api/call/v2/ask", json={"question": question, **rest})


def ask(address: str, question: str, **rest: object) -> tuple[str, object]:
    """Ask through the page's endpoint; returns the kind of the last event and its data."""
    for _ in range(40):  # the small queue of this server may be full for a moment
        reply = join(address, question, **rest)
        if reply.status_code != 503:
            break
        time.sleep(0.05)
    assert reply.status_code == 200, (reply.status_code, reply.text)
    event = reply.json()["event_id"]
    events = httpx.get(f"{address}gradio_api/call/ask/{event}", timeout=20).text
    kind, data = events.strip().split("\n\n")[-1].split("\n", 1)
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_the_endpoint_gives_the_json_of_the_answer(address):
    kind, data = ask(address, "What was found?")
    assert kind == "complete"
    assert data == [to_json(FakePipeline().ask("What was found?"))]


def test_the_endpoint_passes_k_on(address):
    _, (answer,) = ask(address, "What about NATO?", k=1)
    assert len(answer["hits"]) == 1
    _, (answer,) = ask(address, "What about NATO?")
    assert len(answer["hits"]) == 2


def test_the_endpoint_tells_our_errors_and_hides_others(address):
    kind, data = ask(address, "")
    assert (kind, data["error"]) == ("error", "the question is empty\nAsk something in words.")
    kind, data = ask(address, "crash")
    assert kind == "error"
    assert "secret" not in json.dumps(data)


def test_the_page_has_its_name_and_one_public_endpoint(address):
    config = httpx.get(f"{address}config").json()
    assert config["title"] == "Citewise"
    assert [example["text"] for example in chatbot(config)["examples"]] == list(app.EXAMPLES)
    assert list(httpx.get(f"{address}gradio_api/info").json()["named_endpoints"]) == ["/ask"]


def chatbot(config: dict[str, list[dict]]) -> dict:
    (found,) = (part["props"] for part in config["components"] if part["type"] == "chatbot")
    return found


def test_the_chat_interprets_nothing_that_it_is_given(address):
    chat = chatbot(httpx.get(f"{address}config").json())
    assert chat["sanitize_html"] is True
    assert chat["render_markdown"] is chat["allow_tags"] is False
    assert chat["buttons"] == chat["latex_delimiters"] == []


def test_no_door_is_left_open(address):
    assert httpx.get(f"{address}config").json()["analytics_enabled"] is False
    assert httpx.get(f"{address}monitoring").status_code == 403
    assert httpx.get(f"{address}monitoring/summary").status_code == 403
    assert httpx.get(f"{address}gradio_api/runs").status_code == 404
    assert httpx.get(f"{address}flag").status_code == 404
    upload = httpx.post(f"{address}gradio_api/upload", files={"files": ("a.txt", b"text")})
    assert upload.status_code == 413


def test_two_questions_are_answered_at_once(address):
    with ThreadPoolExecutor(2) as askers:
        kinds = [kind for kind, _ in askers.map(lambda _: ask(address, "together"), range(2))]
    assert kinds == ["complete", "complete"]


def test_a_full_queue_turns_questions_away(address):
    answers = [join(address, "slow") for _ in range(8)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 503
    assert "full" in answers[-1].text


def test_an_interrupt_ends_it_and_closes_the_index(server):
    process, _ = server
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "AssertionError" not in err


def test_a_missing_index_is_told_without_waiting_for_the_page():
    out, err = started("missing", free_port()).communicate(timeout=20)
    assert out == ""
    assert err.endswith("rag.errors.IndexMissing: there is no index at missing\nMake one.\n")


def test_a_taken_port_is_named_with_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CitewiseError, match=f"127.0.0.1:{port}: Address already in use") as caught:
            app.serve("no index is opened", port=port)
    assert "--port" in caught.value.hint
