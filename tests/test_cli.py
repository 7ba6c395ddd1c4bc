"""The command line as its users meet it: what goes to stdout, what to stderr, and the exit codes."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import cli
from rag.domain import Draft, Steps
from rag.errors import LanguageModelFault
from rag.index.folder import live

HOME = Path(__file__).parent.parent
SUMMARY = {
    *("new", "changed", "moved", "removed", "unchanged"),
    *("passages_embedded", "passages", "articles", "failed", "seconds"),
    *("kept", "files", "notes", "dry_run"),
}
ANSWER = {
    *("question", "searched_for", "answer", "answered", "confidence", "mode", "reason", "note"),
    *("citations", "alternatives", "hits", "timings_ms", "route", "sentences"),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "index"
    assert cli.main(["index", str(HOME / "corpus"), "--index", str(folder)]) == 0
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_index_reports_on_stdout_only_what_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    articles = tmp_path / "a"
    articles.mkdir()
    (articles / "one.txt").write_text("One article.")
    code, out, err = run(capsys, "index", articles, "--index", tmp_path / "i")
    assert (code, out) == (0, "")
    assert "plan: 1 new, 0 changed, 0 moved, 0 removed, 0 unchanged" in err
    assert "passages/s" in err
    assert "left]" in err
    code, out, err = run(capsys, "index", articles, "--index", tmp_path / "i", "--json")
    summary = json.loads(out)
    assert code == 0
    assert set(summary) == SUMMARY
    assert (summary["unchanged"], summary["passages_embedded"], summary["failed"]) == (1, 0, [])


def test_the_corpus_folder_is_articles_a_datasheet_and_questions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "index", HOME / "corpus", "--index", tmp_path / "i", "--json")
    assert code == 0
    assert json.loads(out)["articles"] == len(list((HOME / "corpus" / "articles").glob("*.md")))
    assert "README.md" in err
    assert "questions.jsonl" in err


def test_a_line_that_cannot_be_read_makes_the_exit_code_1_and_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"id": n, "text": f"Text {n}."}) for n in range(30)]
    lines[16] = "{"
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    code, out, err = run(capsys, "index", tmp_path / "x.jsonl", "--index", tmp_path / "i", "--json")
    summary = json.loads(out)
    assert code == 1
    assert summary["new"] == 29
    assert [set(failure) for failure in summary["failed"]] == [{"path", "error"}]
    assert summary["failed"][0]["path"].endswith("x.jsonl:17")
    assert "x.jsonl:17" in err


def test_a_run_tells_what_became_of_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    articles = tmp_path / "a"
    articles.mkdir()
    for n in range(23):
        (articles / f"{n:02}.txt").write_text(f"Article {n}.")
    code, out, err = run(capsys, "index", articles, "--index", tmp_path / "i")
    lines = err.splitlines()
    assert (code, out) == (0, "")
    assert len([line for line in lines if line.startswith("new  ")]) == 21
    assert lines[-2:] == ["new  and 3 more", "With --json, all files are listed."]
    (articles / "00.txt").write_text("Article 0 again.")
    (articles / "01.txt").rename(articles / "x1.txt")
    (articles / "02.txt").write_text("")
    (articles / "03.txt").unlink()
    code, out, err = run(capsys, "index", articles, "--index", tmp_path / "i", "--json")
    told = {Path(file["path"]).name: (file["what"], file["note"]) for file in json.loads(out)["files"]}
    assert {name: what for name, (what, _) in told.items()} == {
        "00.txt": "changed",
        "x1.txt": "moved",
        "02.txt": "failed",
        "03.txt": "removed",
    }
    assert told["x1.txt"][1].startswith("from ")
    assert code == 1
    rows = [line.split()[:2] for line in err.splitlines()]
    assert ["changed", str(articles / "00.txt")] in rows
    assert "unchanged" not in {what for what, _ in told.values()}


def test_a_dry_run_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("An article.")
    code, out, err = run(
        capsys, "index", tmp_path / "a.txt", "--index", tmp_path / "i", "--dry-run", "--json"
    )
    assert code == 0
    assert (json.loads(out)["dry_run"], json.loads(out)["new"]) == (True, 1)
    assert "would be: 1 new" in err
    assert not (tmp_path / "i").exists()


def test_the_flags_of_index_reach_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, object]] = []

    def stand_in(paths: object, index: object, **named: object) -> None:
        given.append({"paths": paths, "index": index, **named})
        raise KeyboardInterrupt

    monkeypatch.setattr("ingest.index", stand_in)
    monkeypatch.setattr("ingest.watch", stand_in)
    flags = "--yes --rebuild --resume --keep-missing --fields text=body,title=headline --passage-tokens 64 --embedder e"
    code, _, err = run(capsys, "index", "a", "http://b", *flags.split(), "--allow-network", "--index", "i")
    assert (code, "what was stored is kept" in err) == (130, True)
    run(capsys, "index", "a", *flags.split(), "--watch", "--index", "i")
    run(capsys, "index", "a", "--index", "i")
    wanted = {
        "yes": True,
        "rebuild": True,
        "resume": True,
        "keep_missing": True,
        "fields": {"text": "body", "title": "headline"},
        "passage_tokens": 64,
        "embedder": "e",
        "index": "i",
    }
    assert all(run[name] == value for run in given[:2] for name, value in wanted.items())
    assert (given[0]["paths"], given[0]["allow_network"], given[0]["dry_run"]) == (
        ["a", "http://b"],
        True,
        False,
    )
    assert {"on_run", "on_trouble", "stop"} <= set(given[1])
    assert not any(given[2][name] for name in wanted if name != "index")


def test_what_is_followed_is_told_of_each_run_and_ends_in_peace(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_text("The first article.")
    command = [sys.executable, "cli.py", "index", str(tmp_path / "a"), "--index", str(tmp_path / "i")]
    process = subprocess.Popen(
        [*command, "--watch", "--json"], cwd=HOME, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["new"] == 1
        (tmp_path / "a" / "2.txt").write_text("The second article.")
        assert json.loads(process.stdout.readline())["articles"] == 2
        process.terminate()
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "following what changes" in err
    assert "Traceback" not in err


def test_ask_json_keeps_the_contract(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "ask", "Who did Ayrault say Russia prefers?", "--json", "--index", index)
    answer = json.loads(out)
    assert code == 0
    assert set(answer) == ANSWER
    assert answer["answered"] is True
    assert (answer["mode"], answer["reason"], answer["note"]) == ("quote", None, None)
    assert answer["answer"] == "Marine Le Pen or François Fillon"
    citation = answer["citations"][0]
    assert set(citation) == {"n", "article", "passage", "start", "end", "quote", "page"}
    assert set(citation["article"]) == {"id", "title", "source", "date", "url", "copies"}
    assert citation["article"]["date"] == "2017-02-19"
    _, text, _ = run(capsys, "show", citation["article"]["id"], "--index", index)
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    passage = citation["passage"]
    assert text[passage["start"] : passage["end"]] == passage["text"]


def test_to_abstain_is_no_error(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "ask", "What did Ayrault say about NATO?", "--json", "--index", index)
    answer = json.loads(out)
    assert code == 0
    assert (answer["answered"], answer["answer"], answer["citations"], answer["mode"]) == (
        False,
        "",
        [],
        "abstain",
    )
    assert answer["reason"]
    assert len(answer["hits"]) == 8
    code, out, _ = run(capsys, "ask", "What did Ayrault say about NATO?", "--index", index, "-k", 2)
    assert code == 0
    assert "The articles do not say." in out
    assert "not an answer" in out


def test_a_dash_reads_questions_one_a_line(
    index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.StringIO("Who fears meddling in Germany's vote?\n\nwho is\nWho is Macron?\n")
    )
    code, out, err = run(capsys, "ask", "-", "--json", "--index", index)
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["question"] for answer in answers] == [
        "Who fears meddling in Germany's vote?",
        "who is",
        "Who is Macron?",
    ]
    assert "Merkel" in answers[0]["answer"]
    assert "no word to search for" in answers[1]["reason"]
    assert "no word to search for" in err
    assert code == 2


@pytest.mark.parametrize("question", ["", "   ", "who is it", "x" * 20_000])
def test_a_question_that_cannot_be_asked_is_wrong_usage(
    index: Path, capsys: pytest.CaptureFixture[str], question: str
) -> None:
    code, out, err = run(capsys, "ask", question, "--index", index)
    assert (code, out) == (2, "")
    assert err.startswith("citewise: the question")
    assert len(err.splitlines()) == 2
    assert len(err) < 300


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ask"],
        ["frobnicate"],
        ["ask", "x", "-k", "0"],
        ["ask", "x", "-k", "many"],
        ["chat", "--port", "70000"],
        ["ask", "x", "--mode", "sing"],
        ["index", "x", "--watch", "--dry-run"],
        ["index", "x", "--fields", "text"],
        ["index", "x", "--fields", "text=a,text=b"],
        ["backup"],
        ["export", ""],
    ],
)
def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: citewise" in capsys.readouterr().err


def test_the_flags_of_chat_reach_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[object, ...]] = []
    monkeypatch.setattr("app.serve", lambda *given, **named: served.append((*given, named)))
    monkeypatch.chdir(HOME)
    assert cli.main(["chat"]) == 0
    flags = (
        "--index i --host ::1 --port 80 --auth f --read-only --root-path /news --llm ollama/x --mode write "
        "--precision 0.9 --reader fast"
    )
    assert cli.main(["chat", *flags.split()]) == 0
    nothing = {"llm": None, "mode": None, "precision": None, "reader": None}
    written = {"llm": "ollama/x", "mode": "write", "precision": 0.9, "reader": "fast"}
    assert served == [
        ("index", "127.0.0.1", 7860, {**nothing, "auth": None, "read_only": False, "root_path": None}),
        ("i", "::1", 80, {"auth": "f", "read_only": True, "root_path": "/news", **written}),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), ("ann one\n", "there is no colon"), ("", "has no login")],
)
def test_logins_that_cannot_be_read_are_wrong_usage(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    file = tmp_path / "logins"
    if content is not None:
        file.write_text(content)
        file.chmod(0o600)
    code, out, err = run(capsys, "chat", "--index", index, "--port", 0, "--auth", file)
    assert (code, out) == (2, "")
    assert err.startswith(f"citewise: {file}")
    assert said in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    "command",
    [
        ["ask", "Who is Macron?"],
        ["search", "Macron"],
        ["show", "x"],
        ["status"],
        ["doctor", "--repair"],
        ["rollback"],
        ["compact"],
        ["backup", "safe"],
        ["export", "sent.zip"],
        ["chat", "--port", "0"],
        ["chat", "--terminal"],
    ],
)
def test_a_missing_index_is_said_with_the_command_that_makes_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    code, out, err = run(capsys, *command, "--index", tmp_path / "none")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == f"citewise: there is no index at {tmp_path / 'none'}"
    assert "citewise index PATH" in err


def test_an_index_of_a_newer_format_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("An article.")
    run(capsys, "index", tmp_path / "a.txt", "--index", tmp_path / "i")
    import sqlite3

    database = live(tmp_path / "i") / "articles.db"
    with sqlite3.connect(database) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    for command in (["ask", "What is it about?"], ["index", tmp_path / "a.txt"]):
        code, _, err = run(capsys, *command, "--index", tmp_path / "i")
        assert code == 1
        assert "format 99" in err


def test_an_index_of_another_embedder_is_refused_with_both_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("An article.")
    run(capsys, "index", tmp_path / "a.txt", "--index", tmp_path / "i")
    import sqlite3

    with sqlite3.connect(live(tmp_path / "i") / "articles.db") as db:
        db.execute("UPDATE meta SET value = 'other-model' WHERE key = 'embedder'")
    code, _, err = run(capsys, "ask", "What is it about?", "--index", tmp_path / "i")
    assert code == 1
    assert "other-model" in err
    assert "all-MiniLM-L6-v2" in err
    assert "--rebuild" in err


def test_damaged_caches_are_made_again_and_said(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generation = live(index)
    whole = (generation / "vectors.faiss").read_bytes()
    (generation / "vectors.faiss").write_bytes(whole[: len(whole) // 2])
    for file in (generation / "words").iterdir():
        file.unlink()
    code, out, err = run(capsys, "ask", "Who did Ayrault say Russia prefers?", "--index", index)
    assert code == 0
    assert "Marine Le Pen or François Fillon" in out
    assert "vectors.faiss" in err
    assert "made again" in err
    _, _, err = run(capsys, "ask", "Who did Ayrault say Russia prefers?", "--index", index)
    assert err == ""
    assert run(capsys, "doctor", "--index", index)[:2] == (0, "healthy\n")


def test_search_and_status(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "search", "container ship aground", "-k", 3, "--json", "--index", index)
    found = json.loads(out)
    assert code == 0
    assert [set(hit) for hit in found["hits"]] == [{"article", "passage", "score"}] * 3
    assert "ever-given" in found["hits"][0]["article"]["id"]
    code, out, _ = run(capsys, "status", "--json", "--index", index)
    assert json.loads(out)["n_articles"] == len(list((HOME / "corpus" / "articles").glob("*.md")))
    assert json.loads(out)["n_bytes"] > 10_000


def test_what_looks_after_an_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("An article about apples.")
    at = ("--index", tmp_path / "i")
    run(capsys, "index", tmp_path / "a.txt", *at)
    code, out, err = run(capsys, "rollback", *at)
    assert (code, out) == (1, "")
    assert "no generation to put back, only gen-1" in err
    run(capsys, "index", tmp_path / "a.txt", *at, "--rebuild", "--passage-tokens", 64)
    code, out, err = run(capsys, "rollback", *at)
    assert (code, err) == (0, "")
    before, now = out.splitlines()
    assert before.split()[:2] == ["before", "gen-2"]
    assert now.split()[:2] == ["now", "gen-1"]
    assert "1 passage of 128 tokens" in now
    code, out, _ = run(capsys, "rollback", *at, "--json")
    assert json.loads(out)["after"]["generation"] == "gen-2"
    code, out, _ = run(capsys, "compact", *at)
    assert code == 0
    assert out.splitlines()[-1].endswith("saved")
    code, out, _ = run(capsys, "backup", tmp_path / "safe", *at, "--json")
    assert (code, json.loads(out)["held"]["n_articles"]) == (0, 1)
    code, out, _ = run(capsys, "export", tmp_path / "sent.zip", *at)
    assert "holds 1 article in 1 passage, and 0 files" in out
    code, out, err = run(capsys, "import", tmp_path / "sent.zip", *at)
    assert (code, out) == (1, "")
    assert "--yes" in err
    code, out, err = run(capsys, "import", tmp_path / "sent.zip", *at, "--yes")
    assert code == 0
    assert "It must be asked with the embedder that made it: all-MiniLM-L6-v2" in err
    code, out, _ = run(capsys, "status", *at)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["articles", "1"] in rows
    assert any(row[0] == "embedder" and "all-MiniLM-L6-v2" in row[1] for row in rows)
    assert run(capsys, "status", "--index", tmp_path / "safe")[0] == 0
    assert run(capsys, "doctor", *at)[:2] == (0, "healthy\n")


def test_the_doctor_says_who_mends_and_mends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(f"An article about {name}.")
    at = ("--index", tmp_path / "i")
    files = (tmp_path / "a.txt", tmp_path / "b.txt")
    run(capsys, "index", *files, *at)
    database = live(tmp_path / "i") / "articles.db"
    whole = database.read_bytes()
    database.write_bytes(b"garbage" * 5000)
    code, out, err = run(capsys, "doctor", *at)
    assert code == 1
    assert "is not a database" in out
    assert "citewise doctor --repair" in err
    database.write_bytes(bytes(100) + whole[100:])
    code, out, _ = run(capsys, "doctor", *at, "--repair")
    assert code == 0
    assert "2 articles are saved into gen-2" in out
    assert out.splitlines()[-1] == "healthy"
    code, out, _ = run(capsys, "doctor", *at, "--repair", "--json")
    assert json.loads(out) == {"healthy": True, "faults": [], "repaired": []}
    code, out, _ = run(capsys, "index", *files, *at, "--json")
    assert (json.loads(out)["unchanged"], json.loads(out)["passages_embedded"]) == (2, 0)
    assert run(capsys, "doctor", *at)[:2] == (0, "healthy\n")


def test_show_of_an_unknown_article(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "show", "nobody.txt", "--index", index)
    assert (code, out) == (1, "")
    assert "nobody.txt" in err


def test_escape_codes_of_a_file_name_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "\x1b[31mred.png").write_text("x")
    (tmp_path / "a.txt").write_text("An article.")
    _, _, err = run(capsys, "index", tmp_path, "--index", tmp_path.parent / "i")
    assert "red.png" in err
    assert "\x1b[31m" not in err


def test_python_m_ingest_is_the_same_command(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("An article.")
    command = [
        sys.executable,
        "-m",
        "ingest",
        str(tmp_path / "a.txt"),
        "--index",
        str(tmp_path / "i"),
        "--json",
    ]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["new"] == 1


def n_stored(database: Path) -> int:
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM articles").fetchone()[0])
    except sqlite3.Error:  # not there yet
        return 0


def test_an_interrupt_keeps_what_is_stored_and_says_so(tmp_path: Path) -> None:
    text = "The quick brown fox jumps over the lazy dog near the river bank. " * 40
    rows = (json.dumps({"id": n, "text": f"{n} {text}"}) for n in range(400))
    (tmp_path / "x.jsonl").write_text("\n".join(rows))
    command = [sys.executable, "cli.py", "index", str(tmp_path / "x.jsonl"), "--index", str(tmp_path / "i")]
    process = subprocess.Popen(command, cwd=HOME, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    deadline = time.monotonic() + 60
    while not n_stored(tmp_path / "i" / "gen-1" / "articles.db") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(2)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "kept" in err
    environ = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "cli.py", "doctor", "--index", str(tmp_path / "i")],
        cwd=HOME, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "healthy\n"


def test_a_closed_pipe_is_no_error(index: Path) -> None:
    article = "articles/2017-02-19-ayrault-denounces-cyberattacks.md"
    script = f"{sys.executable} cli.py show {article} --index {index} | true"
    done = subprocess.run(["bash", "-c", script], cwd=HOME, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("ask 'Who is Macron?' --index {index} >&-", 0, ""),
        ("ask - --index {index} <&-", 0, ""),
        ("status --index {index} > /dev/full", 1, "No space left"),
        ("index {home}/corpus --index {index} --json 2>&- | {python} -m json.tool > /dev/null", 0, ""),
        ("show $'\\xff' --index {index}", 1, "has no article"),
        ("index '' --index {index}", 2, "a path is empty"),
    ],
)
def test_odd_surroundings_end_in_a_line_and_a_code(index: Path, command: str, code: int, said: str) -> None:
    line = command.format(index=index, home=HOME, python=sys.executable)
    script = f"set -o pipefail; {sys.executable} cli.py {line}"
    done = subprocess.run(["bash", "-c", script], cwd=HOME, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_of_ours_is_one_line(
    index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("rag.pipeline.Pipeline.stages", broken)
    code, out, err = run(capsys, "ask", "Who is Macron?", "--index", index)
    assert (code, out) == (1, "")
    assert "a fault of ours: RuntimeError: a bug" in err


def test_a_refused_search_is_an_empty_object(
    index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("who\nMacron\n"))
    code, out, _ = run(capsys, "search", "-", "--json", "--index", index)
    first, second = (json.loads(line) for line in out.splitlines())
    assert (code, first["hits"], len(second["hits"])) == (2, [], 8)


def test_a_question_without_spaces_can_be_asked(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, _ = run(
        capsys, "ask", "フランスの大統領選挙でサイバー攻撃を受けた候補者は誰ですか", "--index", index
    )
    assert code == 0


def test_a_language_model_and_a_mode_are_settings_of_the_pipeline(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, object]] = []

    def refuse(*_: object, **settings: object) -> None:
        opened.append(settings)
        raise LanguageModelFault("the model is down", "Start it.")

    monkeypatch.setattr("rag.open", refuse)
    for command in (["ask", "Why?"], ["chat", "--terminal"]):
        code, _, err = run(capsys, *command, "--llm", "ollama/x", "--mode", "write")
        assert (code, err) == (1, "citewise: the model is down\nStart it.\n")
    assert [(settings["llm"], settings["mode"]) for settings in opened] == [("ollama/x", "write")] * 2


def test_the_doctor_tries_the_language_model_that_is_named(
    index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def failing(spec: str) -> list[str]:
        tried.append(spec)
        return ["nothing listens at\x1b[0m 127.0.0.1:1"]

    monkeypatch.setattr("rag.llms.tried", failing)
    assert run(capsys, "doctor", "--index", index)[:2] == (0, "healthy\n")
    code, out, _ = run(capsys, "doctor", "--index", index, "--llm", "ollama/x")
    assert (code, out) == (1, "nothing listens at␛[0m 127.0.0.1:1\n")
    monkeypatch.setenv("CITEWISE_LLM", "ollama/y")
    code, out, _ = run(capsys, "doctor", "--index", index, "--json")
    assert json.loads(out) == {"healthy": False, "faults": ["nothing listens at\x1b[0m 127.0.0.1:1"]}
    assert (code, tried) == (1, ["ollama/x", "ollama/y"])


def test_an_interrupt_while_an_answer_is_written_stops_the_model_and_is_one_line(
    index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    def endless(*_: object) -> Steps:
        try:
            while True:
                yield Draft((), "It is ")
        finally:
            closed.append(True)

    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.pipeline.Pipeline.stages", endless)
    monkeypatch.setattr("rag.live.step_to_terminal", interrupt)
    monkeypatch.setattr("cli._is_terminal", lambda _: True)
    monkeypatch.setenv("TERM", "xterm")
    code, out, err = run(capsys, "ask", "Why?", "--index", index)
    assert (code, out, err) == (130, "", "citewise: interrupted\n")
    assert closed == [True]


def test_a_conversation_of_a_pipe_goes_on_after_what_was_refused(
    index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "Who fears meddling in Germany's vote?\n:7\nIs she the chancellor?\n:1\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    code, out, err = run(capsys, "chat", "--terminal", "--index", index)
    assert code == 2
    assert out.startswith("Angela Merkel\n")
    assert "\n\n" in out
    assert "Searched for: Is Angela Merkel the chancellor?" in out
    assert out.count("⟦") == 1
    assert err == "citewise: there is no quote [7] to open\nQuotes are numbered 1 to 1.\n"


def test_a_conversation_in_a_terminal(index: Path) -> None:
    """A person at a terminal: an interrupt at the prompt ends nothing, and Ctrl-D ends in peace."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "cli.py", "chat", "--terminal", "--index", str(index)],
        cwd=HOME, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    screen = b""

    def until(wanted: bytes) -> None:
        nonlocal screen
        while wanted not in screen:
            assert select.select([ours], [], [], 60)[0], screen
            screen += os.read(ours, 4096)
        screen = screen.partition(wanted)[2]

    try:
        until(b"> ")
        while b"> " not in screen:  # an interrupt just before readline waits would be seen at the next key
            process.send_signal(2)
            while b"> " not in screen and select.select([ours], [], [], 2)[0]:
                screen += os.read(ours, 4096)
        os.write(ours, b"Who fears meddling in Germany's vote?\n")
        until(b"Reading 8 passages")
        until(b"Angela Merkel")
        until(b"> ")
        os.write(ours, b":1\n")
        until("⟦".encode())
        until(b"> ")
        os.write(ours, b"\x04")
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        os.close(ours)
