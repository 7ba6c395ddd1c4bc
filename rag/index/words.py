"""words/: the words of an index as a tantivy index, a cache of articles.db, for BM25 search.

Words are lower-cased, accents folded, English endings stemmed. The stamp that says which change the cache
reaches is a document of its own in the same commit, since a tantivy commit carries no payload.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tantivy

from rag.errors import IndexDamaged, IndexFault
from rag.index.truth import Reach

Text = tuple[int, str, str]
"""A passage's id, the title of its article, its text."""

NOWHERE = Reach("", 0, 0)  # what an index in memory reaches
_HEAP_BYTES = 32 << 20  # of a writer; tantivy asks for at least 15 MB a thread
_LONGEST = 60  # bytes of UTF-8; a longer run is no word that anyone types
N_HELD = 2_000  # passages of a word that are named
_FEW = (
    5_000  # passages that a filter leaves: so few are named to tantivy, of more those not meant are dropped
)
_MEND = "It is a cache: the next citewise index makes it again."
_SPARE = 64  # hits beyond those asked for: dead ones are dropped and ties are put in order
_STAMP_ID = 0  # passages count from 1

# Words that questions are asked with, and that say nothing of what is asked; already folded.
STOP_WORDS = (
    "a about after all also am an and any are as at be been before being but by can could did do does doing "
    "during for from get had has have having he her here hers him his how i if in into is it its itself just "
    "me more most much my no nor not now of off on once only or other our ours out over please s she should "
    "so some such t tell than that the their theirs them then there these they this those through to too "
    "under up very was we were what when where which while who whom whose why will with would you your yours"
).split()


def terms(question: str) -> list[str]:
    """Return the distinct stemmed words of a question, in order, without those it is merely asked with."""
    return list(dict.fromkeys(_QUESTION.analyze(question)))


def analysed(text: str) -> list[str]:
    """Return the stemmed words of an article's text, in order, as they are indexed."""
    return list(_ARTICLE.analyze(text))


def as_written(question: str) -> list[tuple[str, str]]:
    """Return the words of ``terms`` as they are written in a question, each with its stem, in order."""
    found: dict[str, str] = {}
    for word in _SPLIT.analyze(_CONTRACTED.sub(" ", question)):
        for stem in _QUESTION.analyze(word):
            found.setdefault(stem, word)
    return [(word, stem) for stem, word in found.items()]


