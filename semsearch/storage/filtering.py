"""The stored articles and passages that a filter lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..filters import Filter
from ..paths import absolute, globs_below, is_pattern, literal_glob
from .tables import Store
from .vectors import expand_ranges

if TYPE_CHECKING:
    from ..types import Ids

__all__ = ["filtered_articles", "filtered_passages", "source_globs"]


def filtered_passages(store: Store, filters: Filter) -> Ids | None:
    """Return the ids of the passages that pass, ascending, shape (n,); ``None`` if all do."""
    if filters.passes_all:
        return None
    globs = source_globs(store, filters.source)
    ranges = store.select_passages(globs, filters.since, filters.until)
    bounds = np.array(ranges, np.int64).reshape(-1, 2)
    return expand_ranges(bounds[:, 0], bounds[:, 1] + 1)


def filtered_articles(store: Store, filters: Filter) -> list[int]:
    """Return the ids of the articles that pass, ascending."""
    return store.select(source_globs(store, filters.source), filters.since, filters.until)


def source_globs(store: Store, source: str | None) -> list[str]:
    """Return the GLOBs of SQLite that ``Filter.source`` stands for; none if it is ``None``.

    A name is tried as it was given and as a path in the current folder; if the index knows neither, it is a pattern
    or a part of a path or URL.
    """
    if source is None:
        return []
    path = absolute(source)
    for name in (source, path):
        if store.sources_like(globs_below(name), 1):
            return globs_below(name)
    return [source, path] if is_pattern(source) else [f"*{literal_glob(source)}*"]
