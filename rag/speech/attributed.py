"""Attribution: a question of who said what is answered only by evidence that holds the speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rag.facts import facts
from rag.names import names
from rag.speech.asking import Asked, asked
from rag.speech.people import People, Person, content, gender, is_person, is_same, name_words
from rag.speech.sayings import FORMS, INDEFINITE, PREPOSITIONS, is_many, is_speaker
from rag.speech.speakers import Speech, read, speakers

if TYPE_CHECKING:
    from rag.domain import Passage
    from rag.reader import Span  # which may come to import this module

__all__ = ["SAID", "Asked", "Speech", "asked", "attributed", "speakers"]

SAID = (
    2.0  # logits: what it is worth to a span to be said by the one asked about, or costs it to be no speaker
)
MOVED = 0.5  # logits that a span loses when it is moved to the speaker of its sentence
FITS = 0.5  # of the words of "who said …" that carry weight, those that a speech has which answers it
_PLAIN = frozenset("say says said saying tell tells told telling".split())  # any speech has them
_CONTEXT_CHARS = 1500  # of the article before a passage, read for whom its pronouns mean

_Verdict = Literal["same", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class _Page:
    """A passage and a little before it, which begins at ``offset`` in the article, and what is said there."""

    text: str
    offset: int
    speeches: Sequence[Speech]
    people: People

    def held(self, span: Span) -> list[Speech]:
        """Return the speeches that a span lies in, or in part."""
        start, end = span.start - self.offset, span.end - self.offset
        return [speech for speech in self.speeches if speech.start < end and start < speech.end]


def attributed(question: str, spans: Sequence[Span]) -> list[Span]:
    """Return the spans that may answer a question, in order, with margins by who speaks; all for other questions.

    Of what somebody said, a span in the speech of surely another is left out; of who said it, one that is another
    name in the speech that fits is moved to its speaker.
    """
    wanted = asked(question)
    if wanted is None:
        return list(spans)
    pages = {span.passage.id: _page(span.passage) for span in spans}
    if wanted.kind == "who":
        return [_of_who(question, span, pages[span.passage.id]) for span in spans]
    target = _target(wanted.speaker, list(pages.values()))
    judged = ((span, _verdict(target, pages[span.passage.id], span)) for span in spans)
    return [
        replace(span, margin=span.margin + SAID) if verdict == "same" else span
        for span, verdict in judged
        if verdict != "other"
    ]


def _page(passage: Passage) -> _Page:
    whole = passage.article.text
    low = max(0, passage.start - _CONTEXT_CHARS)
    offset = whole.find("\n", low, passage.start) + 1 if low else 0
    offset = offset or passage.start  # no paragraph begins there
    text = whole[offset if low else 0 : passage.end]
    return _Page(text, offset if low else 0, *read(text))


# ---- Who said it


def _of_who(question: str, span: Span, page: _Page) -> Span:
    start, end = span.start - page.offset, span.end - page.offset
    if any(s.speaker[0] < end and start < s.speaker[1] for s in page.speeches):
        return span
    if any(s.name and is_same(span.text, s.name) for s in page.speeches):
        return span
    held = page.held(span)
    place = _place(held[0], page) if len(held) == 1 and _fits(question, held[0], page) else None
    if names(span.text) and place and span.passage.start <= place[0]:
        return replace(span, start=place[0], end=place[1], margin=span.margin - MOVED)
    return replace(span, margin=span.margin - SAID)


def _place(speech: Speech, page: _Page) -> tuple[int, int] | None:
    """Return where in the article a speaker is named, or described; None for a pronoun that may mean anybody."""
    found = speech.named or (speech.speaker if speech.kind == "description" else None)
    return (found[0] + page.offset, found[1] + page.offset) if found else None


def _fits(question: str, speech: Speech, page: _Page) -> bool:
    """Return whether a speech has enough of the question's words, and not only a verb such as "fears"."""
    said = facts(page.text[speech.start : speech.end]).stems
    tokens = [token for token in facts(question).tokens if token.stem and token.word not in _PLAIN]
    every = {token.stem for token in tokens}
    topic = {token.stem for token in tokens if token.word not in FORMS}
    if len(topic & said) >= FITS * len(topic):
        return True
    return bool(topic & said) and len(every & said) >= FITS * len(every)


