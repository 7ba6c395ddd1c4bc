"""The command line: citewise index | ask | search | show | status | doctor | chat.

Results go to stdout, all else to stderr. The exit code is 0 (also for "the articles do not say"), 1 for what
went wrong, 2 for wrong usage, 130 for an interrupt.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from rag.errors import CitewiseError, QuestionError, SettingsError
from rag.settings import MODES, load

if TYPE_CHECKING:
    from ingest.sync import Summary
    from rag.domain import Answer, Hit
    from rag.live import Live
    from rag.pipeline import Pipeline

OK, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130
PROMPT = "> "


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    _use_utf8()
    _log_to_stderr()
    try:
        return int(arguments.run(arguments))
    except CitewiseError as error:
        return _complain(error)
    except KeyboardInterrupt:
        _say("citewise: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return OK
    except OSError as error:
        _drop_output()
        _say(f"citewise: {error}")
        return WRONG
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        _say(f"citewise: a fault of ours: {type(error).__name__}: {error}")
        _say("Please report it; python -X dev cli.py … says where it happened.")
        return WRONG


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; docs/cli.md is made from it."""
    top = argparse.ArgumentParser(
        prog="citewise",
        description="Answers questions about a collection of articles, each with a verbatim, checkable quote.",
    )
    top.add_argument("--version", action="version", version=_version())
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    index = _command(commands, "index", _index, "bring an index in step with files and folders")
    index.add_argument(
        "paths", nargs="+", type=_path, metavar="PATH", help="a folder, or a .txt, .md or .jsonl file"
    )
    index.add_argument("--yes", action="store_true", help="remove articles even if they are over half of all")
    index.add_argument(
        "--rebuild", action="store_true", help="make the index again beside the old one, then swap them"
    )
    _shaping(index)
    _json(index)

    ask = _command(commands, "ask", _ask, "answer a question, with quotes")
    ask.add_argument("question", help="the question; - reads questions from stdin, one a line")
    _reading(ask)
    _answering(ask)
    ask.add_argument("--threshold", type=float, metavar="P", help="abstain below this confidence, 0 to 1")
    _json(ask)

    search = _command(commands, "search", _search, "find passages, without reading them for an answer")
    search.add_argument("words", help="what to look for; - reads it from stdin, one search a line")
    _reading(search)
    _json(search)

    show = _command(commands, "show", _show, "print the text that an article's quotes count in")
    show.add_argument("id", help="the article's id, as in citations")
    _json(show)

    status = _command(commands, "status", _status, "say what an index holds")
    _json(status)

    doctor = _command(commands, "doctor", _doctor, "check every promise that an index makes, and the models")
    _llm(doctor)
    _json(doctor)

    chat = _command(commands, "chat", _chat, "serve the page, or lead a conversation in the terminal")
    chat.add_argument("--terminal", action="store_true", help="ask here, a question a line, not on the page")
    _answering(chat)
    chat.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    chat.add_argument("--port", type=_port, default=7860, help="the port to listen on (7860)")
    chat.add_argument(
        "--auth", type=_path, metavar="FILE", help="a file of logins, a line of name:password each"
    )
    chat.add_argument("--read-only", action="store_true", help="let nobody bring or remove articles")
    chat.add_argument("--root-path", metavar="PATH", help="where a reverse proxy shows the page")
    return top


def _command(commands: Any, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary.capitalize() + "."
    )
    command.set_defaults(run=run)
    command.add_argument("--index", metavar="DIR", help="the index folder (index)")
    return command


def _shaping(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--embedder",
        metavar="NAME",
        help="minilm, or a sentence-transformers model's name or folder (minilm)",
    )
    command.add_argument(
        "--passage-tokens", type=_count, metavar="N", help="the length of a passage at most (128)"
    )


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument("-k", type=_count, metavar="N", help="passages to return (8)")
    command.add_argument("--embedder", metavar="NAME", help="the embedder that made the index (minilm)")


def _answering(command: argparse.ArgumentParser) -> None:
    _llm(command)
    command.add_argument(
        "--mode", choices=MODES, metavar="MODE", help="quote, write, or auto: whichever fits (auto)"
    )


