"""The page's layout and wiring; what it does is in ``page``. ``python app.py`` serves it.

Gradio takes seconds to import, so it is imported where it is used; it reads annotations when the page is
built, so they are not postponed here.
"""

import importlib
import ipaddress
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import parse_qsl, quote

import page as parts
from page import export, html, panels, views
from page.screen import MAX_WORDS_CHARS, Screen
from page.site import Site, opened_site, where_of
from page.talk import Scene, Talk, failed
from page.visitors import COOKIE, Visits, logins, owner_of
from rag.domain import EVERYWHERE, Way, Where
from rag.errors import CitewiseError
from rag.render import to_json

if TYPE_CHECKING:
    import gradio as gr

MAX_WAITING = 64  # questions; at 0.2 s an answer on two cores the last one waits about 6 s
MAX_SESSIONS = 1000  # pages whose state is kept in memory; the oldest goes first
FOLDER = Path(parts.__file__).parent

_MARK = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
    "<rect width='32' height='32' rx='6' fill='#8a1f1b'/>"
    "<text x='16' y='36' font-family='serif' font-size='40' fill='#fff' text-anchor='middle'>“</text></svg>"
)
_ICON = f'<link rel="icon" href="data:image/svg+xml,{quote(_MARK)}">'
QUIET = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE = {**QUIET, "queue": False}
Drawings = Generator[tuple[Any, ...], None, None]


