"""What a repair could not keep, counted, so that nobody takes an index that lost articles for a healthy one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag.errors import IndexDamaged
from rag.index import folder


@dataclass(slots=True)
class Losses:
    """How many articles went, of how many, and whether there may have been more that nothing tells of."""

    n_gone: int = 0
    n_before: int | None = None
    may_be_more: bool = False

    def dropped(self, n: int, before: int) -> None:
        """Count articles that contradicted themselves, of so many."""
        self.n_gone += n
        self.n_before = before if self.n_before is None else self.n_before

    def unsaved(self, n_kept: int, n_named: int, recorded: str) -> None:
        """Count what was not saved: by the number that the index ``recorded``, and by the names that are left."""
        if self.n_before is None and recorded.isdecimal():
            self.n_before = int(recorded)
        self.may_be_more |= self.n_before is None
        self.n_gone = max(self.n_gone + n_named, (self.n_before or 0) - n_kept)

    def tell(self, index: Path) -> None:
        """Raise IndexDamaged, which says what is lost and what to do, unless all is there."""
        if self.may_be_more:
            known = f" ({self.n_gone:,} that are known of are gone)" if self.n_gone else ""
            lost = f"may have lost articles: how many there were cannot be told{known}"
        else:
            lost = f"has lost {self.n_gone:,} of {self.n_before or 0:,} articles"
        if self.n_gone or self.may_be_more:
            raise IndexDamaged(
                f"{index} is mended, and {lost}",
                f"Index the files again, which brings back what is lost: {folder.indexing(index)}",
            )