def _llm(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--llm", metavar="SPEC", help="the language model that writes, such as ollama/llama3.2 (none)"
    )


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON object for each result")


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a path is empty")
    return text


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port (0 to 65535)")
    return number


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"citewise {version('citewise')}"
    except PackageNotFoundError:
        return "citewise (not installed)"


# -- commands -------------------------------------------------------------------------------------


def _index(arguments: argparse.Namespace) -> int:
    import ingest
    from ingest.progress import Bar

    watcher = Bar(_say)
    try:
        summary = ingest.index(
            arguments.paths,
            _folder(arguments),
            yes=arguments.yes,
            rebuild=arguments.rebuild,
            watcher=watcher,
            embedder=arguments.embedder,
            passage_tokens=arguments.passage_tokens,
        )
    except KeyboardInterrupt:
        watcher.close()
        _say("citewise: interrupted; what was stored is kept, and the same command goes on from there")
        return INTERRUPTED
    finally:
        watcher.close()
    _print_summary(summary, arguments.json)
    return WRONG if summary.failed else OK


def _ask(arguments: argparse.Namespace) -> int:
    from rag.domain import Answer

    def refused(line: str, error: QuestionError) -> None:
        if arguments.json:  # one object a line, whatever the line
            _print_answer(Answer(line, reason=f"{error.message}. {error.hint}"), as_json=True)

    chosen = {
        "k": arguments.k,
        "threshold": arguments.threshold,
        "llm": arguments.llm,
        "mode": arguments.mode,
    }
    with _open(arguments, **chosen) as pipeline:
        live = _live(moves=not arguments.json)
        return _each(
            arguments.question,
            lambda line: _print_answer(live.watched(pipeline.stages(line)), arguments.json),
            refused,
        )


def _search(arguments: argparse.Namespace) -> int:
    def refused(line: str, error: QuestionError) -> None:  # noqa: ARG001
        if arguments.json:
            _print_hits(line, [], as_json=True)

    with _open(arguments, k=arguments.k) as pipeline:
        return _each(
            arguments.words, lambda line: _print_hits(line, pipeline.search(line), arguments.json), refused
        )


def _show(arguments: argparse.Namespace) -> int:
    from rag.render import article_json
    from rag.store import Store

    with Store(_folder(arguments)) as store:
        article = store.article(arguments.id)
    _print(json.dumps(article_json(article), ensure_ascii=False) if arguments.json else article.text)
    return OK


def _status(arguments: argparse.Namespace) -> int:
    from rag.store import Store

    with Store(_folder(arguments)) as store:
        facts = asdict(store.status())
    if arguments.json:
        _print(json.dumps(facts, ensure_ascii=False))
    else:
        _print(
            "\n".join(
                f"{name.removeprefix('n_'):15} {value}" for name, value in facts.items() if value is not None
            )
        )
    return OK


def _doctor(arguments: argparse.Namespace) -> int:
    from rag.doctor import faults, weight_faults
    from rag.render import visible

    settings = load(index=arguments.index, llm=arguments.llm)
    found = [*faults(settings.index), *weight_faults(), *_llm_faults(settings.llm)]
    if arguments.json:
        _print(json.dumps({"healthy": not found, "faults": found}, ensure_ascii=False))
    else:
        _print(visible("\n".join(found)) or "healthy")
    return WRONG if found else OK


def _llm_faults(spec: str) -> list[str]:
    if not spec:
        return []
    from rag.llms import tried

    return tried(spec)


def _chat(arguments: argparse.Namespace) -> int:
    if arguments.terminal:
        return _converse(arguments)
    import app

    app.serve(
        _folder(arguments),
        arguments.host,
        arguments.port,
        auth=arguments.auth,
        read_only=arguments.read_only,
        root_path=arguments.root_path,
        llm=arguments.llm,
        mode=arguments.mode,
    )
    return OK


