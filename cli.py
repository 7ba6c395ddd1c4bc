"""The command line: citewise index | ask | search | show | eval | chat, and what looks after an index.

Results go to stdout, all else to stderr. The exit code is 0 (also for "the articles do not say"), 1 for what
went wrong, 2 for wrong usage, 130 for an interrupt.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rag.command_line import parser
from rag.errors import CitewiseError, IndexDamaged, QuestionError, SettingsError
from rag.settings import Settings, load

if TYPE_CHECKING:
    from ingest.plan import Plan
    from ingest.progress import Bar
    from ingest.sync import Summary
    from rag.domain import Answer, Hit
    from rag.evaluation.commands import Done
    from rag.evaluation.record import Question, Report
    from rag.live import Live
    from rag.pipeline import Pipeline

OK, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130
PROMPT = "> "
_CHOSEN = ("reader", "precision", "llm", "mode")  # settings that are flags of all commands that answer
_UNDRAWN_S = 0.001  # a bar is not drawn before its first step, which there may not be
_QUESTIONS = "{percentage:3.0f}% |{bar:30}| {n}/{total} questions [{elapsed}, {remaining} left]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    _use_utf8()
    _log_to_stderr()
    try:
        return _WORK.get(arguments.command, _care)(arguments)
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


# -- commands -------------------------------------------------------------------------------------


def _index(arguments: argparse.Namespace) -> int:
    import ingest

    bars = _Bars()
    options = {
        "yes": arguments.yes,
        "rebuild": arguments.rebuild,
        "resume": arguments.resume,
        "keep_missing": arguments.keep_missing,
        "fields": arguments.fields,
        "embedder": arguments.embedder,
        "passage_tokens": arguments.passage_tokens,
        "watcher": bars,
    }
    try:
        if arguments.watch:
            return _follow(arguments, bars, options)
        options |= {"dry_run": arguments.dry_run, "allow_network": arguments.allow_network}
        summary = ingest.index(arguments.paths, _folder(arguments), **options)
    except KeyboardInterrupt:
        bars.close()
        _say("citewise: interrupted; what was stored is kept, and the same command goes on from there")
        return INTERRUPTED
    finally:
        bars.close()
    _print_summary(summary, arguments.json)
    return WRONG if summary.failed else OK


def _follow(arguments: argparse.Namespace, bars: _Bars, options: Mapping[str, Any]) -> int:
    """Keep an index in step until Ctrl-C or until the process is told to end, which is no fault."""
    import ingest

    def done(summary: Summary) -> None:
        bars.close()
        _print_summary(summary, arguments.json)

    def wrong(error: CitewiseError) -> None:
        _complain(error)

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    _say("citewise: following what changes; Ctrl-C ends it")
    ingest.watch(arguments.paths, _folder(arguments), on_run=done, on_trouble=wrong, stop=stop, **options)
    return OK


def _ask(arguments: argparse.Namespace) -> int:
    from rag.domain import Answer

    def refused(line: str, error: QuestionError) -> None:
        if arguments.json:  # one object a line, whatever the line
            _print_answer(Answer(line, reason=f"{error.message}. {error.hint}"), as_json=True)

    with _open(arguments, **_answering(arguments)) as pipeline:
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


def _eval(arguments: argparse.Namespace) -> int:
    _check_evaluation(arguments)
    done = _evaluation(arguments)
    if arguments.json:
        _print(json.dumps(done.result, ensure_ascii=False))
    else:
        _print_lines(done.lines)
    for remark in done.remarks:
        _say(remark)
    return WRONG if done.is_worse else OK


def _check_evaluation(arguments: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is asked."""
    stray = [f"--{name}" for name in ("contexts", "html", "save") if getattr(arguments, name)]
    if stray and not arguments.questions:
        raise SettingsError(f"{stray[0]} is for a file of questions", "Name the file, or leave it out.")
    if arguments.contexts and (arguments.index or arguments.save):
        raise SettingsError("--contexts makes an index for this time", "Leave out --index and --save.")
    if arguments.html and not Path(arguments.html).absolute().parent.is_dir():
        raise SettingsError(f"there is no folder for {arguments.html}", "Make it, or name another file.")


def _evaluation(arguments: argparse.Namespace) -> Done:
    from rag.evaluation import commands

    index = _folder(arguments)
    if arguments.compare:
        return commands.compare_files(*arguments.compare)
    if arguments.make:
        return commands.make(index, arguments.make, load(llm=arguments.llm).llm)
    if arguments.saved:
        from page.liked import liked

        with _open(arguments, **_answering(arguments)) as pipeline:
            return commands.again(pipeline, index, liked(index))
    return commands.told(_evaluated(arguments), arguments.html, index if arguments.save else None)


def _evaluated(arguments: argparse.Namespace) -> Report:
    from rag.evaluation import questions

    asked = questions.load(arguments.questions)
    if not arguments.contexts:
        return _asked(asked, _folder(arguments), arguments)
    from ingest.contexts import indexed

    articles, bars = questions.contexts(arguments.questions), _Bars()
    with indexed(articles, arguments.embedder, bars) as index:
        bars.close()
        return _asked(asked, index, arguments)