class Page(Screen):
    """The screen, and what each event does to it."""

    # -- events -----------------------------------------------------------------------------------

    def wire(self, blocks: Any) -> None:
        """Connect the parts of the screen to what they do; call once all of them are there."""
        import gradio as gr

        # When the person last went to another conversation: what was asked in the one before is stopped, or its
        # answer would take them back.
        self.left = gr.Number(visible="hidden")
        self.left_at: dict[str, float] = {}  # session → when
        self._wire_endpoint()  # first, so that no handler takes its name
        self._wire_arrival(blocks)
        self._wire_asking()
        self._wire_shelf()
        self._wire_articles()

    def _wire_endpoint(self) -> None:
        import gradio as gr

        def answer(question: str, k: int | None = None) -> dict[str, Any]:
            """Answer a question from the articles with quotes, or say why they do not."""
            try:
                with self.site.meter.asking("ask"):
                    return to_json(self.site.pipeline.ask(question, k=k))
            except CitewiseError as error:
                raise gr.Error(str(error), print_exception=False) from error

        gr.api(answer, api_name="ask", **_asking())

    def _wire_arrival(self, blocks: Any) -> None:
        import gradio as gr

        def arrive(search: str, request: gr.Request) -> tuple[Any, ...]:
            owner = self._owner(request)
            return self.masthead(), *self.draw(self._wanted(owner, search), owner), *self.choices()

        def offer() -> Any:
            questions = self.site.examples()
            return (
                gr.update(examples=[{"text": question} for question in questions]) if questions else gr.skip()
            )

        blocks.load(
            arrive,
            [self.place],
            [self.head, *self.screen, self.sources, self.articles],
            js="() => [location.search]",
            **AT_ONCE,
        )
        blocks.load(offer, None, [self.chat], **AT_ONCE)
        self.place.change(None, [self.place], js="query => { citewise.place(query); }", **AT_ONCE)

    def _wanted(self, owner: str, search: str) -> Scene:
        """Return the conversation or the answer that an address names; a new page without one."""
        wanted = dict(parse_qsl((search or "").removeprefix("?")))
        id, answer = wanted.get("conversation", ""), wanted.get("answer", "")
        if not id and not answer:
            return Scene(None, listed=True)
        try:
            return replace(self.site.desk.open(owner, id, answer), listed=True)
        except CitewiseError as error:
            return replace(failed(Talk(), "", error), listed=True)

    def _wire_asking(self) -> None:
        import gradio as gr

        def ask(
            question: str, talk: Talk, place: str, way: Way | None, request: gr.Request, *limits: Any
        ) -> Iterator[tuple[Any, ...]]:
            owner = self._owner(request)
            if question:  # an Enter too many finds the box empty
                yield from self._asked(self._mine(talk, place, owner), question, limits, owner, way)
            else:
                yield (gr.skip(),) * len(self.screen)

        def example(
            talk: Talk, place: str, way: Way | None, chosen: gr.SelectData, request: gr.Request
        ) -> Iterator[tuple[Any, ...]]:
            owner = self._owner(request)
            yield from self._asked(self._mine(talk, place, owner), chosen.value["text"], (), owner, way)

        def act(
            talk: Talk, place: str, way: Way | None, done: gr.EventData, request: gr.Request, *limits: Any
        ) -> Iterator[tuple[Any, ...]]:
            owner = self._owner(request)
            yield from self._acted(self._mine(talk, place, owner), done._data, limits, owner, way)

        def suggest(talk: Talk, place: str, request: gr.Request) -> tuple[Any, ...]:
            owner, began = self._owner(request), time.monotonic()
            scene = self.site.desk.suggest(owner, self._mine(talk, place, owner))
            has_left = self.left_at.get(request.session_hash or "", 0.0) > began
            return (gr.skip(),) * len(self.screen) if has_left else self.draw(scene, owner)

        def stop(talk: Talk, place: str, request: gr.Request) -> tuple[Any, ...]:
            owner = self._owner(request)
            return self.draw(Scene(self._mine(talk, place, owner)), owner)

        asking = {**_asking(), **QUIET}
        shown = [self.talk, self.place]
        given = [*shown, self.way, *self.filter]
        events = [
            self.box.submit(ask, [self.box, *given], self.screen, trigger_mode="always_last", **asking),
            self.chat.example_select(example, [*shown, self.way], self.screen, **asking),
            _bridge("talk").click(act, given, [*self.screen, *self.filter, self.tabs], **asking),
        ]
        for event in events:
            event.then(suggest, shown, self.screen, concurrency_id="suggest", **QUIET)
        _bridge("stop").click(stop, shown, self.screen, cancels=events, **AT_ONCE)
        self.left.change(None, cancels=events)

        def show(talk: Talk, place: str, done: gr.EventData, request: gr.Request) -> Any:
            return self._shown(self._mine(talk, place, self._owner(request)), done._data)

        _bridge("evidence").click(show, shown, [self.evidence], **AT_ONCE)

    def _mine(self, talk: Talk, place: str, owner: str) -> Talk:
        """Return the conversation on the screen.

        A session that somebody else began shows nothing; one that the server has forgotten, since it was started
        again, is what the address names.
        """
        if talk.owner not in ("", owner):
            talk = Talk()
        return talk if talk.turns else self._wanted(owner, place).talk or talk

    def _asked(
        self, talk: Talk, question: str, limits: Sequence[Any], owner: str, way: Way | None
    ) -> Drawings:
        try:
            where = where_of(*limits) if limits else EVERYWHERE
        except CitewiseError as error:
            yield self.draw(failed(talk, question, error), owner)
            return
        with closing(self.site.desk.ask(owner, talk, question, where, way)) as scenes:
            for scene in scenes:
                yield self.draw(scene, owner)

    def _acted(
        self, talk: Talk, told: dict[str, str], limits: Sequence[Any], owner: str, way: Way | None
    ) -> Drawings:
        """Do what a button of the conversation says; yield the screen, the filter and the chosen tab."""
        import gradio as gr

        same = (gr.skip(),) * 5
        desk, do = self.site.desk, told.get("do")
        turn = told.get("turn", "")
        if do == "ask":
            with closing(self._asked(talk, told.get("question", ""), limits, owner, way)) as asked:
                yield from ((*drawn, *same) for drawn in asked)
        elif do in ("retry", "widen"):
            where = EVERYWHERE if do == "widen" else self._where(limits)
            opened_up = ([], [], None, None, gr.skip()) if do == "widen" else same
            with closing(desk.retry(owner, talk, turn, where, way)) as scenes:
                yield from ((*self.draw(scene, owner), *opened_up) for scene in scenes)
        elif do == "only":
            narrowed: tuple[Any, ...] = ([], [told.get("article", "")], None, None, gr.Tabs(selected="ask"))
            yield (*(gr.skip(),) * len(self.screen), *narrowed)
        else:
            yield (*self.draw(self._judged(talk, told, owner), owner), *same)

    def _judged(self, talk: Talk, told: dict[str, str], owner: str) -> Scene:
        desk, turn = self.site.desk, told.get("turn", "")
        verdicts: dict[str, views.Verdict] = {"1": 1, "-1": -1}
        verdict = verdicts.get(told.get("verdict", ""))
        if told.get("do") == "judge" and verdict:
            return desk.judge(owner, talk, turn, verdict)
        if told.get("do") == "remark":
            return desk.remark(owner, talk, turn, told.get("remark", ""))
        if told.get("do") == "edit":
            return desk.edit(talk)
        return desk.undo(owner, talk) if told.get("do") == "undo" else Scene(talk)

    def _shown(self, talk: Talk, told: dict[str, str]) -> Any:
        import gradio as gr

        turn, at, passage = told.get("turn", ""), told.get("at", ""), told.get("passage", "")
        if told.get("do") == "cite" and at.isdecimal():
            opened = self.site.desk.cite(talk, turn, int(at))
        elif told.get("do") == "nearest":
            opened = self.site.desk.nearest(talk, turn)
        else:
            opened = self.site.desk.consider(talk, turn, int(passage)) if passage.isdecimal() else None
        return panels.evidence_html(opened) if opened else gr.skip()

    def _wire_shelf(self) -> None:
        import gradio as gr

        def begin(request: gr.Request) -> tuple[Any, ...]:
            blank = Scene(Talk(), box="", listed=True, blank=True)
            return *self.draw(blank, self._owner(request)), self._leaves(request)

        def find(words: str, talk: Talk, request: gr.Request) -> str:
            return self.shelved(self._owner(request), talk.id, words)

        def act(
            talk: Talk, place: str, words: str, done: gr.EventData, request: gr.Request
        ) -> tuple[Any, ...]:
            owner = self._owner(request)
            *drawn, left = self._shelved(self._mine(talk, place, owner), words, done._data, owner)
            return *drawn, self._leaves(request) if left else gr.skip()

        self.new.click(begin, None, [*self.screen, self.left], **AT_ONCE)
        self.find.change(find, [self.find, self.talk], [self.shelf], trigger_mode="always_last", **AT_ONCE)
        drawn = [*self.screen, self.saving, self.left]
        chosen = _bridge("shelf").click(act, [self.talk, self.place, self.find], drawn, **AT_ONCE)
        chosen.then(None, [self.saving], js="file => { if (file) citewise.save(...file); }", **AT_ONCE)

    def _shelved(self, talk: Talk, words: str, told: dict[str, str], owner: str) -> tuple[Any, ...]:
        """Do what a button of the list says; return the screen, a file to save, and whether one was left."""
        kept, id, do = self.site.kept, told.get("conversation", ""), told.get("do")
        scene, file = Scene(None), None
        try:
            if do == "open":
                scene = self.site.desk.open(owner, id)
            elif do == "rename":
                kept.rename(owner, id, told.get("title", ""))
            elif do == "delete":
                kept.delete(owner, id)
                scene = Scene(Talk(), blank=True) if id == talk.id else scene
            elif do == "export":
                file = exported(*kept.opened(owner, id), told.get("format", ""))
        except CitewiseError as error:
            scene = failed(talk, "", error)
        shelf = self.shelved(owner, (scene.talk or talk).id, words)
        drawn = zip(self.screen, self.draw(scene, owner), strict=True)
        left = scene.talk is not None and scene.talk.id != talk.id
        return (
            *(shelf if part is self.shelf else value for part, value in drawn),
            file,
            left,
        )

    def _leaves(self, request: Any) -> float:
        """Note that a person goes to another conversation: what is still to come is of the one before."""
        if len(self.left_at) > MAX_SESSIONS:
            self.left_at.clear()
        now = self.left_at[request.session_hash or ""] = time.monotonic()
        return now

    def _wire_articles(self) -> None:
        import gradio as gr

        def see(view: views.View) -> tuple[Any, ...]:
            return self.listed(view), self.chart()

        def search(words: str, view: views.View) -> tuple[Any, ...]:
            fresh = replace(view, words=words[:MAX_WORDS_CHARS], first=0)
            return fresh, self.listed(fresh)

        def act(view: views.View, done: gr.EventData) -> tuple[Any, ...]:
            return self._leafed(view, done._data)

        def bring(files: list[str], view: views.View) -> Iterator[tuple[Any, ...]]:
            keep = gr.skip()
            paths = [Path(file) for file in files or ()]
            for progress in self.site.library.upload(paths, [path.name for path in paths]):
                shown = panels.upload_html(progress)
                yield shown, keep, keep, keep, keep
            yield keep, None, self.listed(view), self.chart(), self.masthead()

        def tell() -> tuple[Any, ...]:
            return self.told_machine(), self.timing()

        listed = [self.listing, self.histogram]
        self.articles_tab.select(see, [self.view], listed, **AT_ONCE)
        self.search.change(
            search, [self.search, self.view], [self.view, self.listing], trigger_mode="always_last", **AT_ONCE
        )
        _bridge("articles").click(
            act, [self.view], [self.view, self.listing, self.histogram, self.progress, self.head], **AT_ONCE
        )
        self.drop.upload(
            bring,
            [self.drop, self.view],
            [self.progress, self.drop, self.listing, self.histogram, self.head],
            concurrency_id="bring",
            concurrency_limit=2,
            **QUIET,
        )
        self.machine_tab.select(tell, None, [self.machine, self.timings], **AT_ONCE)

    def _leafed(self, view: views.View, told: dict[str, str]) -> tuple[Any, ...]:
        """Do what a button of the list of articles says: return the view, the list, the chart, a word, the head."""
        import gradio as gr

        keep, library, do, id = gr.skip(), self.site.library, told.get("do"), told.get("article", "")
        try:
            if do == "read":
                around = told.get("around", "")
                reading = library.reading(id, int(around) if around.isdecimal() else None)
                return view, panels.reading_html(reading), keep, keep, keep
            if do == "remove":
                word = panels.upload_html(views.Progress(library.remove(id), done=True))
                return view, self.listed(view), self.chart(), word, self.masthead()
            fresh = leafed(view, told)
            return fresh, self.listed(fresh), keep, "", keep
        except CitewiseError as error:
            return view, self.listed(view), keep, html.error_html(error.message, error.hint), keep

    def _owner(self, request: Any) -> str:
        cookie = request.request.cookies.get(COOKIE) if request.request else None
        return owner_of(request.username, cookie, self.site.secret, request.session_hash or "")

    def _where(self, limits: Sequence[Any]) -> Where:
        """Return the filter; one that cannot be is none, since its fault was told when it was asked with."""
        try:
            return where_of(*limits)
        except CitewiseError:
            return EVERYWHERE


