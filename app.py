"""The page: a chat over a pipeline, with the evidence beside it. ``python app.py`` serves it.

Gradio takes seconds to import, so it is imported where it is used; it reads annotations when the page is
built, so they are not postponed here.
"""

import importlib
import os
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import rag
from rag.chat import Pipeline, Turn, answerable, converse, evidence_of, facts
from rag.errors import CitewiseError
from rag.html import NO_EVIDENCE, masthead_html
from rag.render import to_json

if TYPE_CHECKING:
    import gradio as gr

EXAMPLES = (
    "Who did Ayrault say Russia prefers?",
    "Who fears meddling in Germany's vote?",
    "How long were the Chilean miners underground?",
    "In what time did Usain Bolt run the 100 metres?",
)
"""Questions about the articles of ``corpus/``; a page offers those that its own collection answers."""

MAX_WAITING = 32  # questions; at 0.2 s an answer on two cores the last one waits about 3 s
MAX_SESSIONS = 1000  # conversations kept in memory; the oldest goes first
PAGE_CSS = Path(rag.__file__).with_name("page.css")

_INVITATION = """## Ask. Then check.

Answers come from the articles alone, each with the sentence that proves it."""
_MARK = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
    "<rect width='32' height='32' rx='6' fill='#8a1f1b'/>"
    "<text x='16' y='36' font-family='serif' font-size='40' fill='#fff' text-anchor='middle'>“</text></svg>"
)
_ICON = f'<link rel="icon" href="data:image/svg+xml,{quote(_MARK)}">'
# Brings the newest question to the top, so that its answer is the first thing seen; 30 ms let it be drawn.
_SHOW_LATEST = """() => setTimeout(() => {
    const questions = document.querySelectorAll("#cw-chat .user-row");
    if (questions.length) questions[questions.length - 1].scrollIntoView({block: "start"});
    document.getElementById("cw-side").scrollTop = 0;
}, 30)"""


def build(pipeline: Pipeline, examples: Sequence[str] = ()) -> "gr.Blocks":
    """Return the page over ``pipeline``, with ``examples`` to ask at a click, and the endpoint ``/ask``."""
    import gradio as gr

    with gr.Blocks(title="Citewise", analytics_enabled=False, fill_width=True) as page:
        masthead = gr.HTML(masthead_html(facts(pipeline)), apply_default_css=False)
        with gr.Row(elem_id="cw-columns", equal_height=False):
            with gr.Column(scale=6, min_width=340, elem_id="cw-talk"):
                chat = _chat(examples)
                box = _box()
            with gr.Column(scale=5, min_width=340, elem_id="cw-side"):
                evidence = gr.HTML(NO_EVIDENCE, apply_default_css=False)
        _wire(pipeline, page, masthead, chat, box, evidence)
    return page


def _chat(examples: Sequence[str]) -> Any:
    """The conversation; all that it shows is HTML of ours, so it renders no Markdown and keeps no tags."""
    import gradio as gr

    return gr.Chatbot(
        label="Conversation",
        show_label=False,
        container=False,
        height="auto",
        elem_id="cw-chat",
        autoscroll=False,
        buttons=[],
        feedback_options=None,
        render_markdown=False,
        sanitize_html=True,
        allow_tags=False,
        latex_delimiters=[],
        placeholder=_INVITATION,
        examples=[{"text": question} for question in examples] or None,
    )


def _box() -> Any:
    import gradio as gr

    return gr.Textbox(
        label="Your question",
        show_label=False,
        container=False,
        placeholder="Ask the articles a question",
        max_lines=5,
        submit_btn="Ask",
        autofocus=True,
        elem_id="cw-ask",
    )


def _wire(pipeline: Pipeline, page: Any, masthead: Any, chat: Any, box: Any, evidence: Any) -> None:
    """Connect the parts of the page to the handlers; the conversation is kept on the server, by session."""
    import gradio as gr

    turns = gr.State(())

    def talk(question: str, before: tuple[Turn, ...]) -> Iterator[tuple[Any, ...]]:
        typed: Any = ""  # the box is emptied once, so that what is typed meanwhile stays
        for now in converse(pipeline, question, before):
            yield typed, _messages(now), now[-1].evidence, now
            typed = gr.skip()

    def talk_example(before: tuple[Turn, ...], chosen: gr.SelectData) -> Iterator[tuple[Any, ...]]:
        yield from talk(chosen.value["text"], before)

    def show(before: tuple[Turn, ...], chosen: gr.SelectData) -> str:
        return evidence_of(before, chosen.index)

    def restart() -> tuple[str, tuple[Turn, ...]]:
        return NO_EVIDENCE, ()

    def ask(question: str, k: int | None = None) -> dict[str, Any]:
        """Answer a question from the articles with quotes, or say why they do not."""
        try:
            return to_json(pipeline.ask(question, k=k))
        except CitewiseError as error:
            raise gr.Error(str(error), print_exception=False) from error

    # One queue for all that asks: answers are made by the processor, so more at once than cores helps nobody.
    asking = {"concurrency_id": "ask", "concurrency_limit": os.cpu_count() or 1}
    quietly = {"show_progress": "hidden", "api_visibility": "private"}
    screen = [box, chat, evidence, turns]
    box.submit(talk, [box, turns], screen, **asking, **quietly)
    chat.example_select(talk_example, [turns], screen, **asking, **quietly)
    chat.select(show, [turns], [evidence], queue=False, **quietly)
    chat.clear(restart, None, [evidence, turns], queue=False, **quietly)
    chat.change(None, js=_SHOW_LATEST, **quietly)
    page.load(lambda: masthead_html(facts(pipeline)), None, [masthead], queue=False, **quietly)
    gr.api(ask, api_name="ask", **asking)


def _messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    import gradio as gr

    return [
        {"role": role, "content": gr.HTML(html, apply_default_css=False)}
        for turn in turns
        for role, html in (("user", turn.question), ("assistant", turn.answer))
    ]


def launch(page: "gr.Blocks", host: str, port: int) -> str:
    """Begin to serve the page and return its address; ``page.close()`` ends it.

    Raises:
        CitewiseError: the port is taken, or the host is not one of this machine.
    """
    import gradio as gr

    _check(host, port)
    page.queue(max_size=MAX_WAITING)
    _, address, _ = page.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size=1,  # byte: the page takes no files, and the route for them cannot be turned off
        state_session_capacity=MAX_SESSIONS,
        theme=gr.themes.Base(font=["system-ui", "Segoe UI", "Arial", "sans-serif"], font_mono=["monospace"]),
        css_paths=PAGE_CSS,
        head=_ICON,
    )
    return str(address)


def _check(host: str, port: int) -> None:
    """Bind the port once, as the server will: its own complaint comes late and does not say why."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        raise CitewiseError(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}",
            "Choose another port with --port, or another address with --host.",
        ) from error


def serve(index: str = "index", host: str = "127.0.0.1", port: int = 7860) -> None:
    """Open the index and serve the page until it is interrupted.

    Raises:
        CitewiseError: the index cannot be opened, or the port is taken.
    """
    _check(host, port)
    threading.Thread(target=importlib.import_module, args=("gradio",), daemon=True).start()
    with rag.open(index) as pipeline:
        page = build(pipeline, answerable(pipeline, EXAMPLES))
        address = launch(page, host, port)
        sys.stderr.write(f"Citewise answers at {address} (Ctrl-C stops it)\n")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            page.close(verbose=False)


if __name__ == "__main__":
    import cli

    sys.exit(cli.main(["chat", *sys.argv[1:]]))