def _converse(arguments: argparse.Namespace) -> int:
    """Lead a conversation in the terminal; of questions from a pipe, the exit code says whether one went wrong."""
    import rag
    from rag.chat import Chat
    from rag.shell import Shell

    typed = _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
    codes = [OK]
    with rag.open(arguments.index, llm=arguments.llm, mode=arguments.mode) as pipeline:
        shell = Shell(
            Chat(pipeline), _live(), _say, lambda error: codes.append(_complain(error)), patient=typed
        )
        if typed:
            _say(f"{pipeline.status().n_articles:,} articles. Ask, or type :help; Ctrl-D ends.")
        lines = _lines()
        shell.run(_typed_line if typed else lambda: next(lines, None))
    return OK if typed else max(codes)


# -- parts of them --------------------------------------------------------------------------------


def _open(arguments: argparse.Namespace, **settings: Any) -> Pipeline:
    import rag

    return rag.open(_folder(arguments), embedder=arguments.embedder, **settings)


def _folder(arguments: argparse.Namespace) -> str:
    return load(index=arguments.index).index


def _each(text: str, answer: Callable[[str], None], refused: Callable[[str, QuestionError], None]) -> int:
    """Answer ``text``, or each line of stdin for ``-``; a line that is refused does not stop the others."""
    if text != "-":
        answer(text)
        return OK
    code = OK
    for line in _lines():
        try:
            answer(line)
        except QuestionError as error:
            code = _complain(error)
            refused(line, error)
    return code


def _lines() -> Iterator[str]:
    return (line for raw in sys.stdin or () if (line := raw.strip()))  # None where stdin was closed


def _typed_line() -> str | None:
    """Return a line that a person typed, with the history and the editing of readline where there is one."""
    with suppress(ImportError):
        import readline  # noqa: F401  (input uses it once it is there)
    while True:
        try:
            return input(PROMPT)
        except KeyboardInterrupt:
            _say("")
        except EOFError:
            _say("")
            return None


def _print_answer(answer: Answer, as_json: bool) -> None:
    from rag.render import to_json
    from rag.terminal import to_terminal

    if as_json:
        _print(json.dumps(to_json(answer), ensure_ascii=False))
    else:
        _print(to_terminal(answer, shutil.get_terminal_size().columns, _has_colour()))


def _print_hits(words: str, hits: Sequence[Hit], as_json: bool) -> None:
    from rag.render import hits_to_json
    from rag.terminal import hits_to_terminal

    if as_json:
        _print(json.dumps(hits_to_json(words, hits), ensure_ascii=False))
    else:
        _print(hits_to_terminal(hits, shutil.get_terminal_size().columns, _has_colour()))


def _print_summary(summary: Summary, as_json: bool) -> None:
    from ingest.progress import listed

    facts = asdict(summary)
    facts["failed"] = [{"path": failure.path, "error": failure.error} for failure in summary.failed]
    _say(
        f"{summary.new} new, {summary.changed} changed, {summary.moved} moved, {summary.removed} removed, "
        f"{summary.unchanged} unchanged; {summary.passages_embedded} passages embedded in {summary.seconds:.1f} s; "
        f"the index holds {summary.articles} articles in {summary.passages} passages"
    )
    for line in listed("not read", [f"{failure.path}: {failure.error}" for failure in summary.failed]):
        _say(line)
    if as_json:
        _print(json.dumps(facts, ensure_ascii=False))


def _complain(error: CitewiseError) -> int:
    """Say what went wrong, and what to do; return the exit code that it makes."""
    _say(f"citewise: {error.message}")
    if error.hint:
        _say(error.hint)
    return USAGE if isinstance(error, QuestionError | SettingsError) else WRONG


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _say(text: str) -> None:
    from rag.render import visible

    if sys.stderr is None:  # closed; print would take stdout instead
        return
    print(visible(text), file=sys.stderr, flush=True)  # noqa: T201


def _has_colour() -> bool:
    return _is_terminal(sys.stdout) and "NO_COLOR" not in os.environ


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _live(moves: bool = True) -> Live:
    from rag.live import Live

    can_move = _is_terminal(sys.stdout) and os.environ.get("TERM", "dumb") != "dumb"
    return Live(sys.stdout, _has_colour(), moves and can_move)


def _drop_output() -> None:
    """Let what is still to be printed go nowhere, or the exit would complain again."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _log_to_stderr() -> None:
    log = logging.getLogger("citewise")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("citewise: %(message)s"))
        log.addHandler(handler)
        log.propagate = False


def _use_utf8() -> None:
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(main())