def leafed(view: views.View, told: dict[str, str]) -> views.View:
    """Return the view after a button of the list: another page of it, or another order."""
    if told.get("do") == "leaf" and told.get("first", "").isdecimal():
        return replace(view, first=int(told["first"]))
    if told.get("do") == "sort" and told.get("sort") in get_args(views.Sort):
        sort: Any = told["sort"]
        descending = not view.descending if sort == view.sort else sort in ("published", "n_chars")
        return replace(view, sort=sort, descending=descending, first=0)
    return view


def exported(conversation: views.Conversation, turns: Sequence[views.Turn], form: str) -> list[str]:
    """Return name, type and content of the file that a conversation is saved as: JSON, else Markdown."""
    name = f"citewise-{conversation.created[:10]}-{conversation.id[:6]}"
    if form == "json":
        content = json.dumps(export.to_json(conversation, turns), ensure_ascii=False, indent=2)
        return [f"{name}.json", "application/json", content]
    return [f"{name}.md", "text/markdown", export.to_markdown(conversation, turns)]


def _asking() -> dict[str, Any]:
    """One queue for all that asks: answers are made by the processor, so more at once than cores helps nobody."""
    return {"concurrency_id": "ask", "concurrency_limit": os.cpu_count() or 1}


def _bridge(name: str) -> Any:
    """A part that is not seen, whose click event is that of our own buttons for ``name``."""
    import gradio as gr

    return gr.HTML(
        "",
        js_on_load=f"citewise.bridge('{name}', trigger)",
        elem_id=f"cw-bridge-{name}",
        elem_classes="cw-bridge",
    )


