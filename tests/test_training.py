"""How the reader is trained: what it learns from, the network, the loss, and a run that is cut short."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Encoding, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, Whitespace
from tokenizers.processors import RobertaProcessing

from rag.encoder import Encoder, Outputs
from rag.errors import CorpusError
from rag.metrics import holds
from rag.reader import SHIPPED, SIZES

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from training import __main__ as whole  # noqa: E402
from training import (  # noqa: E402
    calibrate,
    examples,
    excerpts,
    export,
    judge,
    lessons,
    net,
    questions,
    reader,
    shipped,
    taught,
)
from training.examples import Step  # noqa: E402
from training.lessons import Lesson  # noqa: E402
from training.loss import HARD, loss  # noqa: E402
from training.trim import trimmed  # noqa: E402

pytestmark = pytest.mark.models
TEXT = "The dam broke on Monday. The mayor of Lund, Eva Holm, blamed the rain."
OTHER = "The mayor of Ystad opened a school."
GOLD = (TEXT.index("Eva"), TEXT.index("Holm") + 4)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return examples.opened(Tokenizer.from_file(str(SHIPPED / "tokenizer.json")))


@pytest.fixture
def small() -> Any:
    """A network of two narrow layers, which has learned nothing."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        hidden_dropout_prob=0, attention_probs_dropout_prob=0,
    )  # fmt: skip
    return transformers.BertForQuestionAnswering(config).eval()


def lesson(n: int = 0) -> Lesson:
    return Lesson(f"q{n}", "new_wiki", "Who is the mayor of Lund?", [(TEXT, [GOLD])], [OTHER])


# ---- Questions


def qa_file(data: Path, file: str, rows: list[dict[str, Any]]) -> None:
    (data / "qa").mkdir(parents=True, exist_ok=True)
    path = data / f"qa/{file}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def row(id: str, question: str, context: str, *answers: str, title: str = "Lund") -> dict[str, Any]:
    golds = [{"text": answer, "start": context.index(answer)} for answer in answers]
    return {"id": id, "title": title, "question": question, "context": context, "answers": golds}


def test_an_answer_that_is_not_where_the_file_says_is_refused(tmp_path: Path) -> None:
    wrong = row("a", "Who?", TEXT) | {"answers": [{"text": "Eva Holm", "start": 3}]}
    qa_file(tmp_path, "qed", [row("b", "When?", TEXT, "Monday"), wrong])
    with pytest.raises(CorpusError, match=r"qed\.jsonl:2: the context has .*not 'Eva Holm', at 3"):
        questions.load(tmp_path, "qed")


def test_golds_are_slices_of_the_normalised_context(tmp_path: Path) -> None:
    context = "Cafe\u0301 Zürich\r\nopened on Monday."
    qa_file(tmp_path, "qed", [row("a", "When  did it\topen?", context, "Monday", "on Monday")])
    (found,) = questions.load(tmp_path, "qed")
    assert found.question == "When did it open?"
    assert found.answers == ("Monday", "on Monday")


@pytest.fixture(scope="module")
def data() -> Path:
    if not (root := os.environ.get("CITEWISE_DATA")):
        pytest.skip("CITEWISE_DATA is not set")
    return Path(root)


@pytest.mark.data
def test_the_parts_are_those_that_were_written_down(data: Path) -> None:
    assert questions.drawn(data) == json.loads(questions.SPLITS.read_text(encoding="utf-8"))
    for file, (n_test, n_dev) in questions.N_TITLES.items():
        parts = {
            part: {one.title for one in questions.of_part(data, file, part)}
            for part in ("train", "dev", "test")
        }
        assert (len(parts["test"]), len(parts["dev"])) == (n_test, n_dev)
        assert not (
            parts["train"] & parts["test"] or parts["train"] & parts["dev"] or parts["dev"] & parts["test"]
        )


