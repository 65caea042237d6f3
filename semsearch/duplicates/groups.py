"""Articles that say the same, over the whole index: read through once, then compared where there is reason to."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..filters import Filter
from ..reports import Progress
from ..storage import Store
from ..storage.filtering import filtered_articles
from ..types import Article, Duplicate, Duplicates
from .overlap import FINGERPRINTS, Overlap, Words, fingerprints, key, overlap, repeated, said, stars

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BOILERPLATE", "duplicates"]

BOILERPLATE = 100
"""A sentence in more articles than this is left out, unless an article consists of little else."""

OWN = 0.25
"""So much of an article must be left without such sentences; of what is copied that often, all counts."""

BATCH = 20_000
"""So many sentences are hashed at once."""


def duplicates(store: Store, filters: Filter, share: float, progress: Progress) -> list[Duplicates]:
    """The groups, the largest first. Call it inside a snapshot; ``share`` is in 0..1, not 0.

    It needs some 150 bytes of memory for each sentence, and the texts of the groups that it returns. Raises UsageError
    for another share.
    """
    if not 0 < share <= 1:
        raise UsageError(f"The share of common sentences lies above 0 and is at most 1, not at {share:g}.")
    sketch = _Sketch(store, filtered_articles(store, filters), progress)
    compared: dict[tuple[int, int], Overlap] = {}

    @lru_cache(maxsize=64)
    def sentences(row: int) -> list[Words]:
        return [words for words in _said(store, store.article(sketch.ids[row])) if sketch.counts(row, words)]

    def shared(row: int, centre: int) -> float:
        both = compared[row, centre] = overlap(sentences(row), sentences(centre))
        return (both.same + both.near[0]) / int(sketch.words[row])

    groups: dict[int, list[int]] = {}
    for row, centre in stars(sketch.texts(progress), share, shared).items():
        groups.setdefault(centre, []).append(row)
    for row in sketch.unsaid():
        groups[row] = [row]  # too short to compare, it may stand in several places
    found = []
    for centre, rows in groups.items():
        if len(rows) > 1 or sketch.places[centre] > 1:
            members = [
                _member(store.article(sketch.ids[row]), compared.get((row, centre)), sketch.words[[row, centre]])
                for row in rows
            ]
            members.sort(key=lambda item: _age(item.article))
            found.append(Duplicates(tuple(members), sketch.ids[centre]))
    found.sort(key=lambda group: (-group.places, -len(group.members), _age(group.original)))
    return found


def _member(article: Article, both: Overlap | None, words: NDArray[np.int64]) -> Duplicate:
    if both is None:  # the longest, compared with itself
        return Duplicate(article, 1.0, 1.0, 1.0)
    own, longest = words.tolist()
    return Duplicate(article, (both.same + both.near[0]) / own, both.same / own, (both.same + both.near[1]) / longest)


def _age(article: Article) -> tuple[bool, str, str]:
    """What orders articles by date, those without one last."""
    return article.date is None, article.date.isoformat() if article.date else "", min(article.sources)


def _said(store: Store, article: Article) -> list[Words]:
    return said(article.text, [span for passage in store.passages(article) for span in passage.sentences])


def _among(values: NDArray[np.uint32], ordered: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which of ``values``, shape (n,), stand in ``ordered``, ascending; shape (n,)."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    found: NDArray[np.bool_] = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


class _Sketch:
    """What is kept of every article: of each sentence a key, its fingerprints and how many words it has."""

    def __init__(self, store: Store, ids: Sequence[int], progress: Progress) -> None:
        self.ids = ids
        self.places: list[int] = []
        self._ages: list[tuple[bool, str, str]] = []
        keys, counts, words = array("Q"), array("I"), array("I")
        marks: list[NDArray[np.uint32]] = []
        waiting: list[Words] = []
        for done, id_ in enumerate(ids):
            progress("reading", done, len(ids))
            article = store.article(id_)
            self.places.append(len(article.sources))
            self._ages.append(_age(article))
            sentences = Counter(_said(store, article))
            counts.append(len(sentences))
            for sentence, times in sentences.items():
                keys.append(key(sentence))
                words.append(len(sentence) * times)
            waiting += sentences
            if len(waiting) >= BATCH:
                marks.append(fingerprints(waiting))
                waiting = []
        progress("reading", len(ids), len(ids))
        marks.append(fingerprints(waiting))
        self._marks = np.concatenate(marks)
        self._sizes = np.frombuffer(words, np.uint32) if words else np.empty(0, np.uint32)
        self._owner = np.repeat(np.arange(len(ids)), np.frombuffer(counts, np.uint32) if counts else 0)
        self._leave_out(np.frombuffer(keys, np.uint64) if keys else np.empty(0, np.uint64))

    def _leave_out(self, keys: NDArray[np.uint64]) -> None:
        values, articles = np.unique(keys, return_counts=True)
        common = values[articles > BOILERPLATE]
        self._common = frozenset(common.tolist())
        own = ~np.isin(keys, common)
        whole, left = self._sum(np.ones(len(keys), bool)), self._sum(own)
        self._kept_whole = left < OWN * whole
        self._counted = own | self._kept_whole[self._owner]
        self.words = self._sum(self._counted)

    def _sum(self, which: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Words of the sentences ``which``, by article."""
        sums = np.bincount(self._owner[which], self._sizes[which], len(self.ids))
        return sums.astype(np.int64)

    def counts(self, row: int, sentence: Words) -> bool:
        """Whether a sentence of an article is compared."""
        return not self._common or bool(self._kept_whole[row]) or key(sentence) not in self._common

    def unsaid(self) -> list[int]:
        """Articles that have nothing to compare."""
        return np.flatnonzero(self.words == 0).tolist()

    def texts(self, progress: Progress) -> Iterator[tuple[int, dict[int, float]]]:
        """As ``stars`` wants them. A fingerprint that stands nowhere else is left out."""
        counted = self._counted
        owner, marks, sizes = self._owner[counted], self._marks[counted], self._sizes[counted]
        shared = repeated(marks)
        edges = np.searchsorted(owner, np.arange(len(self.ids) + 1))
        rows = [row for row in range(len(self.ids)) if self.words[row]]
        rows.sort(key=lambda row: (-self.words[row], self._ages[row]))
        for done, row in enumerate(rows):
            progress("comparing", done, len(rows))
            here = slice(edges[row], edges[row + 1])
            flat = marks[here].ravel()
            met = _among(flat, shared)
            weights = np.repeat(sizes[here] / (FINGERPRINTS * self.words[row]), FINGERPRINTS)
            told: dict[int, float] = {}
            for mark, weight in zip(flat[met].tolist(), weights[met].tolist(), strict=True):
                told[mark] = told.get(mark, 0.0) + weight
            yield row, told
        progress("comparing", len(rows), len(rows))
