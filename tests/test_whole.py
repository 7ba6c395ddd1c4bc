"""A span grown to what a person would say, by hand-made articles; and what may not grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.domain import Article, Passage
from rag.reader import Span
from rag.text import words
from rag.whole import several, whole
from tests.fakes import passage


def grown(question: str, text: str, marked: str) -> str:
    """What becomes of the first place where a text has some words."""
    start = text.index(marked)
    return whole(question, Span(passage(text), start, start + len(marked), 1.0)).text


NAMES = {
    "Pen": ("Russia prefers Marine Le Pen, he said.", "Marine Le Pen"),
    "Le Pen": ("Russia prefers Marine Le Pen, he said.", "Marine Le Pen"),
    "Marine": ("Russia prefers Marine Le Pen, he said.", "Marine Le Pen"),
    "Journal": ("He told Journal du Dimanche so.", "Journal du Dimanche"),
    "Dimanche": ("He told Journal du Dimanche so.", "Journal du Dimanche"),
    "Ayrault": ("The French Foreign Minister Jean-Marc Ayrault said so.", "Jean-Marc Ayrault"),
    "Minister Jean-Marc": ("Then Minister Jean-Marc Ayrault said so.", "Minister Jean-Marc Ayrault"),
    "Clinton": ("They met Senator Hillary Clinton's men.", "Hillary Clinton"),
    "Gove": ("It was Conservative MP Michael Gove who left.", "Michael Gove"),
    "Francis": ("It was blessed by Pope Francis in Rome.", "Pope Francis"),
    "Gaga": ("It was sung by Lady Gaga in Houston.", "Lady Gaga"),
    "the Ark": ("It lay in the Ark of the Covenant, they say.", "the Ark of the Covenant"),
}


@pytest.mark.parametrize("marked", NAMES)
def test_a_part_of_a_name_grows_to_the_name(marked: str) -> None:
    text, expected = NAMES[marked]
    assert grown("What is it?", text, marked) == expected


@pytest.mark.parametrize(
    ("text", "marked", "question"),
    [
        ("The French Foreign Minister Jean-Marc Ayrault said so.", "Jean-Marc Ayrault", "Who said so?"),
        ("Then President Obama spoke.", "Obama", "Who spoke?"),
        ("It was Conservative MP Michael Gove who left.", "Michael Gove", "Who left?"),
        ("They met Merkel's husband in Rome.", "Merkel", "Whose husband?"),
        ("She studied at the University of Oxford then.", "Oxford", "Where is the university?"),
        ("The Department of Trade and Industry paid.", "Department of Trade", "Who paid?"),
        ("The Democratic Party of Connecticut won.", "Democratic Party", "Which party won?"),
        ("The seat of Democrat David Himes was lost.", "Democrat", "What was he?"),
        ("Marine Le Pen stood again.", "Marine", "What is Le Pen's first name?"),
        ("Marine Le Pen stood again.", "Le Pen", "What did Marine call herself?"),
        ("The French Revolution began.", "French", "Which language was it?"),
        ("She was at the NASA Kennedy Center.", "NASA", "Who paid?"),
        ("They are Roman Catholic 43% and Jewish 1%.", "Roman Catholic", "What are they?"),
        ("the end of all things", "end", "What?"),
    ],
)
def test_titles_owners_and_what_the_question_names_are_left_out(
    text: str, marked: str, question: str
) -> None:
    assert grown(question, text, marked) == marked


NUMBERS = {
    "3.4": ("About 3.4 million people live there.", "3.4 million"),
    "3": ("About 3.4 million people live there.", "3.4 million"),
    "million": ("About 3.4 million people live there.", "3.4 million"),
    "$5": ("It cost more than $5 billion to build.", "$5 billion"),
    "5": ("It cost more than US$5 billion to build.", "US$5 billion"),
    "70": ("They paid EUR 70 for it.", "EUR 70"),
    "60": ("They paid £60,847 for it.", "£60,847"),
    "847": ("They paid £60,847 for it.", "£60,847"),
    "12": ("It lost 12% of its worth.", "12%"),
    "13": ("It lost 13 percent of its worth.", "13 percent"),
    "14": ("It is 14 km from here.", "14 km"),
    "15": ("He waited for 15 years, they say.", "15 years"),
    "sixteen": ("He waited for sixteen months, they say.", "sixteen months"),
    "two": ("They ate two dozen eggs.", "two dozen"),
    "30": ("It covers 30 square kilometres of land.", "30 square kilometres"),
    "about 8": ("It cost about 8 million euros a year.", "about 8 million euros"),
    "20": ("It was 20 °C in the shade.", "20 °C"),
}


@pytest.mark.parametrize("marked", NUMBERS)
def test_a_number_takes_its_unit_its_size_and_its_currency(marked: str) -> None:
    text, expected = NUMBERS[marked]
    assert grown("How much is it?", text, marked) == expected


@pytest.mark.parametrize(
    ("question", "text", "marked"),
    [
        ("How many people came?", "About 12 people came.", "12"),
        ("How many came?", "About 12 people came.", "12"),
        ("How many years did he wait?", "He waited for 12 years.", "12"),
        ("How many million live there?", "Some 12 million live there.", "12"),
        ("How many?", "Over 500 mirrors were sold.", "500"),
        ("How long?", "He got a 12-year sentence.", "12"),
        ("When?", "It was in 2016, percent by percent.", "2016"),
        ("Which one?", "He took one, a day later.", "one"),
    ],
)
def test_counts_stay_alone_and_so_does_what_the_question_counts(
    question: str, text: str, marked: str
) -> None:
    assert grown(question, text, marked) == marked


LISTS = [
    (
        "Who does Russia prefer?",
        "Russia prefers Marine Le Pen or François Fillon.",
        "Marine Le Pen or François Fillon",
    ),
    ("Whom did she meet?", "She met Macron, Putin and Xi in Paris.", "Macron, Putin and Xi"),
    ("Who walked there?", "Armstrong and Aldrin walked there.", "Armstrong and Aldrin"),
    ("Who was killed?", "It killed Anna Berg and Tom Ford on Sunday.", "Anna Berg and Tom Ford"),
    ("Which countries signed it?", "France, Germany and Italy signed it.", "France, Germany and Italy"),
    ("What countries signed it?", "It was signed by Chad, Togo, and Mali.", "Chad, Togo, and Mali"),
    ("Who are the candidates?", "These are Le Pen, Fillon and Macron.", "Le Pen, Fillon and Macron"),
    ("Who met?", "In Paris, Merkel and Macron met.", "Merkel and Macron"),
    (
        "Who came?",
        "There came Emmanuel Macron, Foreign Minister Sergei Lavrov and Chancellor Angela Merkel.",
        "Emmanuel Macron, Foreign Minister Sergei Lavrov and Chancellor Angela Merkel",
    ),
]


@pytest.mark.parametrize(("question", "text", "expected"), LISTS)
def test_an_item_grows_to_the_list_wherever_it_stands_in_it(question: str, text: str, expected: str) -> None:
    items = expected.replace(", and ", ", ").replace(" and ", ", ").replace(" or ", ", ").split(", ")
    for item in (item.split()[-1] for item in items):
        assert grown(question, text, item) == expected


@pytest.mark.parametrize(
    ("question", "text", "marked"),
    [
        ("Which newspaper reported it?", "The Guardian and Le Monde reported it.", "The Guardian"),
        ("What is the capital?", "It is ruled from Berlin and Bonn.", "Berlin"),
        ("Who was the first to walk there?", "Armstrong and Aldrin walked there.", "Armstrong"),
        ("Who is the president?", "Merkel and Macron met.", "Macron"),
        ("Who sings it?", "It is sung by Perri and Hodges.", "Perri"),
        ("Where does it lie?", "It lies between Germany and Poland.", "Germany"),
        ("Who is at war?", "It is a war between Merkel and Macron.", "Merkel"),
        ("Who met?", "Merkel and her party met.", "Merkel"),
        ("Who did she meet?", "She met Macron, and Putin left.", "Macron"),
        ("Who did she meet?", "She met Macron and Putin left.", "Macron"),
        ("Who sold it?", "It was sold by Merkel and Macron's men.", "Merkel"),
        ("Who came with Macron?", "Merkel and Macron came.", "Merkel"),
        ("Who lost?", "In the end Merkel, the chancellor, lost.", "Merkel"),
        ("Who went to Paris?", "It was Merkel, Paris and all that.", "Merkel"),
        ("Who won?", "Merkel won and Macron lost.", "Merkel won"),
        ("Which countries signed?", "Slovenia, Austria and Italy signed.", "Austria"),
    ],
)
def test_what_only_looks_like_a_list_stays(question: str, text: str, marked: str) -> None:
    assert grown(question, text, marked) == marked


@pytest.mark.parametrize(
    ("question", "is_so"),
    [
        ("Who did Russia prefer?", True),
        ("With whom did she speak?", True),
        ("Which candidates were named?", True),
        ("Who were killed?", True),
        ("Which candidate was named?", False),
        ("Who is he?", False),
        ("Who's the mayor?", False),
        ("Who was the oldest?", False),
        ("Who runs the place?", False),
        ("When did it begin?", False),
        ("Which person won?", False),
    ],
)
def test_some_questions_take_several(question: str, is_so: bool) -> None:
    assert several(question) == is_so


@pytest.mark.parametrize(
    ("text", "marked", "expected"),
    [
        ("It was in a town, they say.", "a town,", "a town"),
        ("It was in a town – they say.", "a town –", "a town"),
        ("It was a town and it fell.", "a town and", "a town"),
        ("It was the end of the year.", "of the year", "the year"),
        ("It was Berlin, or Bonn.", ", or Bonn", "Bonn"),
        ("It was cold, and it fell.", "and", "and"),
        ("It was cold, and it fell.", ",", ","),
        ("It was minus -5 degrees.", "-5", "-5 degrees"),
        ("He sang “Imagine” there.", "“Imagine", "“Imagine”"),
        ('He sang "All you need" there.', 'need"', '"All you need"'),
        ('He sang "All you need" there.', 'sang "All', 'sang "All you need"'),
        ("It is the agency (ESA) that pays.", "agency (ESA", "agency (ESA)"),
        ("It is the agency (ESA) that pays.", "(ESA", "ESA"),
        ("It is the agency (ESA) that pays.", "ESA)", "ESA"),
        ("“I came here to tell you that nobody will ever pay,” he said.", "“I came", "I came"),
        ("It is the agency (which pays; it has to) there.", "agency (which pays", "agency (which pays"),
    ],
)
def test_edges_are_trimmed_and_marks_have_their_partner(text: str, marked: str, expected: str) -> None:
    assert grown("What?", text, marked) == expected


def test_nothing_grows_beyond_the_passage_or_the_sentence() -> None:
    text = "It cost 5 million. Le Pen won. Marine sang."
    cut = Passage(1, Article("a", "A", text), 0, text.index(" million"))
    assert whole("How much?", Span(cut, 8, 9, 1.0)).text == "5"
    inner = Passage(1, Article("a", "A", text), text.index("Le Pen"), len(text))
    at = text.index("Pen")
    span = whole("Who won?", Span(inner, at, at + 3, 1.0, 0.5))
    assert (span.text, span.passage, span.margin, span.score) == ("Le Pen", inner, 1.0, 0.5)
    assert grown("Who?", "Nobody paid Le Pen. Fillon won.", "Pen") == "Le Pen"


PIECES = st.sampled_from(
    "Marine Le Pen Merkel and or , , , . of the du Journal Dimanche President Jean-Marc Ayrault 3.4 12 million % years "
    "$5 ( ) “ ” \" met said between - – 's in Paris, Germany \n two dozen".split(" ")
)
QUESTIONS = st.sampled_from(["Who met?", "Which countries signed?", "How much?", "Who is Merkel?", "What?"])


@given(QUESTIONS, st.lists(PIECES, min_size=1, max_size=14), st.data())
def test_a_span_holds_what_it_held_in_its_passage_and_grows_once(
    question: str, pieces: list[str], data: st.DataObject
) -> None:
    text = " ".join(pieces)
    low = data.draw(st.integers(0, len(text) - 1))
    where = Passage(1, Article("a", "A", text), low, data.draw(st.integers(low + 1, len(text))))
    start = data.draw(st.integers(where.start, where.end - 1))
    span = Span(where, start, data.draw(st.integers(start + 1, where.end)), 1.0)
    once = whole(question, span)
    assert where.start <= once.start < once.end <= where.end
    trimmed = [text[span.start : once.start], text[once.end : span.end]]
    assert {part[s:e] for part in trimmed for s, e in words(part)} <= {"and", "or", "of", "the"}
    assert whole(question, once) == once


@given(st.text(min_size=1, max_size=40), st.data())
def test_any_text_can_be_marked(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    span = Span(passage(text), start, data.draw(st.integers(start + 1, len(text))), 1.0)
    once = whole("Who?", span)
    assert 0 <= once.start < once.end <= len(text)
    assert whole("Who?", once) == once
