"""The figures behind the page's two charts, as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

N_SOURCES = 6  # told apart by colour; the others are one
MAX_BARS = 60  # months; a longer time is shown by year
OTHERS = "other sources"
UNNAMED = "no source"


def articles_by_time(months: Sequence[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Return (month or year, source, articles), oldest first, of (month, source, articles); "" is undated."""
    dated = [month for month, _, _ in months if month]
    by_year = len(set(dated)) > MAX_BARS
    sizes: Counter[str] = Counter()
    for _, source, n in months:
        sizes[source or UNNAMED] += n
    named = {source for source, _ in sizes.most_common(N_SOURCES)}
    bars: Counter[tuple[str, str]] = Counter()
    for month, source, n in months:
        name = source or UNNAMED
        bars[(month[:4] if by_year else month) or "undated", name if name in named else OTHERS] += n
    return [(when, source, n) for (when, source), n in sorted(bars.items())]
