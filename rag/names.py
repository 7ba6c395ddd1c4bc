"""Names in English text: capitalised runs, with what each may be, by its words and by the words beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rag.text import Span, words

Kind = Literal["he", "she", "person", "maybe", "word", "group", "body", "place", "thing"]
"""``he``, ``she`` and ``person`` are people; ``maybe`` has two or three words and could be one; ``word`` is a
single word that could be anything; a ``group`` is plural, a ``body`` is an organisation."""

PEOPLE: frozenset[Kind] = frozenset({"he", "she", "person"})
UNSURE: frozenset[Kind] = frozenset({"maybe", "word"})
MOST_WORDS = 7  # of a name; a longer run of capitals is a headline


@dataclass(frozen=True, slots=True)
class Name:
    """A name and where it stands; a possessive 's is not part of it."""

    text: str
    start: int
    end: int
    kind: Kind


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The commonest given names of the news in English, as far as they tell men from women.
_MEN = _set(
    "aaron adam ahmed alan albert alexander alexei alfred ali andre andrew anthony antonio arthur barack "
    "ben benjamin bernard bernie bill bob boris brian bruce carl carlos charles chris christopher colin "
    "dan daniel david dennis diego dmitry don donald doug douglas ed edward elon emmanuel enrique eric "
    "ernest felipe francis francisco frank fred frederick fyodor gary gavin geoff george gerald gerard "
    "giovanni giuseppe gordon graham greg gustav guy hans harold harry hassan henry herbert herman howard "
    "hugh ian ibrahim isaac ivan jack jacob jacques jake james jason javier jean-marc jeff jeffrey jeremy "
    "jerry jim jimmy joe joel joey johann john johnny jon jonathan jorge jose josé joseph joshua juan "
    "julian justin karl keith ken kenneth kevin kurt lance larry lee leo leon leonard lewis louis ludwig "
    "luis luke manuel marc marco mario mark martin matt matthew max maurice michael miguel mike mohamed "
    "mohammed muhammad narendra nelson neil nicholas nick nicolas nigel norman oliver oscar patrick paul "
    "pedro pete peter phil philip pierre rafael ralph ray recep reinhard richard rick rob robert roberto "
    "robin rodney roger roman ron ronald roy rudolf russell ryan salvador sam samuel scott sean sergei "
    "sergey sergio shane sigmar simon stan stanley stefan stephen steve steven stewart stuart ted terry "
    "thomas tim timothy toby todd tom tommy tony usain victor viktor vincent vladimir volodymyr walter "
    "wayne werner wilhelm will william winston wolfgang xavier yasser yuri zack"
)
_WOMEN = _set(
    "abby agnes aisha alexandra alice alison amanda amelia amy andrea angela angelina ann anna anne annie "
    "barbara benazir beth betty beyoncé billie brigitte carmen carol caroline catherine charlotte cheryl "
    "christina christine cindy claire clara claudia condoleezza cristina cynthia daisy debbie deborah "
    "diana diane dilma dolly donna doris dorothy edith eleanor elena elizabeth ella ellen emily emma erin "
    "esther eva eve evelyn fiona florence frances gabriela georgia gina gloria grace greta hannah heather "
    "heidi helen hilary hillary indira ingrid irene isabel isabella ivanka jacinda jackie jane janet "
    "janice jennifer jenny jessica jill joan joanna josephine joyce judith judy julia julie kamala karen "
    "kate katherine kathleen kathryn katie katy kelly kim kitty laura lauren lea liz louise lucy lydia "
    "madeleine madonna malala margaret margrethe maria marie marilyn marine marion martha mary maya megan "
    "melania melinda melissa meryl mia michele michelle miriam molly monica nancy naomi natalie natasha "
    "nicola nicole nina nora olga olivia oprah pamela patricia patti paula pauline penelope priscilla "
    "rachel rebecca rita rosa rose ruth sally samantha sandra sarah serena sharon sheila sheryl shirley "
    "simone sofia sonia sophia sophie stella stephanie sue susan suzanne sylvia tamar tania teresa "
    "theresa tina ursula valerie vanessa venus vera veronica victoria violet virginia wendy whitney yoko "
    "yvonne zoe"
)
_OF_MEN = _set("mr mister sir lord king prince duke pope father brother uncle")
_OF_WOMEN = _set("mrs ms miss lady dame queen princess duchess sister aunt madame")
_OF_EITHER = _set(
    "dr doctor prof professor president chancellor senator secretary minister premier governor mayor "
    "judge justice captain colonel general sergeant admiral lieutenant officer commander ambassador "
    "chairman chairwoman congressman congresswoman spokesman spokeswoman spokesperson director chief "
    "candidate coach designer prime deputy vice dictator singer actor actress author writer analyst "
    "economist administrator archbishop bishop cardinal rev representative"
)
TITLES = _OF_MEN | _OF_WOMEN | _OF_EITHER
_BODY_WORDS = _set(
    "academy administration agency army assembly association authority band bank board branch bureau "
    "center centre church club college commission committee community company congress corp "
    "corporation council court department directorate division federation force forum foundation fund "
    "government group guard hospital house inc institute institution lab labs league library ltd ministry "
    "movement museum navy network office orchestra organisation organization parliament party police "
    "press program programme project school senate service services society station store studio studios "
    "team trust union university workshop"
)
_PLACE_WORDS = _set(
    "airport avenue bay beach bridge cape castle city coast county desert district gulf harbor harbour hill "
    "hills island islands lake mount mountain mountains ocean palace park peninsula port river road sea "
    "square stadium state states street tower town tunnel valley village"
)
_PLACES = _set(
    "afghanistan africa america argentina asia athens australia austria baghdad bangladesh beijing beirut "
    "belgium berlin brazil britain brussels cairo california canada chicago chile china colombia congo "
    "cuba damascus denmark egypt england ethiopia europe finland florida france geneva germany greece "
    "haiti hungary iceland india indonesia iran iraq ireland israel istanbul italy jakarta japan "
    "jerusalem kabul kenya kiev korea kyiv lebanon libya london madrid malaysia mexico moscow nepal "
    "netherlands nigeria norway pakistan palestine paris peru philippines poland portugal romania rome "
    "russia scotland serbia singapore somalia spain sudan sweden switzerland sydney syria taiwan texas "
    "thailand tokyo tunisia turkey uganda ukraine venezuela vietnam wales washington yemen zimbabwe"
)
_THING_WORDS = _set(
    "act agreement album award awards battle bill blues book campaign championship code constitution "
    "convention cup day deal election exhibition festival games guide law manual match medal mission "
    "movie olympics plan policy prize protocol race report show song standards summit symphony system "
    "theory tour tournament toolkit treaty version war week"
)
_WORKS = _set(
    "film movie album song single book novel play musical opera series game ship magazine newspaper company "
    "website programme program show band team club firm maker"
)
_GROUP_WORDS = _set(
    "boys girls brothers sisters sons daughters kings queens stars democrats republicans conservatives "
    "liberals socialists greens rebels giants americans russians germans britons europeans protesters "
    "workers teachers"
)
PARTICLES = _set("de la le du des del della di da dos van von der den ter bin ibn al el of the for and")
# Words with a capital that are no name, nor begin one; the stop words of rag.index.words are too few for that.
NOT_NAMES = _set(
    "a about above according across after again all almost along already also although always am among an "
    "and another any anyone are around as asked at away back because been before behind being below "
    "besides better between both but by came can click come could day days despite did do does doing done "
    "down during each early earlier eight either else even ever every everyone few find first five follow "
    "following for former four from get give go had has have having he hello help her here hers hi his "
    "how however i if in indeed inside into is it its itself join just later latest learn least less let "
    "like likely made make many may maybe instead me meanwhile might more moreover most much must my near "
    "nearly never next nine no nobody none nor not nothing now of off often oh ok okay on once one only "
    "onto or other others otherwise our ours out outside over own part people per perhaps please put read "
    "really right said same say see seven several shall she should similarly since six so some somebody "
    "someone something sometimes soon still such sure take tell ten than thank thanks that the their "
    "theirs them then there therefore these they thing things this those though three through throughout "
    "thus to today together tomorrow too toward towards two under unless unlike until up upon us use "
    "using very via was we well were what whatever when whenever where whereas whether which while who "
    "whoever whom whose why will with within without would year years yes yesterday yet you your yours "
    "spring summer autumn winter name describe list explain show didn't don't doesn't isn't wasn't can't "
    "won't i'm i've it's that's he's she's they're we're there's what's who's let's"
)
DATES = _set(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july "
    "august september october november december jan feb mar apr jun jul aug sep sept oct nov dec mon tue "
    "wed thu fri sat"
)
_PLACED = re.compile(r"\b(?:in|at|near|outside|across|around|throughout|visit(?:ed|ing)?)\s+\Z")
_JOINT = re.compile(r"\s?&\s?|\s|-|\.\s?")
_OPENERS = " \n\"'“”‘’()[]*#>-"  # what stands between two sentences, marks of Markdown included
_SPAN_CHARS = 12  # looked at before a name


