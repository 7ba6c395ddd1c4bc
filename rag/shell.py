"""A conversation in a shell: a question a line, and commands that begin with a colon."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import get_args

from rag.chat import Chat
from rag.domain import Answer, Citation, Way
from rag.errors import CitewiseError, QuestionError
from rag.live import Live
from rag.terminal import passage_to_terminal, to_terminal

HELP = """\
Ask a question; the next may lean on it: "Why?", "And in 2016?", "Where was he born?"
  :1            open the quote [1] of the last answer in its passage; :2, :3 … the others
  :forget       begin a new conversation
  :mode MODE    answer by quote, by write (with a language model), or auto: whichever fits
  :help         show this
  :quit         end, as Ctrl-D does
Ctrl-C stops the answer in work."""


class Shell:
    """Leads a conversation. Answers go to ``live``, remarks to ``say``, what went wrong to ``complain``.

    ``patient`` is for a person: an interrupt then stops the answer in work, and not the conversation.
    """

    def __init__(
        self,
        chat: Chat,
        live: Live,
        say: Callable[[str], None],
        complain: Callable[[CitewiseError], None],
        *,
        patient: bool = False,
    ) -> None:
        self._chat, self._live, self._say, self._complain, self._patient = chat, live, say, complain, patient
        self._way: Way | None = None
        self._last: Answer | None = None
        self._has_shown = False

    def run(self, read: Callable[[], str | None]) -> None:
        """Answer each line that ``read`` gives, until it gives None or :quit."""
        while (line := read()) is not None:
            line = line.strip()
            if line in (":quit", ":q"):
                return
            if line:
                self._heed(line)

    def _heed(self, line: str) -> None:
        try:
            if line.startswith(":"):
                self._command(*line[1:].strip().split(maxsplit=1))
            else:
                self._ask(line)
        except CitewiseError as error:
            self._complain(error)
        except KeyboardInterrupt:
            if not self._patient:
                raise
            self._say("Stopped.")

    def _ask(self, question: str) -> None:
        answer = self._answered(question)
        self._last = answer
        self._show(to_terminal(answer, self._live.width, self._live.colour))

    def _answered(self, question: str) -> Answer:
        try:
            return self._live.watched(self._chat.stages(question, way=self._way))
        except CitewiseError:
            raise
        except Exception as error:
            if sys.flags.dev_mode:
                raise
            raise CitewiseError(
                f"a fault of ours: {type(error).__name__}: {error}",
                "Please report it; the conversation goes on.",
            ) from error

    def _command(self, name: str = "", argument: str = "") -> None:
        if name.isdecimal() and not argument:
            self._open(name)
        elif name == "mode":
            self._choose(argument)
        elif name == "forget" and not argument:
            self._chat.forget()
            self._last = None
            self._say("Forgotten: the next question leans on nothing.")
        elif name == "help" and not argument:
            self._show(HELP)
        else:
            raise QuestionError(f"there is no command {f':{name} {argument}'.strip()[:40]!r}", "Type :help")

    def _open(self, n: str) -> None:
        self._show(passage_to_terminal(self._quote(n), self._live.width, self._live.colour))

    def _quote(self, n: str) -> Citation:
        quotes = self._last.citations if self._last else ()
        for citation in quotes:
            if str(citation.n) == n:
                return citation
        hint = f"Quotes are numbered 1 to {len(quotes)}." if quotes else "The last answer has none."
        raise QuestionError(
            f"there is no quote [{n[:9]}] to open", hint if self._last else "Ask something first."
        )

    def _choose(self, mode: str) -> None:
        way = next((way for way in get_args(Way) if way == mode), None)
        if way is None:
            raise QuestionError(
                f"there is no mode {mode[:20]!r}", f"Choose one of {', '.join(get_args(Way))}."
            )
        if way not in self._chat.ways:
            raise QuestionError(
                f"nothing here answers in the mode {way}",
                "Start with a language model to have answers written: --llm ollama/llama3.2",
            )
        self._way = way
        self._say(f"Mode: {way}")

    def _show(self, text: str) -> None:
        """Write a text, apart from the next question of a person, or else from the answer before."""
        if self._patient:
            text = f"{text}\n"
        elif self._has_shown:
            text = f"\n{text}"
        self._live.write(text)
        self._has_shown = True
