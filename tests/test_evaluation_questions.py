"""Files of questions: what is read of them, and how each that is no good is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rag.domain import Exchange
from rag.errors import QuestionsFault
from rag.evaluation import values
from rag.evaluation.questions import contexts, load
from rag.evaluation.record import Evidence, Question

HOME = Path(__file__).parent.parent
FULL = {
    "id": 7,
    "question": "Who is afraid?",
    "answers": ["Merkel", "Angela Merkel", "Merkel"],
    "articles": ["a.md"],
    "evidence": [{"article": "b.md", "start": 3, "end": 9}],
    "answerable": True,
    "kind": "who",
    "history": ["Who spoke?", ["What did he say?", "Nothing."], {"question": "And she?", "answer": "No."}],
    "paraphrase": False,
}


def written(tmp_path: Path, *lines: object) -> Path:
    path = tmp_path / "q.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def squad(tmp_path: Path, *paragraphs: object, indent: int | None = None) -> Path:
    path = tmp_path / "squad.json"
    file = {"version": "1.1", "data": [{"title": "The_Rain", "paragraphs": list(paragraphs)}]}
    path.write_text(json.dumps(file, indent=indent), encoding="utf-8")
    return path


def asked(id: str, answer: str, start: int, **more: object) -> dict[str, object]:
    answers = [{"text": answer, "answer_start": start}] if answer else []
    return {"id": id, "question": f"What of {id}?", "answers": answers, **more}


def test_a_line_is_a_question_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    assert load(written(tmp_path, FULL)) == [
        Question(
            "7",
            "Who is afraid?",
            ("Merkel", "Angela Merkel"),
            ("a.md",),
            (Evidence("b.md", 3, 9),),
            True,
            "who",
            (Exchange("Who spoke?"), Exchange("What did he say?", "Nothing."), Exchange("And she?", "No.")),
        )
    ]


def test_all_but_the_question_may_be_left_out_or_null(tmp_path: Path) -> None:
    empty = dict.fromkeys(("id", "answers", "articles", "evidence", "answerable", "kind", "history"))
    found = load(written(tmp_path, {"question": "Why?"}, "  ", {"question": "How?", **empty}))
    assert found == [Question("line 1", "Why?"), Question("line 3", "How?")]


def test_a_turn_counts_as_it_was_searched_for(tmp_path: Path) -> None:
    turn = {"question": "And he?", "standalone": "Where was Mandela?", "articles": ["x"]}
    (question,) = load(written(tmp_path, {"question": "Why?", "history": [turn]}))
    assert question.history == (Exchange("Where was Mandela?"),)


def test_texts_have_the_form_that_articles_have(tmp_path: Path) -> None:
    line = {"question": "Un cafe\u0301?\ud800", "answers": ["cafe\u0301"], "articles": ["cafe\u0301.md"]}
    (question,) = load(written(tmp_path, line))
    assert question.question == "Un café?\ufffd"
    assert (question.answers, question.articles) == (("café",), ("café.md",))


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"question": "Why?"}\r\n{"question": "Who?"}\r\n')
    assert [question.question for question in load(str(path))] == ["Why?", "Who?"]


def test_the_shipped_questions_can_be_read() -> None:
    found = load(HOME / "corpus" / "questions.jsonl")
    lines = (HOME / "corpus" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(found) == len(lines)
    assert all(question.answers for question in found if question.answerable)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"id": "a"}, "q.jsonl:2: has no question"),
        ({"question": " "}, "q.jsonl:2: question is empty"),
        ({"question": 7}, "q.jsonl:2: question is a number ('7'), expected a text"),
        ({"question": "x", "id": [1]}, "q.jsonl:2: id is a list, expected a text"),
        ({"question": "x", "answers": "y"}, "q.jsonl:2: answers is a text ('y'), expected a list"),
        ({"question": "x", "answers": [3]}, "q.jsonl:2: answers[0] is a number ('3'), expected a text"),
        ({"question": "x", "answer": "y"}, "q.jsonl:2: has answer, and no answers"),
        ({"question": "x", "article": "y"}, "q.jsonl:2: has article, and no articles"),
        ({"text": "x"}, "q.jsonl:2: has text, and no question"),
        ({"question": "x", "answerable": "no"}, "answerable is a text ('no'), expected true or false"),
        ({"question": "x", "answerable": False, "answers": ["y"]}, "is not answerable, and has an answer"),
        ({"question": "x", "evidence": [{"article": "a"}]}, "q.jsonl:2: evidence[0] has no start"),
        ({"question": "x", "evidence": [{"article": "a", "start": 3, "end": 3}]}, "evidence[0] is 3 to 3"),
        ({"question": "x", "evidence": [{"article": "a", "start": -1, "end": 3}]}, "evidence[0] is -1 to 3"),
        ({"question": "x", "evidence": [{"article": "a", "start": True, "end": 3}]}, "expected a whole"),
        ({"question": "x", "evidence": ["words"]}, "evidence[0] is a text ('words'), expected an object"),
        ({"question": "x", "history": [["a", "b", "c"]]}, "history[0] has 3 texts, expected 2"),
        ({"question": "x", "history": [{"answer": "a"}]}, "history[0] has no question"),
        ({"question": "x", "id": "first"}, "q.jsonl:2: has the id 'first', as"),
        ("[1, 2]", "q.jsonl:2: is a list, expected an object"),
        ("nonsense", "q.jsonl:2: is not JSON: Expecting value, at character 1"),
        ('{"question": "x",}', "q.jsonl:2: is not JSON"),
        ('{"question": NaN}', "q.jsonl:2: has a number that is none: NaN"),
        ('{"question": "x", "id": ' + "9" * 5000 + "}", "q.jsonl:2: has a number that is none"),
        ('{"question": ' + "[" * 100_000, "q.jsonl:2: is JSON that is nested too deeply"),
    ],
)
def test_a_line_that_is_no_good_is_named_with_what_is_wrong(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(QuestionsFault) as raised:
        load(written(tmp_path, {"question": "Good?", "id": "first"}, line))
    message = raised.value.message
    assert said in message
    assert raised.value.hint
    assert "\n" not in message and len(message) < 300


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "q.jsonl: is empty"),
        (b" \n\n", "q.jsonl: is empty"),
        (b'{"question": "x"}\n\xff\xfe', "q.jsonl:2: is not UTF-8"),
        (b"id,question\n1,Who?\n", "is neither lines of JSON nor SQuAD's JSON"),
        (b'[{"question": "x"}]', "q.jsonl: is one list of JSON"),
        (b'{\n "question": "x"\n}', "q.jsonl:1: is not JSON"),
        (b'{"data": 3}', "data is a number ('3'), expected a list"),
        (b'{"data": []}', "q.jsonl: has no question"),
        (b'{"data": [\n{"title": ]}', "q.jsonl:2: is not JSON"),
    ],
)
def test_a_file_that_is_no_good_is_refused(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(raw)
    with pytest.raises(QuestionsFault) as raised:
        load(path)
    assert said in raised.value.message
    assert raised.value.hint


def test_a_line_may_speak_of_data(tmp_path: Path) -> None:
    lines = [{"question": 'What is "data"?', "data": 1}, {"question": "Why?"}]
    assert len(load(written(tmp_path, *lines))) == 2


def test_what_is_no_file_or_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(QuestionsFault, match="No such file"):
        load(tmp_path / "none.jsonl")
    with pytest.raises(QuestionsFault, match="is no file"):
        load(tmp_path)
    with (tmp_path / "large.jsonl").open("wb") as file:
        file.truncate(1 << 30)  # a hole: it takes no room
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("was read"))
    with pytest.raises(QuestionsFault, match="has 1,073,741,824 bytes, at most 209,715,200"):
        load(tmp_path / "large.jsonl")
    assert values.MAX_BYTES == 209_715_200


# ---- SQuAD


def test_a_context_is_an_article_and_an_answer_is_evidence_in_it(tmp_path: Path) -> None:
    first = {"context": "Rain fell on Paris.", "qas": [asked("a", "Paris", 13), asked("b", "Rain", 0)]}
    second = {"context": "Snow fell.", "qas": [asked("c", "", 0, is_impossible=True)]}
    path = squad(tmp_path, first, second)
    articles = contexts(path)
    assert [(one.id, one.title, one.text) for one in articles] == [
        ("The Rain 1", "The Rain", "Rain fell on Paris."),
        ("The Rain 2", "The Rain", "Snow fell."),
    ]
    place = Evidence("The Rain 1", 13, 18)
    assert load(path) == [
        Question("a", "What of a?", ("Paris",), ("The Rain 1",), (place,), True),
        Question("b", "What of b?", ("Rain",), ("The Rain 1",), (Evidence("The Rain 1", 0, 4),), True),
        Question("c", "What of c?", answerable=False),
    ]
    assert load(squad(tmp_path, first, second, indent=1)) == load(path)


def test_a_context_that_comes_twice_is_one_article(tmp_path: Path) -> None:
    one = {"context": "Rain fell.", "qas": [asked("a", "Rain", 0)]}
    other = {"context": " Rain fell.", "qas": [asked("b", "Rain", 1)]}
    path = squad(tmp_path, one, other)
    assert len(contexts(path)) == 1
    assert [question.evidence for question in load(path)] == [(Evidence("The Rain 1", 0, 4),)] * 2


def test_titles_that_come_twice_make_different_ids(tmp_path: Path) -> None:
    part = {"title": "Rain", "paragraphs": [{"context": "One.", "qas": []}]}
    again = {"title": "Rain", "paragraphs": [{"context": "Two.", "qas": [asked("a", "Two", 0)]}]}
    path = tmp_path / "q.json"
    path.write_text(json.dumps({"data": [part, again]}))
    assert [article.id for article in contexts(path)] == ["Rain 1", "Rain 1-2"]
    assert load(path)[0].articles == ("Rain 1-2",)


def test_evidence_counts_in_the_text_as_it_is_indexed(tmp_path: Path) -> None:
    raw = " \r\n Cafe\u0301 Paris\r\nrain in Paris."
    place = raw.rindex("Paris")
    path = squad(tmp_path, {"context": raw, "qas": [asked("a", "Paris", place)]})
    (article,), (question,) = contexts(path), load(path)
    assert article.text == "Café Paris\nrain in Paris."
    (where,) = question.evidence
    assert where.start == article.text.rindex("Paris")
    assert article.text[where.start : where.end] == "Paris"


def test_an_answer_is_looked_for_around_a_place_that_is_a_little_off(tmp_path: Path) -> None:
    text = "Paris. Rain fell on Paris."
    path = squad(tmp_path, {"context": text, "qas": [asked("a", "Paris", 22), asked("b", "Paris", -1)]})
    assert [question.evidence[0].start for question in load(path)] == [20, 0]


@pytest.mark.parametrize(
    ("paragraph", "said"),
    [
        (
            {"context": "Rain.", "qas": [asked("a", "Snow", 0)]},
            "qas[0].answers[0] is 'Snow', which its context",
        ),
        ({"context": "Rain."}, "data[0].paragraphs[0] has no qas"),
        ({"qas": []}, "data[0].paragraphs[0] has no context"),
        ({"context": "", "qas": []}, "data[0].paragraphs[0].context is empty"),
        ({"context": "Rain.", "qas": [{"question": "x"}]}, "qas[0] has no id"),
        ({"context": "Rain.", "qas": [asked("a", "Rain", 0, is_impossible=True)]}, "is impossible, and has"),
        (
            {"context": "Rain.", "qas": [asked("a", "Rain", 0), asked("a", "Rain", 0)]},
            "squad.json: data[0].paragraphs[0].qas[1]: has the id 'a', as",
        ),
    ],
)
def test_what_is_wrong_in_squad_is_named_by_its_path(tmp_path: Path, paragraph: object, said: str) -> None:
    with pytest.raises(QuestionsFault) as raised:
        load(squad(tmp_path, paragraph))
    assert said in raised.value.message
    assert raised.value.hint


@pytest.mark.data
def test_real_questions_of_squad_point_at_their_answers(tmp_path: Path) -> None:
    if "CITEWISE_DATA" not in os.environ:
        pytest.skip("needs CITEWISE_DATA")
    rows = (Path(os.environ["CITEWISE_DATA"]) / "qa" / "squad2_half.jsonl").read_text(encoding="utf-8")
    paragraphs: dict[str, list[object]] = {}
    for row in map(json.loads, rows.splitlines()[:1500]):
        answers = [{"text": one["text"], "answer_start": one["start"]} for one in row["answers"]]
        question = {"id": row["id"], "question": row["question"], "is_impossible": not answers}
        paragraphs.setdefault(row["context"], []).append({**question, "answers": answers})
    path = squad(tmp_path, *({"context": text, "qas": qas} for text, qas in paragraphs.items()))
    texts = {article.id: article.text for article in contexts(path)}
    found = load(path)
    assert len(found) == 1500 and len(texts) == len(paragraphs)
    for question in found:
        said = {texts[place.article][place.start : place.end] for place in question.evidence}
        assert said <= set(question.answers) and bool(said) == question.answerable


def test_lines_have_no_contexts(tmp_path: Path) -> None:
    with pytest.raises(QuestionsFault, match="has no contexts"):
        contexts(written(tmp_path, {"question": "Why?"}))
