"""Who says what in passages by hand, which questions ask for it, and what becomes of spans by other speakers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.domain import Article, Passage
from rag.names import kind
from rag.reader import Span
from rag.speech.attributed import MOVED, SAID, asked, attributed, speakers
from rag.speech.people import People, is_same
from rag.speech.sayings import quotations
from tests.fakes import passage

AYRAULT = (
    "Jean-Marc Ayrault, the French foreign minister, has condemned the cyberattacks. In an interview on Sunday he "
    "called them unacceptable.\n\nThe target is plainly Emmanuel Macron, the minister said. Macron stands high in the "
    "polls. His camp says that its website has been under attack.\n\nThe worry is shared in Berlin. Angela Merkel, "
    "the chancellor, has said that she fears similar meddling. A spokesman for Merkel said that Berlin was watching."
)


def said(text: str) -> list[tuple[str, str | None]]:
    return [(text[slice(*speech.speaker)], speech.name) for speech in speakers(text)]


def contents(text: str) -> list[str]:
    return [text[speech.start : speech.end] for speech in speakers(text)]


def span(text: str, part: str, margin: float = 5.0) -> Span:
    whole = passage(text)
    start = whole.start + text.index(part)
    return Span(whole, start, start + len(part), margin)


def one(question: str, text: str, part: str) -> Span | None:
    found = attributed(question, [span(text, part)])
    return found[0] if found else None


# ---- Questions


@pytest.mark.parametrize(
    ("question", "kind", "speaker"),
    [
        ("Who said that the Germans were the happiest people in the world?", "who", ""),
        ("Which minister warned of a civil war?", "who", "minister"),
        ("Who called the attacks 'unacceptable'?", "who", ""),
        ("Who denounced the vote?", "who", ""),
        ("Who criticised Macron?", "who", ""),
        ("Who has described the vote as a farce?", "who", ""),
        ("Who at NASA said that the leak was small?", "who", ""),
        ("Who is quoted as saying that the worst was over?", "who", ""),
        ("Who wrote that the plan was vague?", "who", ""),
        ("What did Ayrault say about NATO?", "what", "Ayrault"),
        (
            "What did the French foreign minister call the cyberattacks?",
            "what",
            "the French foreign minister",
        ),
        ("What did Merkel's spokesman predict?", "what", "Merkel's spokesman"),
        ("According to Ayrault, who is being attacked by the hackers?", "what", "Ayrault"),
        ("How many people died, according to the Red Cross?", "what", "the Red Cross"),
        ("Who did Ayrault say Russia prefers?", "what", "Ayrault"),
        ("Whom does Kim Novak blame?", "what", "Kim Novak"),
        ("What does Lee Sedol think of the match?", "what", "Lee Sedol"),
        ("How did Mandela describe President de Klerk?", "what", "Mandela"),
        ("What has Tesla promised?", "what", "Tesla"),
        ("What is Ian Wilmut's opinion of cloning human beings?", "what", "Ian Wilmut"),
        (
            "What was the verdict of the head of the Democrats on the break-in?",
            "what",
            "the head of the Democrats",
        ),
        ("What is Macron accused of by Fillon?", "what", "Fillon"),
    ],
)
def test_questions_about_speech(question: str, kind: str, speaker: str) -> None:
    found = asked(question)
    assert found is not None
    assert (found.kind, found.speaker) == (kind, speaker)


@pytest.mark.parametrize(
    "question",
    [
        "Who won the match?",
        "Who signed the treaty?",
        "Who wrote the novel?",
        "Who called the police?",
        "Who was accused of fraud?",
        "Who of the jury was told of the threat?",
        "Which five new states joined Germany in 1990?",
        "When did the dam break?",
        "What happened after Trump said that he would leave?",
        "What is the capital of France according to the article?",
        "",
    ],
)
def test_other_questions(question: str) -> None:
    assert asked(question) is None


# ---- Speakers


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("Ayrault said that the vote was unfair.", "Ayrault"),
        ("The vote was unfair, said Ayrault.", "Ayrault"),
        ("The vote was unfair, Ayrault said on Sunday.", "Ayrault"),
        ("“The vote was unfair,” said Ayrault, who had just arrived.", "Ayrault"),
        ("“The vote was unfair,” Ayrault grins.", "Ayrault"),
        ("“Was it unfair?” Ayrault asked.", "Ayrault"),
        ("Ayrault, the minister, said the vote was unfair.", "Ayrault"),
        (
            "Jez Frampton, chief executive of Interbrand, which is part of Omnicom, said: “It grew.”",
            "Jez Frampton",
        ),
        (
            "On Friday Walter Momper, the mayor of West Berlin, said that the Germans were happy.",
            "Walter Momper",
        ),
        ("According to Ayrault, the vote was unfair.", "Ayrault"),
        ("The vote was unfair, according to the head of the agency.", "the head of the agency"),
        ("In a statement, Ayrault said the vote was unfair.", "Ayrault"),
        ("Ayrault called the vote “unacceptable”.", "Ayrault"),
        ("The vote was called “unacceptable” by Ayrault.", "Ayrault"),
        ("French foreign minister Jean-Marc Ayrault said the vote was unfair.", "Jean-Marc Ayrault"),
        ("U.S. Secretary of State Marco Rubio says the vote was unfair.", "Marco Rubio"),
        ("It was unfair, said the mayor of Lyon, Ida Moll.", "Ida Moll"),
        ("Edmundo González, who claims that he won, was absent.", "Edmundo González"),
        ("Ayrault pointed to the events and said that it was unfair.", "Ayrault"),
        ("Ayrault left the room, saying that it was unfair.", "Ayrault"),
        ("Ayrault has repeatedly warned that it was unfair.", "Ayrault"),
        ("Ayrault went on to say that it was unfair.", "Ayrault"),
        ("Ayrault continued: “It was unfair.”", "Ayrault"),
        ("The impact was small, said Eberhard van der Laan.", "Eberhard van der Laan"),
        ("Theresa May said it was unfair.", "Theresa May"),
        ("A spokesman for Merkel said that Berlin was watching.", "A spokesman for Merkel"),
        ("Merkel's spokesman said that Berlin was watching.", "Merkel's spokesman"),
        ("Managers of the space agency NASA said that it was safe.", "Managers of the space agency NASA"),
        ("Officials in Berlin warned of a storm.", "Officials in Berlin"),
        ("It was a mistake, a senior US researcher warns.", "a senior US researcher"),
        ("“It ate a deer,” says the University of Warsaw biologist.", "the University of Warsaw biologist"),
        ("Angela Merkel has also voiced fears that Moscow could meddle in the vote.", "Angela Merkel"),
        ("The minister raised serious doubts about the plan.", "The minister"),
        ("Officials gave warning that floods were near.", "Officials"),
    ],
)
def test_the_speaker_is_found_by_position(text: str, speaker: str) -> None:
    assert [name for name, _ in said(text)] == [speaker]


@pytest.mark.parametrize(
    "text",
    [
        "Nobody was hurt. The road is open again.",
        "Ayrault was told that the vote was unfair.",
        "The so-called experts met in Paris.",
        "Macron rejected the claims, and the report was published.",
        "The dog is called Rex.",
        "The meeting was called off.",
        "The United States won.",
        "A man called John was there.",
        "She wrote the novel in 1990.",
        "The sign read “He said no”.",
        "",
        "Anna raised the flag, and the firm issued shares.",
        "The firm made shoes for which claims were paid.",
    ],
)
def test_where_nobody_speaks_there_is_no_speech(text: str) -> None:
    assert said(text) == []


def test_two_speakers_of_one_sentence_share_it() -> None:
    text = "Macron said that taxes would fall, but Fillon said that they would rise."
    assert contents(text) == ["Macron said that taxes would fall, but ", "Fillon said that they would rise."]


def test_speech_within_speech_is_said_by_both() -> None:
    text = "Fillon said that Macron had promised lower taxes."
    assert [name for name, _ in said(text)] == ["Fillon", "Macron"]
    assert all("lower taxes" in content for content in contents(text))


def test_two_who_speak_together_both_speak() -> None:
    text = "Hideo Shiogama and Tomoo Ogura said the result was clear."
    assert [name for name, _ in said(text)] == ["Hideo Shiogama", "Tomoo Ogura"]


def test_a_quotation_goes_on_over_sentences_and_paragraphs() -> None:
    text = (
        "“It is over,” said Ann Lee. “We lost. We go home.” Nobody wept.\n"
        "“The conditions were bad,” Bob Hart added. “I fell twice.\n“It was too hot. I saw a dog.”"
    )
    assert contents(text) == [
        "“It is over,” said Ann Lee. “We lost. We go home.”",
        "“The conditions were bad,” Bob Hart added. “I fell twice.\n“It was too hot. I saw a dog.”",
    ]


def test_a_speaker_behind_several_quoted_sentences_says_them_all() -> None:
    text = "“We tried. It was hard. In the end we had to give up the whole plan,” Ann Lee said. It rained."
    assert contents(text) == [text.removesuffix(" It rained.")]


def test_pronouns_and_descriptions_mean_the_one_who_fits() -> None:
    assert said(AYRAULT) == [
        ("Jean-Marc Ayrault", "Jean-Marc Ayrault"),
        ("he", "Jean-Marc Ayrault"),
        ("the minister", "Jean-Marc Ayrault"),
        ("His camp", None),
        ("Angela Merkel", "Angela Merkel"),
        ("she", "Angela Merkel"),
        ("A spokesman for Merkel", None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "He said that it was over.",
        "Robert Hart met Thomas Lee in Paris. He said that it was over.",
        "Mary Hart was there. He said that it was over.",
        "The president said that it was over.",
        "Robert Hart, the former minister, was there. The minister said that it was over.",
        "Robert Hart was there. They said that it was over.",
        "Robert Hart was there. A farmer asked why. He said that it was over.",
        "It is over, Robert Hart believes. “I spoke to Thomas Lee,” a friend told us. He said that it was over.",
        "His manager, Tom Parker, admitted to him over tea, he said, that it was over.",
        "Geoffrey Howe resigned. In his speech he attacked her. She said that it was over.",
    ],
)
def test_what_could_mean_another_is_left_open(text: str) -> None:
    assert said(text)[-1][1] is None


def test_a_surname_has_the_fuller_name() -> None:
    assert said("Marine Le Pen was there. The vote was unfair, said Le Pen.") == [("Le Pen", "Marine Le Pen")]


def test_quotations_end_with_their_line() -> None:
    text = 'He saw “a “b” c” and 5" nails, "d" too. “open\n“again”'
    assert [text[start:end] for start, end in quotations(text)] == ["“a “b” c”", '"d"', "“open", "“again”"]


@pytest.mark.parametrize(
    ("one_name", "other", "same"),
    [
        ("Ayrault", "Jean-Marc Ayrault", True),
        ("Le Pen", "Marine Le Pen", True),
        ("Marine Le Pen", "Jean-Marie Le Pen", False),
        ("Lee", "Lee Sedol", True),
        ("J. Smith", "John Smith", True),
        ("Mr Smith", "Mrs Smith", False),
        ("Günter Schabowski", "Gunter Schabowski", True),
        ("President Macron", "Emmanuel Macron", True),
        ("Macron", "Fillon", False),
    ],
)
def test_names_compare_folded_and_by_surname(one_name: str, other: str, same: bool) -> None:
    assert is_same(one_name, other) is same
    assert is_same(other, one_name) is same


# ---- Attribution


def test_what_another_says_does_not_answer() -> None:
    firm = one("What did Fillon say about the attacks?", AYRAULT, "unacceptable")  # Fillon may be a firm
    assert firm == span(AYRAULT, "unacceptable")
    assert one("What did Macron say about the attacks?", AYRAULT, "unacceptable") is None
    assert one("What did Emmanuel Macron say about the attacks?", AYRAULT, "unacceptable") is None
    assert one("What does Angela Merkel think of the attacks?", AYRAULT, "unacceptable") is None


def test_what_the_one_asked_about_says_gains() -> None:
    for question in (
        "What did Ayrault call the attacks?",
        "What did the French foreign minister call the attacks?",
        "According to Jean-Marc Ayrault, what are the attacks?",
    ):
        found = one(question, AYRAULT, "unacceptable")
        assert found is not None
        assert (found.text, found.margin) == ("unacceptable", 5.0 + SAID)


def test_what_nobody_surely_says_stays_as_it_is() -> None:
    told = span(AYRAULT, "high in the polls")  # by the one who writes
    camp = span(AYRAULT, "under attack")  # by a camp that could be anybody's
    assert attributed("What did Ayrault say about Macron?", [told, camp]) == [told, camp]


def test_a_spokesman_is_not_his_master() -> None:
    text = "Angela Merkel said that she was worried. “Berlin is calm,” Merkel's spokesman said."
    assert one("What did Angela Merkel say about Berlin?", text, "Berlin is calm") is None
    assert one("What did Merkel's spokesman say about Merkel?", text, "she was worried") is None
    found = one("What did Merkel's spokesman say about Berlin?", text, "Berlin is calm")
    assert found is not None
    assert found.margin == 5.0 + SAID


def test_another_given_name_is_another_person() -> None:
    text = "Marine Le Pen said that taxes would fall. Jean-Marie Le Pen said that they would rise."
    assert one("What did Jean-Marie Le Pen say about taxes?", text, "taxes would fall") is None
    assert one("What did Le Pen say about taxes?", text, "taxes would fall") is not None


def test_he_is_no_woman() -> None:
    text = "Much was said in Paris. “It is over,” he told reporters."
    assert one("What did Theresa May say in Paris?", text, "It is over") is None
    assert one("What did Boris Johnson say in Paris?", text, "It is over") == span(text, "It is over")


def test_a_company_may_speak_through_its_people() -> None:
    text = "“Sales are up,” said Tim Cook, the chief executive of Apple."
    assert one("What did Apple say about sales?", text, "Sales are up") == span(text, "Sales are up")


def test_what_is_told_of_another_in_ones_speech_is_said_by_both() -> None:
    text = "Thomas Fillon said that Robert Macron had promised lower taxes."
    for name in ("Thomas Fillon", "Robert Macron"):
        found = one(f"What did {name} say?", text, "lower taxes")
        assert found is not None
        assert found.margin == 5.0 + SAID
    assert one("What did Angela Merkel say?", text, "lower taxes") is None


def test_what_a_pronoun_means_may_stand_before_the_passage() -> None:
    text = "Robert Hart came to Paris.\n\nHe said that it was over."
    inner = Passage(1, Article("a", "A", text), text.index("He said"), len(text))
    start = text.index("it was over")
    asked_about = attributed("What did Robert Hart say?", [Span(inner, start, len(text), 1.0)])
    assert [found.margin for found in asked_about] == [1.0 + SAID]
    assert attributed("What did Angela Merkel say?", [Span(inner, start, len(text), 1.0)]) == []


def test_who_said_it_is_a_speaker_or_the_name_of_one() -> None:
    question = "Who called the cyberattacks unacceptable?"
    for part in (
        "Jean-Marc Ayrault",
        "Jean-Marc Ayrault, the French foreign minister",
        "he called",
        "the minister",
    ):
        assert one(question, AYRAULT, part) == span(AYRAULT, part)


def test_who_is_moved_from_another_name_to_the_speaker() -> None:
    found = one("Who said that the target was Macron?", AYRAULT, "Emmanuel Macron")
    assert found is not None
    assert (found.text, found.margin) == ("Jean-Marc Ayrault", 5.0 - MOVED)
    text = "Ayrault said that Russia prefers Le Pen."
    moved = one("Who said whom Russia prefers?", text, "Le Pen")
    assert moved is not None
    assert (moved.text, moved.margin) == ("Ayrault", 5.0 - MOVED)


def test_who_voices_fears_is_who_fears() -> None:
    text = "Angela Merkel has voiced fears that Moscow could try to influence the vote in Germany."
    found = one("Who fears meddling in Germany's vote?", text, "Moscow")
    assert found is not None
    assert found.text == "Angela Merkel"


def test_a_verb_of_its_own_counts_beside_a_word_of_the_topic() -> None:
    text = "Angela Merkel has voiced fears that Moscow could try to influence the vote."
    found = one("Who fears meddling in Germany's vote?", text, "Moscow")
    assert found is not None
    assert (found.text, found.margin) == ("Angela Merkel", 5.0 - MOVED)
    plain = one("Who said that meddling in Germany harmed the vote?", f"{text} So she said.", "Moscow")
    assert plain is not None
    assert plain.text == "Moscow"


@pytest.mark.parametrize(
    ("question", "text", "part"),
    [
        ("Who denounced the vote?", "He denounced the vote in Paris.", "Paris"),  # anybody
        ("Who denounced the vote?", "Ayrault denounced the snow in Paris.", "Paris"),  # something else
        ("Who denounced the vote?", "Ayrault denounced the vote, but Fillon praised it in Paris.", "Paris"),
        ("Who denounced the vote?", "The vote was held in Paris.", "Paris"),
        ("Who denounced the vote?", "Ayrault denounced the vote as a farce.", "a farce"),  # no name
    ],
)
def test_who_is_no_speaker_loses_where_none_can_be_told(question: str, text: str, part: str) -> None:
    found = one(question, text, part)
    assert found is not None
    assert (found.text, found.margin) == (part, 5.0 - SAID)


def test_a_speaker_who_is_named_before_the_passage_is_not_moved_to() -> None:
    text = "Robert Hart came to Paris.\n\nHe denounced the vote of Lyon."
    inner = Passage(1, Article("a", "A", text), text.index("He denounced"), len(text))
    start = text.index("Lyon")
    (found,) = attributed("Who denounced the vote?", [Span(inner, start, start + 4, 1.0)])
    assert (found.text, found.margin) == ("Lyon", 1.0 - SAID)


def test_other_questions_leave_all_as_it_is() -> None:
    spans = [span(AYRAULT, "unacceptable"), span(AYRAULT, "Emmanuel Macron")]
    assert attributed("Who won the election?", spans) == spans
    assert attributed("What did Ayrault say?", []) == []


# ---- Of any text

PIECES = (
    "Ann Lee|Bob Hart|Ann|Lee's|he|she|the minister|a spokesman for Lee|said|says|told|called|warned|saying|"
    'according to|“|”|"|.|,|\n|:|;|(|)|and|but|who|that|in Paris|was|by|to|on|of|It rains|33'
).split("|")
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))
QUESTIONS = ("Who said that it rains?", "What did Ann Lee say?", "What does the minister think?", "Who won?")


@given(text=TEXTS)
def test_speech_lies_in_its_text(text: str) -> None:
    for speech in speakers(text):
        assert 0 <= speech.start < speech.end <= len(text)
        assert 0 <= speech.speaker[0] < speech.speaker[1] <= len(text)
        if speech.named:
            assert 0 <= speech.named[0] < speech.named[1] <= len(text)
        assert (speech.name is None) == (speech.named is None)


@given(
    text=TEXTS.filter(bool),
    question=st.sampled_from(QUESTIONS),
    places=st.lists(st.integers(0, 300), max_size=6),
)
def test_spans_lie_in_their_passages(text: str, question: str, places: list[int]) -> None:
    low = min(places, default=0) % len(text)
    inner = Passage(1, Article("a", "A", text), low, len(text))
    starts = [low + place % (len(text) - low) for place in places]
    spans = [Span(inner, start, min(len(text), start + 7), 1.0) for start in starts]
    found = attributed(question, spans)
    assert len(found) <= len(spans)
    for each in found:
        assert each.passage is inner
        assert inner.start <= each.start < each.end <= inner.end


def n_calls(work: Callable[[], object]) -> int:
    count = 0

    def counted(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "unit",
    [
        "“It is so,” said Ann Lee. “We go on. ",
        "“It is so,” he said, ",
        "he said and ",
        "“a ",
        "according to the head of ",
    ],
)
def test_the_work_grows_with_the_text(unit: str) -> None:
    short, long = unit * (25_000 // len(unit)), unit * (100_000 // len(unit))
    assert n_calls(lambda: speakers(long)) < 6 * n_calls(lambda: speakers(short))


def test_a_speaker_without_a_word_is_nobody() -> None:
    assert People("… said so.", [(0, 1)]).all() == People("Nobody here.", []).all()
    assert kind("... said so.", 0, 3) == "word"


@pytest.mark.data
def test_real_passages_are_held_to_their_speakers_without_a_fault() -> None:
    if not (root := os.environ.get("CITEWISE_DATA")):
        pytest.skip("CITEWISE_DATA is not set")
    for file in ("current_events", "digitalgov"):
        lines = (Path(root) / f"corpora/{file}.jsonl").read_text(encoding="utf-8").split("\n")
        for line in lines[:-1:12]:
            article = Article("a", "T", json.loads(line)["text"][:3000])
            where = Passage(1, article, 0, len(article.text))
            for question in ("What did Sara Smith say about it?", "Who said that it was a scandal?"):
                assert len(attributed(question, [Span(where, 0, 9, 1.0)])) <= 1
