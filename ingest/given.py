"""What a run was given: files and folders, and addresses on the network, which are fetched when that is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.addresses import without_credentials
from ingest.plan import is_foreign, is_url
from ingest.read import Failure, Source
from rag.errors import CorpusError


@dataclass(slots=True)
class Given:
    """Files and folders, addresses, and what was ``fetched`` or ``failed`` of these."""

    files: list[Path]
    urls: list[str]
    fetched: list[Source] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    @classmethod
    def of(cls, paths: Sequence[str | Path], *, allow_network: bool) -> Given:
        """Return what ``paths`` are.

        Raises:
            CorpusError: one is an address, and the network is not allowed, or it is of a kind that is not read.
        """
        refuse_foreign(paths)
        urls = list(dict.fromkeys(path for path in paths if is_url(path)))
        if urls and not allow_network:
            raise CorpusError(
                str(urls[0]), "is on the network, which is not used unasked", "Add --allow-network."
            )
        return cls([Path(path) for path in paths if not is_url(path)], list(map(str, urls)))

    @property
    def shown(self) -> str:
        """All of it, as the user named it."""
        return ", ".join([*map(str, self.files), *self.urls])

    def fetch(self, index: Path) -> None:
        """Fetch what is on the network, under the writer lock; what fails is a complaint, and its articles stay.

        The id of an article that was fetched is its address.
        """
        if not self.urls:
            return
        from ingest.fetch import fetched

        for copy in fetched(self.urls, index):
            if copy.path is None:
                self.failed.append(Failure(copy.url, copy.failure))
                continue
            path = copy.path.resolve()
            size = path.stat().st_size
            self.fetched.append(Source(str(path.parent), path, copy.url, size, copy.url, named=True))


def refuse_foreign(paths: Sequence[str | Path]) -> None:
    """Raise CorpusError for an address that is neither http nor https."""
    for path in paths:
        if is_foreign(path):
            raise CorpusError(
                without_credentials(str(path)),
                "an address of a kind that is not read",
                "Give an address that begins with https:// or http://, or the path of a file or folder.",
            )