def build(site: Site) -> "gr.Blocks":
    """Return the page over ``site``, and the endpoint ``/ask``."""
    import gradio as gr

    with gr.Blocks(
        title="Citewise", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)
    ) as blocks:
        page = Page(site)
        page.wire(blocks)
    return blocks


def launch(
    page: "gr.Blocks", site: Site, host: str, port: int, *, auth: Any = None, root_path: str | None = None
) -> str:
    """Begin to serve the page and return its address; ``page.close()`` ends it.

    ``auth`` takes a name and a password and says whether they are right; ``root_path`` is where a proxy shows it.

    Raises:
        CitewiseError: the port is taken, or the host is not one of this machine.
    """
    import gradio as gr
    from starlette.middleware import Middleware

    _check(host, port)
    page.queue(max_size=MAX_WAITING)
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    _, address, _ = page.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        auth=auth,
        root_path=root_path,
        app_kwargs={"middleware": [Middleware(Visits, secret=site.secret)]},
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size=0 if site.library.read_only else site.library.max_upload_bytes,
        state_session_capacity=MAX_SESSIONS,
        theme=gr.themes.Base(font=["system-ui", "Segoe UI", "Arial", "sans-serif"], font_mono=["monospace"]),
        css_paths=FOLDER / "page.css",
        head=f"{_ICON}<script>{script}</script>",
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


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    index: str = "index",
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    auth: str | None = None,
    read_only: bool = False,
    root_path: str | None = None,
    **settings: Any,
) -> None:
    """Open the index and serve the page until it is interrupted.

    ``auth`` is a file of logins. A page that others can reach without one is read only, and says so.
    ``settings`` are those of ``rag.open``; one that is None does not count.

    Raises:
        CitewiseError: the index cannot be opened, the port is taken, or the logins or a setting cannot be read.
    """
    _check(host, port)
    check = logins(Path(auth)) if auth else None
    notices = []
    if check is None and not read_only and not is_loopback(host):
        read_only = True
        notices.append("Read only: others can reach this page, and it has no logins (--auth FILE).")
        sys.stderr.write(f"{notices[0]}\n")
    threading.Thread(target=importlib.import_module, args=("gradio",), daemon=True).start()
    with opened_site(index, read_only=read_only, notices=notices, **settings) as site:
        page = build(site)
        address = launch(page, site, host, port, auth=check, root_path=root_path)
        sys.stderr.write(f"Citewise answers at {address} (Ctrl-C stops it)\n")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            page.close(verbose=False)


if __name__ == "__main__":
    import cli

    sys.exit(cli.main(["chat", *sys.argv[1:]]))