@pytest.mark.data
@pytest.mark.parametrize("file", ["qed", "fairytaleqa"])
def test_no_context_is_in_two_parts(file: str, data: Path) -> None:
    seen: dict[str, str] = {}
    for one in questions.load(data, file):
        assert seen.setdefault(one.context, questions.part(one)) == questions.part(one)
    assert set(seen.values()) == {"train", "dev", "test"}


# ---- Lessons


def test_a_lesson_has_passages_that_answer_and_hard_ones_that_do_not(tmp_path: Path) -> None:
    others = [f"The mayor of town {n} blamed the rain for what broke there." for n in range(6)]
    rows = [row("a", "Whom did the rain ruin as mayor of Lund?", TEXT, "Eva Holm")]
    rows += [row(f"o{n}", f"What broke in town {n}?", other, "rain") for n, other in enumerate(others)]
    rows += [
        row("u", "What did the mayor of Lund sing?", TEXT),
        row("w", "What have I been having?", TEXT, "rain"),
    ]
    qa_file(tmp_path, "new_wiki", rows)
    made = {one.id: one for one in lessons.lessons(tmp_path, "new_wiki")}
    assert made["a"].positives[0] == (TEXT, [GOLD])
    for text, golds in made["a"].positives:
        assert [text[start:end] for start, end in golds] == ["Eva Holm"]
    assert made["a"].negatives
    assert not any(holds(text, ["Eva Holm"]) for text in made["a"].negatives)
    assert (made["u"].positives, made["u"].negatives[0]) == ([], TEXT)
    assert made["w"].positives[0][0] == TEXT  # a question without a word to search for


def test_nothing_of_a_test_title_is_learned_from(tmp_path: Path) -> None:
    kept = json.loads(questions.SPLITS.read_text(encoding="utf-8"))["new_wiki"]["test"][0]
    hidden = "A secret of the mayor of Lund: Eva Holm broke the dam."
    qa_file(
        tmp_path,
        "new_wiki",
        [
            row("a", "Who is the mayor of Lund?", TEXT, "Eva Holm"),
            row("t", "Who broke the dam?", hidden, "Eva", title=kept),
        ],
    )
    (made,) = lessons.lessons(tmp_path, "new_wiki")
    assert hidden not in json.dumps([made.positives, made.negatives])


def test_lessons_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(lessons, "lessons", lambda _, file: made.append(file) or [lesson()])
    for _ in range(2):
        lessons.write(tmp_path, tmp_path / "out")
    assert made == list(questions.FILES)
    assert lessons.read(tmp_path / "out")[0].positives == [[TEXT, [list(GOLD)]]]


# ---- Examples


def test_the_gold_tokens_are_those_of_the_answer(tokenizer: Tokenizer) -> None:
    text = examples.text(tokenizer, "Who?", TEXT, [GOLD])
    first, last = (int(text.gold[:, side].nonzero()[0][0]) for side in (0, 1))
    assert tokenizer.decode(text.ids[first : last + 1]) == "eva holm"
    assert text.may.sum() == len(tokenizer.encode(TEXT, add_special_tokens=False).ids)
    assert not text.may[0]


def test_an_answer_that_was_cut_off_counts_for_none(tokenizer: Tokenizer) -> None:
    long = "rain " * 500 + "Eva Holm"
    text = examples.text(tokenizer, "Who?", long, [(2500, 2508)])
    assert len(text.ids) == 384
    assert not text.gold.any()


def test_the_same_seed_gives_the_same_steps_from_any_on(tokenizer: Tokenizer) -> None:
    several = [lesson(n) for n in range(300)]
    some = list(islice(examples.steps(several, tokenizer, 1, 1024), 6))
    later = list(islice(examples.steps(several, tokenizer, 1, 1024, first=3), 3))
    assert [step.batch.ids.tolist() for step in some[3:]] == [step.batch.ids.tolist() for step in later]
    assert all(len(step.may) <= 1024 for step in some)


# ---- The network and its loss


