"""The parts of the screen, as Gradio lays them out, and how a scene is drawn on them.

Gradio is imported where it is used: it takes seconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from page import html, panels, views
from page.charts import articles_by_time
from page.site import Site
from page.talk import Failed, Scene, Talk
from rag.domain import EVERYWHERE
from rag.errors import CitewiseError
from rag.render import shortened, visible

# Told apart in light and in dark, and by those who do not see red and green alike (Okabe and Ito 2008).
SOURCE_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#8C8C8C", "#B8A800")
MIN_TOP = 4  # articles at the top of the chart at least; below it, Vega puts fractions on the axis
MAX_PARTS = 1_000  # messages kept ready to be drawn again: some megabytes
MIN_BARS = 12  # answers that the chart of timings has room for; one alone would fill it
MAX_WORDS_CHARS = 200  # of what is searched for in a list
MAX_NAME_CHARS = 80  # of a source or a title in a part of Gradio, which shows it as it is
STAGE_COLOURS = {"retrieve": "#0072B2", "read": "#D55E00", "write": "#009E73"}

_INVITATION = """## Ask. Then check.

Answers come from the articles alone, each with the sentence that proves it."""


class Screen:
    """The parts of the screen, and what each event does to them."""

    def __init__(self, site: Site) -> None:
        """Lay the screen out; call inside ``gr.Blocks``."""
        import gradio as gr

        self.site = site
        self.talk = gr.State(Talk())
        self.place = gr.Textbox(visible="hidden", elem_id="cw-place")
        self.saving = gr.JSON(visible="hidden")
        self.head = gr.HTML(self.masthead(), elem_id="cw-head", apply_default_css=False)
        with gr.Tabs(elem_id="cw-tabs") as self.tabs:
            with gr.Tab("Ask", id="ask"):
                self._ask_tab()
            with gr.Tab("Articles", id="articles") as self.articles_tab:
                self._articles_tab()
            with gr.Tab("Machine", id="machine") as self.machine_tab:
                self._machine_tab()
        self.screen = [self.box, self.chat, self.evidence, self.shelf, self.talk, self.place, self.draft]
        self.filter: list[Any] = [self.sources, self.articles, self.since, self.until]

    def _ask_tab(self) -> None:
        import gradio as gr

        with gr.Row(elem_id="cw-columns", equal_height=False):
            with gr.Column(scale=2, min_width=220, elem_id="cw-shelf"):
                gr.HTML(panels.SHELF_HEAD, apply_default_css=False)
                self.new = gr.Button("New conversation", elem_id="cw-new", size="sm")
                self.find = gr.Textbox(
                    label="Search your conversations",
                    show_label=False,
                    container=False,
                    placeholder="Search your conversations",
                    elem_id="cw-find",
                )
                self.shelf = gr.HTML("", apply_default_css=False)
            with gr.Column(scale=6, min_width=340, elem_id="cw-talk"):
                self.chat = _chat()
                # ``page.js`` shows it in the chat: so an answer grows without the conversation being sent again
                self.draft = gr.HTML(
                    "", apply_default_css=False, elem_id="cw-draft", elem_classes="cw-bridge"
                )
                with gr.Row(elem_id="cw-how", equal_height=False):
                    with gr.Accordion("Narrow", open=False, elem_id="cw-filter"):
                        self._filter()
                    self.way = _ways(self.site)
                self.box = _box()
            with gr.Column(scale=5, min_width=340, elem_id="cw-side"):
                self.evidence = gr.HTML(panels.NO_EVIDENCE, apply_default_css=False)

    def _filter(self) -> None:
        import gradio as gr

        with gr.Row():
            self.sources = gr.Dropdown(
                [], label="Sources", multiselect=True, allow_custom_value=True, elem_id="cw-sources"
            )
            self.articles = gr.Dropdown(
                [], label="Articles", multiselect=True, allow_custom_value=True, elem_id="cw-only"
            )
        with gr.Row():
            day = {"include_time": False, "type": "string"}
            self.since = gr.DateTime(label="Since (YYYY-MM-DD)", elem_id="cw-since", **day)
            self.until = gr.DateTime(label="Until (YYYY-MM-DD)", elem_id="cw-until", **day)

    def _articles_tab(self) -> None:
        import gradio as gr

        with gr.Row(elem_id="cw-articles", equal_height=False):
            with gr.Column(scale=6, min_width=340, elem_id="cw-list"):
                self.search = gr.Textbox(
                    label="Search the articles",
                    show_label=False,
                    container=False,
                    placeholder="Search the articles by title or source",
                    elem_id="cw-search",
                )
                self.listing = gr.HTML("", apply_default_css=False)
                self.view = gr.State(views.View())
            with gr.Column(scale=5, min_width=340, elem_id="cw-about-articles"):
                self.drop = gr.File(
                    label="Bring articles: text, HTML, PDF, DOCX, EPUB, CSV, mail, zip and more",
                    file_count="multiple",
                    file_types=list(self.site.library.suffixes),
                    elem_id="cw-drop",
                    height=96,
                    visible=not self.site.library.read_only,
                )
                self.progress = gr.HTML("", apply_default_css=False)
                self.histogram = gr.BarPlot(
                    x="when",
                    y="articles",
                    color="source",
                    title="Articles over time",
                    x_label_angle=-45,
                    colors_in_legend=[],  # Gradio's legend is one line, cut off where the chart ends
                    elem_id="cw-histogram",
                    buttons=[],
                )
                self.legend = gr.HTML("", apply_default_css=False)
                told = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
                self.histogram.change(
                    lambda: panels.legend_html(self._bars()[1]), None, [self.legend], **told
                )

    def _machine_tab(self) -> None:
        import gradio as gr

        with gr.Row(elem_id="cw-machine", equal_height=False):
            with gr.Column(scale=1, min_width=340):
                self.machine = gr.HTML("", apply_default_css=False)
            with gr.Column(scale=1, min_width=340):
                self.timings = gr.BarPlot(
                    x="answer",
                    y="ms",
                    color="stage",
                    color_map=STAGE_COLOURS,
                    title="The last answers, in milliseconds",
                    x_title="answers, the newest last",
                    x_axis_labels_visible=False,
                    elem_id="cw-timings",
                    buttons=[],
                )

    # -- drawing ----------------------------------------------------------------------------------

    def draw(self, scene: Scene, owner: str) -> tuple[Any, ...]:
        """Return the values of ``screen`` for a scene; what it leaves as it is, stays."""
        import gradio as gr

        keep = gr.skip()
        evidence = keep
        if scene.opened is not None:
            evidence = panels.evidence_html(scene.opened)
        elif scene.blank:
            evidence = panels.NO_EVIDENCE
        talk = scene.talk
        settled = talk if talk is not None and not scene.stage else None
        return (
            keep if scene.box is None else scene.box,
            keep if talk is None else _messages(talk, scene.asked, scene.stage),
            evidence,
            self.shelved(owner, talk.id if talk else "") if scene.listed else keep,
            keep if settled is None else replace(settled, owner=owner),
            keep if settled is None else _place(settled.id),
            html.draft_html(scene.draft) if scene.draft else keep if talk is None else "",
        )

    def choices(self) -> tuple[Any, Any]:
        """Return what the filter offers: the sources, and the newest articles."""
        import gradio as gr

        library = self.site.library
        try:
            sources, titles = library.sources(), library.titles()
        except CitewiseError:  # which the head of the page tells
            return gr.skip(), gr.skip()
        named = [(f"{_short(source)} ({n:,})", source) for source, n in sources if source]
        titled = [(_short(title or id), id) for id, title in titles]
        return gr.update(choices=named), gr.update(choices=titled)

    def shelved(self, owner: str, current: str, words: str = "") -> str:
        """Return the list of a person's conversations, those with ``words`` if there are any."""
        try:
            kept = self.site.kept.listed(owner, words[:MAX_WORDS_CHARS])
        except CitewiseError as error:  # the answer beside it is shown all the same
            return html.error_html(error.message, error.hint)
        return panels.shelf_html(kept, current, searched=bool(words))

    def listed(self, view: views.View) -> str:
        """Return a page of the list of articles, or why there is none."""
        library = self.site.library
        try:
            found = library.listing(view.words, EVERYWHERE, view.sort, view.descending, view.first)
        except CitewiseError as error:
            return html.error_html(error.message, error.hint)
        return panels.listing_html(found, writable=not library.read_only)

    def chart(self) -> Any:
        """Return the articles over time, as a chart."""
        import gradio as gr
        import pandas as pd

        rows, colours = self._bars()
        heights: Counter[str] = Counter()
        for when, _, n in rows:
            heights[when] += n
        limits = [0, MIN_TOP] if max(heights.values(), default=0) < MIN_TOP else None
        bars = pd.DataFrame(rows, columns=["when", "source", "articles"])
        return gr.BarPlot(value=bars, color_map=colours, y_lim=limits)

    def _bars(self) -> tuple[list[tuple[str, str, int]], dict[str, str]]:
        """Return (month or year, source, articles) as the chart shows them, and the colours of the sources."""
        try:
            months = self.site.library.months()
        except CitewiseError:  # which the list beside it tells
            months = []
        rows = [(when, _short(source), n) for when, source, n in articles_by_time(months)]
        sources = sorted({source for _, source, _ in rows})
        return rows, dict(zip(sources, SOURCE_COLOURS, strict=False))

    def timing(self) -> Any:
        """Return how long the last answers took, as a data frame."""
        import pandas as pd

        # answers are sorted as words
        rows = [(f"{t.n:>9}", t.stage, t.ms) for t in self.site.meter.timings() if t.stage in STAGE_COLOURS]
        n_free = MIN_BARS - len({answer for answer, _, _ in rows})
        free = [(" " * n, stage, 0.0) for n in range(1, n_free + 1) for stage in STAGE_COLOURS]
        return pd.DataFrame(rows + free, columns=["answer", "stage", "ms"])

    def told_machine(self) -> str:
        """Return what the page says of itself, or why it cannot."""
        try:
            return panels.machine_html(self.site.machine())
        except CitewiseError as error:
            return html.error_html(error.message, error.hint)

    def masthead(self) -> str:
        """Return the head of the page as it is now; what is wrong with the index stands there too."""
        try:
            return html.masthead_html(self.site.facts(), self.site.notices)
        except CitewiseError as error:
            return html.masthead_html([], (*self.site.notices, error.message))