def names(text: str) -> list[Name]:
    """Return the names of ``text``, in order; not dates, and not a lone word that only begins a sentence."""
    spans = words(text)
    bare = len(text.partition("(")[0].split()) == 1  # an answer, or the title "Eagles (band)"
    inside = {text[s : _unowned(text, (s, e))] for s, e in spans if text[s].isupper() and not _opens(text, s)}
    found = []
    for first, last in _runs(text, spans):
        first = _past_openers(text, spans, first, last)
        if first > last:
            continue
        start, end = spans[first][0], _unowned(text, spans[last])
        if all(text[slice(*span)].lower() in TITLES for span in spans[first : last + 1]):
            continue  # "the Prime Minister"
        alone = first == last and _opens(text, start) and not bare
        if last - first < MOST_WORDS and not (
            alone and _is_chance(text, start, spans[first][1], end, inside)
        ):
            found.append(Name(text[start:end], start, end, kind(text, start, end)))
    return found


def kind(text: str, start: int, end: int) -> Kind:
    """Return what the name ``text[start:end]`` may be."""
    before = text[max(0, start - _SPAN_CHARS - 10) : start]
    parts = text[start:end].replace(".", " ").split()
    folded = [part.lower() for part in parts]
    if not parts:
        return "word"  # nothing but dots is left where a name lost its title or its tail
    titles = [word.lower().strip(".") for word in before.split()[-1:]] + folded[:1]
    if titles[0] in _WORKS and len(titles) > 1:
        return "thing"
    if folded[-1] not in _BODY_WORDS | _PLACE_WORDS | _THING_WORDS and (found := _of_person(folded, titles)):
        return found
    if folded[-1] in _BODY_WORDS or (
        len(parts) > 1 and folded[0] in ("university", "department", "ministry", "bank")
    ):
        return "body"
    if folded[-1] in _PLACE_WORDS or folded[-1] in _PLACES or folded[0] in ("mount", "lake", "port"):
        return "place"
    if folded[-1] in _GROUP_WORDS:
        return "group"
    if folded[-1] in _THING_WORDS or any(c.isdigit() for c in text[start:end]):
        return "thing"
    if len(parts) == 1 and parts[0].isupper() and len(parts[0]) > 1:
        return "body"
    return _by_shape(parts, before, owns=text[end : end + 2] in ("'s", "’s"))