def _asked(questions: Sequence[Question], index: Path | str, arguments: argparse.Namespace) -> Report:
    from tqdm import tqdm

    import rag

    chosen = {**_answering(arguments), "embedder": arguments.embedder}
    bar = tqdm(total=len(questions), bar_format=_QUESTIONS, disable=sys.stderr is None, delay=_UNDRAWN_S)
    with bar:
        return rag.evaluate(questions, index, watch=lambda _: bar.update(), **chosen)


def _answering(arguments: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in ("k", *_CHOSEN)}


def _care(arguments: argparse.Namespace) -> int:
    """Do one of the commands that look after an index."""
    from rag.upkeep.care import COMMANDS

    done = COMMANDS[arguments.command](_folder(arguments), arguments)
    if arguments.json:
        _print(json.dumps(asdict(done.result), ensure_ascii=False))
    else:
        _print_lines(done.lines)
    for remark in done.remarks:
        _say(remark)
    return OK


def _doctor(arguments: argparse.Namespace) -> int:
    from rag.upkeep.doctor import weight_faults

    settings = load(index=arguments.index, llm=arguments.llm, embedder=arguments.embedder)
    done = _repaired(settings, arguments.json) if arguments.repair else []
    wrong = _index_faults(settings.index)
    found = [*wrong, *weight_faults(), *_llm_faults(settings.llm)]
    if arguments.json:
        report = {"healthy": not found, "faults": found}
        _print(json.dumps(report | ({"repaired": done} if arguments.repair else {}), ensure_ascii=False))
    else:
        _print_lines(found or ["healthy"])
    if wrong and not arguments.repair:
        from rag.index.database import repairing

        _say(f"What can be mended is mended by: {repairing(Path(settings.index))}")
    return WRONG if found else OK


def _repaired(settings: Settings, quietly: bool) -> list[str]:
    """Mend an index; return what was done, which is said at once unless ``quietly``."""
    from rag import embed
    from rag.store import Shape
    from rag.upkeep.repair import repair

    def guess() -> Shape:
        embedder = embed.load(settings.embedder)
        return Shape(embedder.name, embedder.dim, settings.passage_tokens)

    done = []
    try:
        for line in repair(settings.index, guess):
            done.append(line)
            if not quietly:
                _print_lines([line])
    except IndexDamaged as error:
        if quietly:
            _print(
                json.dumps(
                    {"healthy": False, "faults": [error.message], "repaired": done}, ensure_ascii=False
                )
            )
        raise
    return done


def _index_faults(index: str) -> list[str]:
    from rag.upkeep.doctor import faults

    try:
        return list(faults(index))
    except IndexDamaged as error:
        return [error.message]


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
        **{name: getattr(arguments, name) for name in _CHOSEN},
    )
    return OK


def _converse(arguments: argparse.Namespace) -> int:
    """Lead a conversation in the terminal; of questions from a pipe, the exit code says whether one went wrong."""
    import rag
    from rag.chat import Chat
    from rag.shell import Shell

    typed = _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
    codes = [OK]
    chosen = {name: getattr(arguments, name) for name in _CHOSEN}
    with rag.open(arguments.index, **chosen) as pipeline:
        shell = Shell(
            Chat(pipeline), _live(), _say, lambda error: codes.append(_complain(error)), patient=typed
        )
        if typed:
            _say(f"{pipeline.status().n_articles:,} articles. Ask, or type :help; Ctrl-D ends.")
        lines = _lines()
        shell.run(_typed_line if typed else lambda: next(lines, None))
    return OK if typed else max(codes)


class _Bars:
    """A watcher of one run after the other, with a bar for each."""

    def __init__(self) -> None:
        self._bar: Bar | None = None

    def planned(self, plan: Plan) -> None:
        from ingest.progress import Bar

        self.close()
        self._bar = Bar(_say)
        self._bar.planned(plan)

    def stored(self, n_chars: int, n_passages: int) -> None:
        if self._bar:
            self._bar.stored(n_chars, n_passages)

    def close(self) -> None:
        if self._bar:
            self._bar.close()


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
    from ingest.summary import if_cut, sentence
    from rag.upkeep.tables import LISTED, of_files

    _say(sentence(summary))
    told = ((fate.what, fate.path, fate.note) for fate in summary.files if fate.what != "skipped")
    for line in [*of_files(told), *if_cut(summary, LISTED), *summary.notes]:
        _say(line)
    if as_json:
        facts = asdict(summary)
        facts["failed"] = [{"path": failure.path, "error": failure.error} for failure in summary.failed]
        _print(json.dumps(facts, ensure_ascii=False))


def _print_lines(lines: Sequence[str]) -> None:
    from rag.render import visible

    _print("\n".join(map(visible, lines)))


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


_WORK: dict[str, Callable[[argparse.Namespace], int]] = {
    "index": _index,
    "ask": _ask,
    "search": _search,
    "show": _show,
    "eval": _eval,
    "doctor": _doctor,
    "chat": _chat,
}


if __name__ == "__main__":
    sys.exit(main())