# ---- What somebody said


@dataclass(frozen=True, slots=True)
class _Target:
    """Whom a question is about: by a name, or else by a description; whether surely a person, he or she."""

    text: str
    name: str
    is_person: bool
    gender: str = ""


def _target(speaker: str, pages: Sequence[_Page]) -> _Target:
    name = _own_name(speaker)
    everybody = [person for page in pages for person in page.people.all()]
    if not name:
        return _Target(speaker, "", False)
    fuller = [person for person in everybody if is_same(name, person.name.text) and _is_given(person, name)]
    genders = {person.gender for person in fuller} | {gender(name)}
    sure = bool(fuller) or (is_person(name) and (" " in name))
    return _Target(
        speaker, name, sure and is_person(name), next((g for g in genders if g in ("he", "she")), "")
    )


def _is_given(person: Person, name: str) -> bool:
    """Whether a person has a given name before the name."""
    whole = name_words(person.name.text)
    return is_person(person.name.text) and len(whole) > 1 and whole[-1] == name_words(name)[-1]


def _own_name(speaker: str) -> str:
    """Return the name that a speaker is called by: in "President Macron", but not in "a spokesman for Macron"."""
    found = names(speaker)
    if not found or found[-1].end != len(speaker) or not found[-1].text:
        return ""
    lead = speaker[: found[-1].start].lower()
    return "" if "'s" in lead or "’s" in lead or set(lead.split()) & PREPOSITIONS else found[-1].text


def _verdict(target: _Target, page: _Page, span: Span) -> _Verdict:
    """Return whether a span is in speech of the one asked about, or surely only of others."""
    if not target.name:
        target = _named(target, page)
    found = [_match(target, speech, page) for speech in page.held(span)]
    if "same" in found:
        return "same"
    return "other" if found and set(found) == {"other"} else "unknown"


def _named(target: _Target, page: _Page) -> _Target:
    """Return a description with the name of the only one in a page whom it fits, if there is one."""
    head, heavy = content(target.text)
    fitting = [p for p in page.people.all() if head in p.heads and heavy <= p.roles | p.heads]
    if len(fitting) != 1:
        return target
    return _Target(target.text, fitting[0].name.text, is_person(fitting[0].name.text), fitting[0].gender)


def _match(target: _Target, speech: Speech, page: _Page) -> _Verdict:
    said_by = page.text[slice(*speech.speaker)]
    if speech.name is not None and speech.named is not None:
        return _by_name(target, speech.name, page.people.at(speech.named[0]))
    if speech.kind == "pronoun":
        clash = {"he": "she", "she": "he"}.get(said_by.lower()) == target.gender and target.is_person
        return "other" if clash else "unknown"
    return _by_description(target, said_by)


def _by_name(target: _Target, name: str, person: Person | None) -> _Verdict:
    roles = person.roles | person.heads if person else frozenset()
    if target.name:
        if is_same(target.name, name) and is_person(target.name) == is_person(name):
            return "same"
        affiliated = frozenset(name_words(target.name)) <= roles
        return "other" if target.is_person and is_person(name) and not affiliated else "unknown"
    owners = [owner.text for owner in names(target.text)]
    return "other" if any(is_same(owner, name) for owner in owners) else "unknown"


def _by_description(target: _Target, said_by: str) -> _Verdict:
    head, heavy = content(said_by)
    if not target.name:
        wanted_head, wanted = content(target.text)
        return "same" if head == wanted_head and wanted <= heavy else "unknown"
    if not target.is_person or not is_speaker(head):
        return "unknown"
    opener = said_by.split()[0].lower()
    speaks_for = not heavy.isdisjoint(name_words(target.name))
    return "other" if speaks_for or is_many(_noun(said_by)) or opener in INDEFINITE else "unknown"


def _noun(description: str) -> str:
    """Return the word of a description that says what it is, as it stands: "officials" in "officials in Berlin"."""
    low = description.lower().split()
    cut = next((n for n, word in enumerate(low) if word in PREPOSITIONS), len(low))
    return low[cut - 1] if cut else ""