def _of_person(folded: list[str], titles: list[str]) -> Kind | None:
    first = folded[1] if folded[0] in TITLES and len(folded) > 1 else folded[0]
    if any(title in _OF_MEN for title in titles):
        return "he"
    if any(title in _OF_WOMEN for title in titles):
        return "she"
    if (
        len(folded) > 1
        and not _BODY_WORDS & set(folded)
        and not {"of", "the", "for", "and", "&"} & set(folded)
    ):
        if first in _MEN:
            return "he"
        if first in _WOMEN:
            return "she"
    return "person" if any(title in _OF_EITHER for title in titles) and "of" not in folded else None


def _by_shape(parts: list[str], before: str, owns: bool) -> Kind:
    if {"and", "&"} & set(parts):
        return "group"
    if _PLACED.search(before) and not owns:
        return "place"
    if before.lower().endswith("the ") or parts[0] == "The":
        return "group" if parts[-1].endswith("s") and not parts[-1].endswith("ss") else "thing"
    if {"of", "for", "the"} & set(parts):
        return "thing"
    if len(parts) == 1:
        return "word"
    if parts[-1].lower().endswith(("ment", "tion", "ware", "ology")):
        return "thing"
    if {part.lower() for part in parts} & (_BODY_WORDS | _PLACE_WORDS | _THING_WORDS):
        return "thing"
    return "maybe" if sum(part.lower() not in PARTICLES for part in parts) <= 3 else "thing"