def test_texts_in_a_row_are_read_as_transformers_reads_each_alone(small: Any) -> None:
    ids = [[101, 2040, 2003, 102, 1996, 3899, 102], [101, 2040, 102, 1996, 102]]
    types = [[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1]]
    with torch.inference_mode():
        found = net.logits(small, net.batch(ids, types)).split([7, 5])
        for one, text, kinds in zip(found, ids, types, strict=True):
            alone = small(input_ids=torch.tensor([text]), token_type_ids=torch.tensor([kinds]))
            assert torch.allclose(one[:, 0], alone.start_logits[0], atol=0.02)
            assert torch.allclose(one[:, 1], alone.end_logits[0], atol=0.02)


BASE = ["rain", "who", "eva", "holm", "is", "the", "mayor", "of", "lund", ".", "?", "##s"]


def spelled(marks: list[str], processor: Any) -> Tokenizer:
    words = [*marks, *BASE]
    made = Tokenizer(WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    made.post_processor = processor
    return made


CONTEXT = "The mayor of Lund is Eva Holm."


@pytest.fixture
def mpnet() -> Any:
    """Three narrow layers of the larger kind, which have learned nothing."""
    torch.manual_seed(0)
    config = transformers.MPNetConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
        hidden_dropout_prob=0, attention_probs_dropout_prob=0,
    )  # fmt: skip
    return transformers.MPNetForQuestionAnswering(config).eval()


def test_the_larger_kind_is_read_as_transformers_reads_it(mpnet: Any) -> None:
    torch.nn.init.normal_(mpnet.mpnet.encoder.relative_attention_bias.weight, std=2.0)
    ids = [[0, 2044, 2007, 2, 2, 2000, 3903, 2], [0, 2044, 2, 2, 2000, 2]]
    with torch.inference_mode():
        found = net.logits(mpnet, net.batch(ids, [[0] * len(text) for text in ids])).split([8, 6])
        for one, text in zip(found, ids, strict=True):
            alone = mpnet(input_ids=torch.tensor([text]))
            assert torch.allclose(one[:, 0], alone.start_logits[0], atol=0.02)
            assert torch.allclose(one[:, 1], alone.end_logits[0], atol=0.02)


def test_layers_that_are_frozen_stay_as_they_were(mpnet: Any, tmp_path: Path) -> None:
    mpnet.save_pretrained(tmp_path)
    model = net.fresh(tmp_path, 1, 2, 1)
    names = {name for name, _ in net.learned(model)}
    assert len(model.mpnet.encoder.layer) == model.config.num_hidden_layers == 2
    assert {name.split(".")[3] for name in names if "layer" in name} == {"1"}
    assert not any("embeddings" in name or "relative" in name for name in names)
    assert {"qa_outputs.weight", "qa_outputs.bias"} <= names