class WordIndex:
    """Searches words; ``folder`` is None for one that is in memory alone."""

    def __init__(self, index: Any, folder: Path | None = None) -> None:
        self.folder = folder
        self.inode = folder.stat().st_ino if folder else None
        self.reach = NOWHERE
        self._index = index
        self._index.register_tokenizer("words", _ARTICLE)
        self._index.config_reader("manual")
        self._searcher = index.searcher()

    def again(self) -> WordIndex:
        """Return the same index as it is on disk now; this one goes on searching what it held."""
        self._index.reload()
        return WordIndex(self._index, self.folder)

    def add(self, texts: Iterable[Text], dead: Iterable[int] = (), reach: Reach | None = None) -> None:
        """Add passages, drop others and move the stamp, in one commit; then search what it holds."""
        with _guarded(self.folder):
            writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
            for id in dead:
                writer.delete_documents_by_term("id", id)
            for id, title, text in texts:
                writer.add_document(_document(id, text=(title, text)))
            if reach:
                writer.delete_documents_by_term("id", _STAMP_ID)
                writer.add_document(_document(_STAMP_ID, stamp=(json.dumps(asdict(reach)),)))
            writer.commit()
            writer.wait_merging_threads()
            if self.folder:
                _share(self.folder)
            self._index.reload()
            self._searcher = self._index.searcher()
            self.reach = reach or self.reach

    def search(
        self, words: list[str], k: int, only: Collection[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return (id, BM25 score) of the best ``k`` passages with any of ``words``, ties by id.

        ``only`` filters ids.
        """
        if not words or k < 1:
            return []
        should = [(tantivy.Occur.Should, tantivy.Query.term_query(_SCHEMA, "text", word)) for word in words]
        query, wanted = tantivy.Query.boolean_query(should), k + _SPARE
        if only is not None and len(only) <= _FEW:
            among = tantivy.Query.term_set_query(_SCHEMA, "id", sorted(only))
            unscored = tantivy.Query.const_score_query(among, 0.0)
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, unscored), (tantivy.Occur.Must, query)])
        while True:
            found = self._found(query, wanted)
            scored = [hit for hit in found if only is None or hit[0] in only]
            if len(found) < wanted or (len(scored) > k and scored[k - 1][1] > found[-1][1]):
                return sorted(scored, key=lambda hit: (-hit[1], hit[0]))[:k]
            wanted *= 4  # too few pass, or the last ones tie with the k-th: others may, with lower ids

    def holders(self, word: str) -> tuple[list[int], int]:
        """Return ids of passages that have a stemmed word, ``N_HELD`` at most, and how many passages have it."""
        query, searcher = tantivy.Query.term_query(_SCHEMA, "text", word), self._searcher
        with _guarded(self.folder):
            n = searcher.doc_freq("text", word)  # those that went with the last commits may be among them
            if not n:
                return [], 0
            found = searcher.search(query, N_HELD, count=False, order_by_field="id").hits
        return [id for id, _ in found], n if len(found) == N_HELD else len(found)

    def ids(self, above: int = 0, upto: int | None = None) -> list[int]:
        """Return the ids of the passages held, ascending, for checking against the truth.

        Only those over ``above`` and not over ``upto``, if it is given.
        """
        integer = tantivy.FieldType.Integer
        wanted = tantivy.Query.range_query(_SCHEMA, "id", integer, above, upto, include_lower=False)
        return sorted(id for id, _ in self._found(wanted, max(1, self._searcher.num_docs)))

    def stamp(self) -> Reach:
        """Return what the cache says of itself."""
        with _guarded(self.folder):
            hits = self._searcher.search(_with_id(_STAMP_ID), 2).hits
            if len(hits) != 1:
                raise ValueError(f"it has {len(hits)} stamps")
            return Reach(**json.loads(self._searcher.doc(hits[0][1])["stamp"][0]))

    def _found(self, query: Any, limit: int) -> list[tuple[int, float]]:
        searcher = self._searcher  # one and the same: another thread may add meanwhile
        with _guarded(self.folder):
            hits = searcher.search(query, limit, count=False).hits
            ids = [int(id) for id in searcher.fast_field_values("id", [address for _, address in hits])]
        return [(id, score) for id, (score, _) in zip(ids, hits, strict=True)]


def load(folder: Path, old: WordIndex | None = None) -> WordIndex:
    """Open the words index in ``folder``; raise IndexDamaged when it cannot be read.

    What is open of ``old`` is used again where it is the same folder: each opening starts a thread that lingers.
    """
    if not folder.is_dir():
        raise IndexDamaged(f"{folder} is missing", _MEND)
    with _guarded(folder), _open_to_us(folder) as path:
        is_same = old is not None and path == folder and old.inode == folder.stat().st_ino
        index = old.again() if old and is_same else WordIndex(tantivy.Index.open(str(path)), folder)
    index.reach = index.stamp()
    return index


def check_sum(folder: Path) -> None:
    """Compare every byte of the segments with the sums that tantivy wrote at their ends.

    Raises:
        IndexDamaged: they differ.
    """
    with _guarded(folder):
        for path in _segment_files(folder):
            with suppress(FileNotFoundError):  # the writer has merged it with others meanwhile
                data = path.read_bytes()
                end = len(data) - 8  # a JSON footer, its length in 4 bytes, 4 bytes of magic
                start = end - int.from_bytes(data[end : end + 4], "little")
                if zlib.crc32(data[:start]) != json.loads(data[start:end])["crc"]:
                    raise ValueError(f"{path.name} has changed since it was written")


def create(folder: Path, texts: Iterable[Text], reach: Reach) -> WordIndex:
    """Make a words index anew in ``folder``, whatever was there, and open it."""
    with _guarded(folder):
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.unlink(missing_ok=True)
        folder.mkdir(exist_ok=True)
        index = WordIndex(tantivy.Index(_SCHEMA, path=str(folder)), folder)
    index.add(texts, reach=reach)
    return index


def in_memory(texts: Iterable[Text]) -> WordIndex:
    """Return a words index of these passages that leaves nothing on disk."""
    index = WordIndex(tantivy.Index(_SCHEMA))
    index.add(texts)
    return index


def _segment_files(folder: Path) -> list[Path]:
    """Return the files that the last commit is made of."""
    files: list[Path] = []
    for segment in json.loads((folder / "meta.json").read_text())["segments"]:
        name, deletes = segment["segment_id"].replace("-", ""), segment["deletes"] or {}
        files += (path for path in folder.glob(f"{name}.*") if path.suffix != ".del")
        files += folder.glob(f"{name}.{deletes.get('opstamp')}.del")
    return files


@contextmanager
def _open_to_us(folder: Path) -> Iterator[Path]:
    """Give the folder, or a copy if it may not be written: even to read, tantivy makes lock files.

    What has been opened in the copy stays open when its name is gone.
    """
    if os.access(folder, os.W_OK):
        yield folder
        return
    with TemporaryDirectory(prefix="citewise-", ignore_cleanup_errors=True) as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.lock"))
        yield Path(copy)


def _share(folder: Path) -> None:
    """Let everyone read who may read the folder: tantivy makes its JSON files for their owner alone."""
    for name in ("meta.json", ".managed.json"):
        (folder / name).chmod(folder.stat().st_mode & 0o666)


def _with_id(id: int) -> Any:
    return tantivy.Query.term_query(_SCHEMA, "id", id)


def _document(id: int, text: Iterable[str] = (), stamp: Iterable[str] = ()) -> Any:
    document = tantivy.Document()
    document.add_integer("id", id)
    for value in text:
        document.add_text("text", value)
    for value in stamp:
        document.add_text("stamp", value)
    return document


def _analyzer(longest: int, *extra: Any) -> Any:
    """``longest`` is in bytes of UTF-8; what is longer is left out."""
    steps = (
        tantivy.Filter.remove_long(longest),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        *extra,
    )
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (*steps, tantivy.Filter.stemmer("english")):
        builder = builder.filter(step)
    return builder.build()


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", stored=True, indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name="words", index_option="freq")
    builder.add_text_field("stamp", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


# What is short for a word that questions are merely asked with: didn't whole, and the ends of they're and we'll.
_CONTRACTED = re.compile("\\b[a-z]+n['’]t\\b|['’](?:re|ve|ll|d|m)\\b", re.IGNORECASE)
_SPLIT = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).build()  # as those below do, before all else
_ARTICLE = _analyzer(_LONGEST)
_QUESTION = _analyzer(1 << 16, tantivy.Filter.custom_stopword(STOP_WORDS))  # Chinese has no spaces
_SCHEMA = _schema()


@contextmanager
def _guarded(folder: Path | None) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError) as error:
        if "StorageFull" in str(error) or "No space left" in str(error):
            raise IndexFault(f"{folder}: the disk is full", "Free some space and run it again.") from error
        raise IndexDamaged(f"{folder} cannot be read: {str(error)[:200]}", _MEND) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what tantivy raises on damage; it is no Exception
            raise
        raise IndexDamaged(f"{folder} cannot be read: {str(error)[:200]}", _MEND) from error