def _runs(text: str, spans: list[Span]) -> Iterator[tuple[int, int]]:
    """Yield the first and last word of each run of capitals, particles between them included."""
    at = 0
    while at < len(spans):
        if not _is_capital(text, spans[at]):
            at += 1
            continue
        last = at
        while (following := _next(text, spans, last)) is not None:
            last = following
        yield at, last
        at = last + 1


def _next(text: str, spans: list[Span], last: int) -> int | None:
    """Return the word that continues a run after ``last``, at most two particles further on."""
    if _unowned(text, spans[last]) != spans[last][1]:
        return None
    for ahead in range(last + 1, min(last + 4, len(spans))):
        if not _joined(text, spans[ahead - 1], spans[ahead]):
            return None
        word = text[slice(*spans[ahead])]
        given = text[slice(*spans[last])].lower() in _MEN | _WOMEN  # Theresa May is no month
        if _is_capital(text, spans[ahead]) and (given or word.lower() not in DATES):
            return ahead
        if ahead == last + 1 and word.isdigit() and len(word) < 4:
            return ahead
        if word not in PARTICLES or (word == "and" and not _binds(text, spans, last)):
            return None
    return None


def _binds(text: str, spans: list[Span], last: int) -> bool:
    """Whether "and" lies inside a name, as in "Department of Trade and Industry", not between two."""
    before = [text[slice(*span)] for span in spans[max(0, last - 2) : last]]
    return "of" in before or "for" in before


def _joined(text: str, left: Span, right: Span) -> bool:
    between = text[left[1] : right[0]]
    if not _JOINT.fullmatch(between):
        return False
    return "." not in between or _is_abbreviation(text[slice(*left)])


def _is_abbreviation(word: str) -> bool:
    return len(word) == 1 or word.lower() in {
        "dr",
        "mr",
        "mrs",
        "ms",
        "st",
        "prof",
        "gen",
        "sen",
        "gov",
        "jr",
        "lt",
    }


def _is_capital(text: str, span: Span) -> bool:
    return text[span[0]].isupper() and text[slice(*span)] != "I"


def _unowned(text: str, span: Span) -> int:
    """Return where a word ends without its possessive 's."""
    return span[1] - 2 if text[span[1] - 2 : span[1]] in ("'s", "’s") else span[1]


def _past_openers(text: str, spans: list[Span], first: int, last: int) -> int:
    while first <= last and text[slice(*spans[first])].lower().replace("’", "'") in NOT_NAMES | DATES:
        if text[slice(*spans[first])] == "The" and last > first and not _opens(text, spans[first][0]):
            break
        first += 1
    while first < last and text[slice(*spans[first])] in PARTICLES:
        first += 1
    return _past_titles(text, spans, first, last)


def _past_titles(text: str, spans: list[Span], first: int, last: int) -> int:
    """Return where the name begins in "French Foreign Minister Jean-Marc Ayrault": at the last title's next word."""
    for at in range(last - 1, first, -1):
        if text[slice(*spans[at])].lower() in TITLES and text[spans[at + 1][0]].isupper():
            return at + 1
    return first


def _opens(text: str, start: int) -> bool:
    """Whether a sentence, a quotation or an item begins at ``start``."""
    before = text[max(0, start - _SPAN_CHARS) : start]
    lead = before.rstrip(_OPENERS)
    if not lead or not {"\n", '"', "“", "‘", "("}.isdisjoint(before[len(lead) :]):
        return True
    return lead[-1] in ".!?:;•|" and not _is_abbreviation(lead[:-1].rpartition(" ")[2].lstrip(_OPENERS))


def _is_chance(text: str, start: int, word_end: int, end: int, inside: set[str]) -> bool:
    """Whether a lone word at the beginning of a sentence may have its capital from there only."""
    word = text[start:end]
    return not (word_end != end or word in inside or (word.isupper() and len(word) > 1))