def test_what_no_text_reaches_is_left_out_and_the_rest_reads_as_before(mpnet: Any) -> None:
    words = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        "[PAD]",
        "[unused0]",
        "[UNK]",
        "[unused11]",
        "rain",
        "who",
        "<mask>",
    ]
    raw = Tokenizer(WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    raw.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    raw.pre_tokenizer = Whitespace()
    raw.add_special_tokens(["<mask>"])
    before = raw.encode("who", "rain <mask> rain snow")
    with torch.inference_mode():
        expected = mpnet(input_ids=torch.tensor([before.ids])).start_logits
        smaller = trimmed(mpnet, raw, 20)
        after = smaller.encode("who", "rain <mask> rain snow")
        assert after.tokens == before.tokens
        assert max(after.ids) == len(words) - 3
        assert torch.equal(mpnet(input_ids=torch.tensor([after.ids])).start_logits, expected)


def test_the_larger_kind_is_exported_without_types_of_tokens(mpnet: Any, tmp_path: Path) -> None:
    words = ["<s>", "<pad>", "</s>", "<unk>", "[PAD]", "[unused0]", "[UNK]", *BASE]
    spelt = spelled(words, RobertaProcessing(("</s>", 2), ("<s>", 0)))
    torch.nn.init.normal_(mpnet.mpnet.encoder.relative_attention_bias.weight, std=2.0)
    mpnet.save_pretrained(tmp_path / "float32")
    spelt.save(str(tmp_path / "float32" / "tokenizer.json"))
    export.export_reader(tmp_path / "float32", tmp_path / "int8")
    encoder = Encoder(tmp_path / "int8")
    encodings = [encoder.tokens("Who is the mayor?", CONTEXT), encoder.tokens("Who?", CONTEXT * 9)]
    for (start, _), one in zip(encoder.run(encodings), encodings, strict=True):
        ids = [spelt.token_to_id(token) for token in one.tokens]
        with torch.inference_mode():
            theirs = mpnet(torch.tensor([ids])).start_logits[0]
        assert len(start) == len(ids)
        assert np.corrcoef(start, theirs)[0, 1] > 0.9
    encoder.close()


def step(tokenizer: Tokenizer, *several: Lesson) -> Step:
    draw = random.Random(0)
    return examples.step([examples.group(one, tokenizer, draw) for one in several])


def test_a_question_with_one_text_has_the_usual_loss(tokenizer: Tokenizer) -> None:
    one = step(tokenizer, Lesson("q", "f", "Who?", [(TEXT, [GOLD])], []))
    logits = torch.randn(len(one.may), 2, generator=torch.Generator().manual_seed(0))
    open_to = one.may.clone()
    open_to[0] = True
    expected = [
        torch.nn.functional.cross_entropy(logits[open_to, side][None], one.gold[open_to, side].nonzero()[0])
        for side in (0, 1)
    ]
    assert loss(logits, one).item() == pytest.approx(float(sum(expected)) / 2, abs=1e-4)


def test_a_span_of_another_text_of_the_question_costs(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "BESIDE", 1.0)
    both = step(tokenizer, lesson())
    logits = torch.zeros(len(both.may), 2)
    logits[both.gold] = 10.0
    right = loss(logits, both).item()
    tempted = logits.clone()
    tempted[len(both.may) - 3] = 12.0  # a token of the text that does not answer
    assert right < 0.5 * loss(tempted, both).item()


def test_of_several_answers_any_is_right(tokenizer: Tokenizer) -> None:
    monday = (TEXT.index("Monday"), TEXT.index("Monday") + 6)
    one = step(tokenizer, Lesson("q", "f", "Who?", [(TEXT, [GOLD, monday])], []))
    logits = torch.zeros(len(one.may), 2)
    first = one.gold[:, 0].nonzero()[0], one.gold[:, 1].nonzero()[0]
    logits[first[0], 0] = logits[first[1], 1] = 20.0
    assert loss(logits, one).item() < 0.01


# ---- A teacher


class Teacher:
    """Reads with the tokens of the larger kind; its logits say where in the text each token is."""

    def __init__(self) -> None:
        self.tokenizer = examples.opened(Tokenizer.from_file(str(SIZES["accurate"] / "tokenizer.json")))
        self.asked = 0

    def tokens(self, question: str, text: str) -> Encoding:
        return self.tokenizer.encode(question, text)

    def run(self, encodings: Iterable[Encoding]) -> Iterator[Outputs]:
        for one in encodings:
            self.asked += 1
            yield tuple(np.array([place[side] for place in one.offsets], np.float32) for side in (0, 1))


@pytest.fixture
def teacher() -> Any:
    return Teacher()


def test_the_teachers_logits_stand_at_the_tokens_of_the_same_letters(
    tokenizer: Tokenizer, teacher: Any
) -> None:
    several = [lesson(n) for n in range(20)]
    for group in taught.read(several, tokenizer, teacher, random.Random(0)):
        for text in group:
            assert text.taught is not None
            assert len(text.taught) == len(text.ids)
            places = text.taught[text.may]
            assert (places[:, 1] > places[:, 0]).all()  # a token ends behind its beginning
            assert (np.diff(places[:, 0]) > 0).all()
            assert (text.taught[0] == 0).all()  # "not in this text", which has no place
            assert (text.taught[~text.may][1:] == taught.UNREAD).all()


def test_what_was_taught_is_kept_and_not_asked_again(
    tokenizer: Tokenizer, teacher: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taught, "AT_ONCE", 8)
    several = [lesson(n) for n in range(20)]
    taught.write(several, tokenizer, teacher, tmp_path)
    first, n_asked = taught.groups(tmp_path), teacher.asked
    (tmp_path / "001.npz").unlink()
    taught.write(several, tokenizer, teacher, tmp_path)
    again = taught.groups(tmp_path)
    assert len(first) == len(again) == 20
    assert n_asked < teacher.asked < 2 * n_asked
    for one, other in zip(first, again, strict=True):
        for text, same in zip(one, other, strict=True):
            assert np.array_equal(text.ids, same.ids) and np.array_equal(text.gold, same.gold)
            assert np.array_equal(text.taught, same.taught)


def test_files_that_nobody_asks_like_are_not_taught() -> None:
    several = [replace(lesson(n), file=file) for n in range(50) for file in ("new_wiki", "amazon")]
    assert {one.file for one in taught.chosen(several)} == {"new_wiki"}
    assert len(taught.chosen(several)) == 50


def test_the_pupil_loses_least_where_it_gives_what_the_teacher_does(tokenizer: Tokenizer) -> None:
    one = step(tokenizer, Lesson("q", "f", "Who?", [(TEXT, [GOLD])], [OTHER]))
    theirs = torch.randn(len(one.may), 2, generator=torch.Generator().manual_seed(0))
    ours = theirs.clone().requires_grad_()
    found = loss(ours, replace(one, taught=theirs)) - HARD * loss(ours, one)
    found.backward()
    assert ours.grad is not None and ours.grad.abs().max() < 1e-6
    other = torch.zeros(len(one.may), 2)
    assert loss(other, replace(one, taught=theirs)) - HARD * loss(other, one) > found


def test_the_pupil_is_compared_text_by_text_and_over_all_texts_of_a_question(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "BESIDE", 1.0)
    both = step(tokenizer, lesson())
    ours, theirs = torch.randn(2, len(both.may), 2, generator=torch.Generator().manual_seed(0))
    null, rows = both.batch.positions == 0, [both.batch.texts == n for n in (0, 1)]

    def crossed(one: Any, other: Any) -> float:
        return float(torch.nn.functional.cross_entropy(one.T, other.softmax(0).T))

    texts = [crossed(ours[row & (null | both.may)], theirs[row & (null | both.may)]) for row in rows]
    none = torch.zeros(1, 2)
    every = [
        torch.cat([none, *(logits[row & both.may] - logits[row & null] for row in rows)])
        for logits in (ours, theirs)
    ]
    expected = (sum(texts) / 2 + crossed(*every)) / 2
    found = loss(ours, replace(both, taught=theirs)) - HARD * loss(ours, both)
    assert float(found) == pytest.approx((1 - HARD) * expected, abs=1e-4)


def test_a_pupil_without_a_teacher_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as told:
        taught.groups(tmp_path)
    assert "training.taught" in told.value.hint


def test_a_pupil_goes_on_from_the_float_weights_where_they_are(tmp_path: Path) -> None:
    assert reader._source("taught", tmp_path) == SIZES["fast"]
    (tmp_path / "reader").mkdir()
    assert reader._source("taught", tmp_path) == tmp_path / "reader"


def test_what_ships_can_learn_further(tokenizer: Tokenizer) -> None:
    network, encoder = shipped.learner(SHIPPED), Encoder(SHIPPED)
    read = encoder.tokens("Who is the mayor of Lund?", TEXT)
    with torch.inference_mode():
        found = net.logits(network, net.batch([read.ids], [read.type_ids]))
    for side, expected in enumerate(next(iter(encoder.run([read])))):
        assert np.corrcoef(found[:, side].numpy(), expected)[0, 1] > 0.98
    encoder.close()
    assert reader.begun(replace(TRY, taught=True), SHIPPED).model.qa_outputs.weight.requires_grad


# ---- A run


TRY = reader.Recipe("reader", 2, None, 6, 8192, 2e-4, 0.04, (5, 6))


def run_of(small: Any) -> reader.Run:
    return reader.Run(
        small, torch.optim.AdamW(reader._parts(small), lr=TRY.peak, betas=(0.9, 0.98), fused=True)
    )


def test_a_run_that_was_killed_ends_as_one_that_was_not(
    small: Any, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = [lesson(n) for n in range(200)]
    monkeypatch.setattr(reader, "begun", lambda *_: run_of(copy.deepcopy(small)))
    monkeypatch.setattr(reader, "SAVE_S", -1.0)
    whole, cut = reader.begun(TRY, tmp_path), tmp_path / "run.safetensors"
    reader.train(whole, examples.steps(several, tokenizer, 1, 8192), TRY, tmp_path / "whole.safetensors")
    with pytest.raises(StopIteration):
        first = islice(examples.steps(several, tokenizer, 1, 8192), 5)
        reader.train(reader.begun(TRY, tmp_path), first, TRY, cut)
    again = reader.resumed(cut, TRY, tmp_path)
    assert (again.done, again.n_mean) == (5, 1)
    reader.train(again, examples.steps(several, tokenizer, 1, 8192, again.done), TRY, cut)
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert whole.n_mean == again.n_mean == 2
    assert all(torch.equal(whole.mean[name], again.mean[name]) for name in whole.mean)


def test_one_command_makes_both_readers_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    for module in (reader, export, taught, calibrate, excerpts):
        monkeypatch.setattr(module, "main", lambda argv, name=module.__name__: asked.append([name, *argv]))
    whole.main(["data", str(tmp_path)])
    assert [[row[0].removeprefix("training."), row[-1]] for row in asked if row[0] != "training.export"] == [
        ["reader", "fast"], ["reader", "accurate"], ["taught", str(tmp_path)], ["reader", "taught"],
        ["calibrate", "fast"], ["excerpts", "fast"], ["calibrate", "accurate"], ["excerpts", "accurate"],
    ]  # fmt: skip
    assert [row[2:4] for row in (asked[2], asked[5])] == [
        [str(tmp_path / "reader_accurate"), str(SIZES["accurate"])],
        [str(tmp_path / "reader_taught"), str(SHIPPED)],
    ]


def test_the_mean_is_of_the_weights_as_they_were(small: Any) -> None:
    run = run_of(small)
    for value in (1.0, 2.0, 6.0):
        for parameter in run.model.parameters():
            parameter.data.fill_(value)
        reader.averaged(run)
    assert all(torch.allclose(tensor, torch.tensor(3.0)) for tensor in run.mean.values())


def test_the_rate_rises_and_falls_to_nothing() -> None:
    recipe = replace(TRY, n_steps=100)
    rates = [reader.rate(recipe, n) for n in range(100)]
    assert max(rates) == pytest.approx(TRY.peak, rel=0.3)
    assert rates.index(max(rates)) <= 5
    assert rates[-1] == pytest.approx(TRY.peak / 96)


# ---- Judging


def test_no_answer_is_right_where_there_is_none(tokenizer: Tokenizer) -> None:
    asked = [
        questions.Question("a", "f", "", "Who?", TEXT, (GOLD,)),
        questions.Question("b", "f", "", "Who sang?", TEXT, ()),
    ]

    def read(encodings: Any) -> Any:
        for n, encoding in enumerate(encodings):
            text = examples.text(tokenizer, "Who?" if not n else "Who sang?", TEXT, [GOLD])
            row = torch.zeros(len(encoding.ids), 2)
            row[torch.from_numpy(text.gold)] = 5.0
            row[0] = 9.0 * n
            yield row[:, 0].numpy(), row[:, 1].numpy()

    found = judge.spans(asked, tokenizer, read)
    assert judge.figures(asked, found) == {"em": 1.0, "f1": 1.0, "auroc": 1.0}
    assert judge.figures(asked[:1], found[:1]) == {"em": 1.0, "f1": 1.0}
