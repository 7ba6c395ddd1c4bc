"""An index made again beside itself: the old one serves meanwhile, and a rebuild that was killed goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest import embedding, sync
from ingest.plan import Plan
from ingest.progress import Bar
from ingest.sync import Summary
from rag.index import folder
from rag.store import Store
from rag.upkeep import doctor
from tests.fakes import LetterEmbedder
from tests.test_sync import Killed, Place, killing

HOME = Path(__file__).parent.parent
N = 150


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An index of many small articles, made by another embedder than the one that is used from here on."""
    made = Place(tmp_path)
    made.lines("many.jsonl", *({"id": n, "text": f"Number {n} is a number."} for n in range(N)))
    made.sync()
    made.embedder = LetterEmbedder()
    made.embedder.name = "letters-2"
    return made


def rebuilt(place: Place, **options: Any) -> Summary:
    return place.sync(rebuild=True, **options)


def cut_short(place: Place, after: int, **options: Any) -> None:
    with pytest.raises(Killed):
        rebuilt(place, watcher=killing(after), **options)


def generations(place: Place) -> list[str]:
    return [path.name for path in folder.generations(place.index)]


@pytest.mark.parametrize("after", [1, 100, N])
def test_a_rebuild_that_was_killed_goes_on_where_it_stopped(place: Place, after: int) -> None:
    cut_short(place, after)
    assert folder.live(place.index).name == "gen-1"
    done = rebuilt(place, resume=True)
    assert (done.unchanged, done.articles) == (N, N)
    assert len(place.embedder.embedded) == done.passages_embedded == N - after
    assert folder.live(place.index).name == "gen-2"
    assert list(doctor.faults(place.index)) == []
    assert place.sync().unchanged == N


def test_without_resume_it_is_made_afresh(place: Place) -> None:
    cut_short(place, 100)
    rebuilt(place)
    assert len(place.embedder.embedded) == N
    assert len(place.articles()) == N
    assert list(doctor.faults(place.index)) == []


def test_one_of_another_shape_or_of_another_state_is_not_gone_on_with(place: Place) -> None:
    cut_short(place, 100)
    place.embedder.name = "letters-3"
    rebuilt(place, resume=True)
    assert len(place.embedder.embedded) == N
    place.embedder.name = "letters-4"
    cut_short(place, 100)
    place.embedder.name = "letters-3"
    place.lines("more.jsonl", {"id": 1, "text": "One more."})
    place.sync()
    place.embedder.name = "letters-4"
    rebuilt(place, resume=True)
    assert len(place.embedder.embedded) == N + 1
    assert list(doctor.faults(place.index)) == []


def test_another_run_leaves_it_alone_and_says_that_it_is_there(place: Place) -> None:
    cut_short(place, 100)
    place.embedder.name = "letters"
    (note,) = place.sync().notes
    assert "--resume" in note
    assert "gen-2" in note
    assert generations(place) == ["gen-1", "gen-2"]
    place.embedder.name = "letters-2"
    rebuilt(place, resume=True)
    assert len(place.embedder.embedded) == N - 100
    assert place.sync().notes == ()


def test_resume_alone_goes_on_with_a_rebuild_and_without_one_is_a_run_like_another(place: Place) -> None:
    cut_short(place, 100)
    place.sync(resume=True)
    assert len(place.embedder.embedded) == N - 100
    assert place.sync(resume=True).unchanged == N
    assert folder.live(place.index).name == "gen-2"


def test_a_reader_is_served_the_old_state_until_the_new_one_is_whole(place: Place) -> None:
    with Store(place.index) as store:
        seen: set[int] = set()

        class Looking(sync.Silence):
            def stored(self, n_chars: int, n_passages: int) -> None:
                store.refresh()
                seen.add(len(store.matching("number", N + 1)))

        place.embedder.name = "letters"  # a reader of another embedder's is refused after the swap
        sync.index([place.corpus], place.index, place.embedder, 20, rebuild=True, watcher=Looking())
        assert seen == {N}
        store.refresh()
        assert store.status().generation == "gen-2"
        assert len(store.matching("number", N + 1)) == N


def test_what_was_killed_before_it_had_tables_is_no_hindrance(place: Place) -> None:
    (place.index / "gen-2").mkdir()
    rebuilt(place, resume=True)
    assert folder.live(place.index).name == "gen-3"
    assert "gen-2" not in generations(place)


CHILD = """
import os, signal, sys
from pathlib import Path
from ingest import sync
from tests.fakes import LetterEmbedder
from tests.test_sync import TOKENS

class Killing(sync.Silence):
    n_left = int(sys.argv[3])
    def stored(self, n_chars, n_passages):
        self.n_left -= 1
        if not self.n_left:
            os.kill(os.getpid(), signal.SIGKILL)

embedder = LetterEmbedder()
embedder.name = sys.argv[4]
sync.index([Path(sys.argv[1])], sys.argv[2], embedder, TOKENS, rebuild=sys.argv[5] == "rebuild", watcher=Killing())
"""


@pytest.mark.parametrize(("what", "after"), [("rebuild", 70), ("run", 70), ("run", embedding.GROUP)])
def test_after_a_kill_the_next_run_embeds_only_the_rest(place: Place, what: str, after: int) -> None:
    if what == "run":
        place.lines("more.jsonl", *({"id": n, "text": f"Line {n} is a line."} for n in range(N)))
        place.embedder.name = "letters"
    child = [sys.executable, "-c", CHILD, str(place.corpus), str(place.index), str(after)]
    done = subprocess.run([*child, place.embedder.name, what], cwd=HOME, check=False)
    assert done.returncode == -signal.SIGKILL
    place.sync(rebuild=what == "rebuild", resume=what == "rebuild")
    assert len(place.embedder.embedded) == N - after
    assert list(doctor.faults(place.index)) == []


def test_the_watcher_is_told_how_much_a_rebuild_has_to_do(place: Place) -> None:
    told: list[tuple[int, int]] = []

    class Listening(sync.Silence):
        def planned(self, plan: Plan) -> None:
            told.append((plan.n_again, plan.unchanged))

    cut_short(place, 30)
    rebuilt(place, resume=True, watcher=Listening())
    assert told == [(N - 30, 0), (0, N)]


def test_the_bar_of_a_rebuild_counts_articles_and_the_next_is_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said: list[str] = []
    bar = Bar(said.append)
    bar.planned(Plan(n_again=2))
    bar.stored(5000, 3)
    bar.stored(5000, 3)
    bar.planned(Plan(unchanged=2))
    bar.close()
    assert "2 articles are embedded again" in said[0]
    assert "2 unchanged" in said[1]
    assert "100% |" in (drawn := capsys.readouterr().err)
    assert "2/2 articles" in drawn
