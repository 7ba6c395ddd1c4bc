"""The words of the command line: its commands, their arguments, and the help from which docs/cli.md is made."""

from __future__ import annotations

import argparse
from typing import Any

from rag.settings import CHOICES

DESCRIPTION = "Answers questions about a collection of articles, each with a verbatim, checkable quote."


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; what it parses has the name of the ``command``."""
    top = argparse.ArgumentParser(prog="citewise", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=_version())
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    _index(_command(commands, "index", "bring an index in step with files and folders"))
    _ask(_command(commands, "ask", "answer a question, with quotes"))
    _search(_command(commands, "search", "find passages, without reading them for an answer"))
    show = _command(commands, "show", "print the text that an article's quotes count in")
    show.add_argument("id", help="the article's id, as in citations")
    _json(show)
    _eval(_command(commands, "eval", "ask questions whose answers are known, and say how well it did"))
    _json(_command(commands, "status", "say what an index holds, what it takes, and who writes to it"))
    _doctor(_command(commands, "doctor", "check every promise that an index makes, and the models"))
    _json(_command(commands, "rollback", "put the generation of an index back that answered before"))
    _json(_command(commands, "compact", "write an index again without what is dead in it"))
    backup = _command(
        commands, "backup", "copy an index into a folder that is an index too, while it is in use"
    )
    backup.add_argument("dest", type=_path, metavar="DEST", help="a new folder, or a backup to replace")
    _json(backup)
    export = _command(commands, "export", "write a whole index into one file, while it is in use")
    export.add_argument("file", type=_path, metavar="FILE", help="a new file, or an export to replace")
    _json(export)
    bring = _command(commands, "import", "make an index of a file that citewise export wrote")
    bring.add_argument("file", type=_path, metavar="FILE", help="the file")
    bring.add_argument("--yes", action="store_true", help="take the place of an index that is there")
    _json(bring)
    _chat(_command(commands, "chat", "serve the page, or lead a conversation in the terminal"))
    return top


def _command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary.capitalize() + "."
    )
    command.add_argument("--index", metavar="DIR", help="the index folder (index)")
    return command


def _index(index: argparse.ArgumentParser) -> None:
    index.add_argument(
        "paths",
        nargs="+",
        type=_path,
        metavar="PATH",
        help="a folder or a file; with --allow-network, also an address",
    )
    index.add_argument("--yes", action="store_true", help="remove articles even if they are over half of all")
    index.add_argument(
        "--keep-missing", action="store_true", help="keep articles whose files are gone from the PATHs"
    )
    once = index.add_mutually_exclusive_group()
    once.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    once.add_argument(
        "--watch", action="store_true", help="go on, and follow each change of the PATHs until Ctrl-C"
    )
    index.add_argument(
        "--rebuild", action="store_true", help="make the index again beside the old one, then swap them"
    )
    index.add_argument("--resume", action="store_true", help="go on with a rebuild that was cut short")
    index.add_argument("--allow-network", action="store_true", help="fetch the addresses among the PATHs")
    index.add_argument(
        "--fields",
        type=_fields,
        metavar="MAP",
        help="names in tables and JSONL, such as text=body,title=headline",
    )
    index.add_argument(
        "--embedder",
        metavar="NAME",
        help="minilm, or a sentence-transformers model's name or folder (minilm)",
    )
    index.add_argument(
        "--passage-tokens", type=_count, metavar="N", help="the length of a passage at most (128)"
    )
    _json(index)


def _ask(ask: argparse.ArgumentParser) -> None:
    ask.add_argument("question", help="the question; - reads questions from stdin, one a line")
    _reading(ask)
    _answering(ask)
    _precision(ask)
    _json(ask)


def _search(search: argparse.ArgumentParser) -> None:
    search.add_argument("words", help="what to look for; - reads it from stdin, one search a line")
    _reading(search)
    _json(search)


def _eval(command: argparse.ArgumentParser) -> None:
    work = command.add_mutually_exclusive_group(required=True)
    work.add_argument(
        "questions", nargs="?", type=_path, metavar="QUESTIONS", help="a file: JSONL, or the JSON of SQuAD"
    )
    work.add_argument(
        "--compare", nargs=2, type=_path, metavar=("A", "B"), help="say how two differ that --json wrote"
    )
    work.add_argument(
        "--saved", action="store_true", help="ask what was saved again; exit with 1 if an answer is worse"
    )
    work.add_argument(
        "--make", type=_count, metavar="N", help="draft questions from the articles, to be corrected"
    )
    command.add_argument(
        "--contexts", action="store_true", help="ask an index of the contexts of QUESTIONS, made for it"
    )
    command.add_argument("--html", type=_path, metavar="FILE", help="write a report, with plots and failures")
    command.add_argument(
        "--save", action="store_true", help="save the questions and their answers, for --saved"
    )
    _reading(command)
    _answering(command)
    _precision(command)
    _json(command)


def _doctor(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument(
        "--repair", action="store_true", help="mend what can be mended, and say what was done"
    )
    doctor.add_argument(
        "--embedder", metavar="NAME", help="to --repair: what made the index, if it cannot say so (minilm)"
    )
    _llm(doctor)
    _json(doctor)


def _chat(chat: argparse.ArgumentParser) -> None:
    chat.add_argument("--terminal", action="store_true", help="ask here, a question a line, not on the page")
    _answering(chat)
    _precision(chat)
    chat.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    chat.add_argument("--port", type=_port, default=7860, help="the port to listen on (7860)")
    chat.add_argument(
        "--auth", type=_path, metavar="FILE", help="a file of logins, a line of name:password each"
    )
    chat.add_argument("--read-only", action="store_true", help="let nobody bring or remove articles")
    chat.add_argument("--root-path", metavar="PATH", help="where a reverse proxy shows the page")


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument("-k", type=_count, metavar="N", help="passages to return (8)")
    command.add_argument("--embedder", metavar="NAME", help="the embedder that made the index (minilm)")


def _precision(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--reader",
        choices=CHOICES["reader"],
        metavar="SIZE",
        help="fast, accurate, or auto: what the fast one is not sure of, the accurate one reads again (auto)",
    )
    command.add_argument(
        "--precision",
        type=float,
        metavar="P",
        help="the share of the answers that shall be right, 0 to 1; the more, the fewer are given (0.7)",
    )


def _answering(command: argparse.ArgumentParser) -> None:
    _llm(command)
    command.add_argument(
        "--mode", choices=CHOICES["mode"], metavar="MODE", help="quote, write, or auto: whichever fits (auto)"
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


def _fields(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    names = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
    if not all(ours and theirs for ours, theirs in names.items()) or len(names) < len(pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is no list such as text=body,title=headline")
    return names


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


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