def _chat() -> Any:
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
    )


def _ways(site: Site) -> Any:
    """What chooses how to answer; it is there where a language model writes."""
    import gradio as gr

    return gr.Radio(
        [(way.title(), way) for way in site.ways],
        value=site.way if site.ways else None,
        label="How to answer",
        show_label=False,
        container=False,
        visible=bool(site.ways),
        elem_id="cw-way",
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


def _short(name: str) -> str:
    return visible(shortened(name, MAX_NAME_CHARS))


def _place(id: str) -> str:
    return f"?conversation={quote(id)}" if id else ""


@lru_cache(maxsize=MAX_PARTS)
def _part(content: str) -> Any:
    """Return a message as a part of Gradio, which takes most of a millisecond to make and is drawn at every stage."""
    import gradio as gr

    return gr.HTML(content, apply_default_css=False, js_on_load=None)


def _messages(talk: Talk, asked: str, stage: str) -> list[dict[str, Any]]:
    shown: list[tuple[str, str]] = []
    for turn in talk.turns:
        last = turn is talk.turns[-1] and not stage
        if isinstance(turn, Failed):
            question, answer = turn.question, html.error_html(turn.message, turn.hint)
        else:
            question, answer = turn.record.question, html.answer_html(turn, last=last)
        shown.append((html.question_html(question), answer))
    if stage:
        shown.append((html.question_html(asked), html.working_html(stage)))
    return [
        {"role": role, "content": _part(content)}
        for question, answer in shown
        for role, content in (("user", question), ("assistant", answer))
    ]
