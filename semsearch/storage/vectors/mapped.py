"""Vectors where they lie on the disk, found by their codes; recent ones in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...float16 import to_float32
from ...types import Ranking
from .files import SegmentFile
from .flat import FlatIndex, among, best
from .pq import PQScanner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...types import Ids, Vectors
    from .flat import Float16Array

__all__ = ["MappedIndex", "pays_to_scan_codes"]

NEAR = 1000
"""So many vectors at least, those with the nearest codes, are compared themselves ..."""

TIMES = 10
"""... and at least so many times as many as are wanted."""

FEW = 8192
"""So many vectors of one file, the rest being filtered out, are compared without looking at their codes."""


MIN_SCANNED_VECTORS = 100_000
"""Vectors in files with codes from which on scanning codes pays: read into memory, they are 50 MB, 3 ms a search."""


def pays_to_scan_codes(files: Iterable[SegmentFile]) -> bool:
    """Return whether ``files`` hold so many vectors with codes that searching by codes pays."""
    return sum(file.count for file in files if file.coded) >= MIN_SCANNED_VECTORS


class _Part:
    """One file."""

    def __init__(self, file: SegmentFile) -> None:
        self.file = file
        self.first, self.last = int(file.ids[0]), int(file.ids[-1])

    @cached_property
    def scanner(self) -> PQScanner:
        """Made with the first search: it reads all codes."""
        assert self.file.codebook is not None
        assert self.file.codes is not None
        return PQScanner(self.file.vectors.shape[1], self.file.codebook, self.file.codes)


class MappedIndex:
    """Searches files with codes; what is added besides is in memory and compared exactly.

    Of the files' vectors only those are compared that have the codes nearest to the question: a near one can be
    missed, but what is found has its exact score, the same as in ``FlatIndex``.
    """

    def __init__(self, dim: int) -> None:
        self.recent = FlatIndex(dim)
        self._parts: list[_Part] = []
        self._gone: Ids = np.empty(0, np.int64)  # ids that the files hold and that were removed, ascending

    def copy(self) -> MappedIndex:
        """Return an index of its own with the same vectors; files are shared."""
        copied = MappedIndex(self.dim)
        copied.recent = self.recent.copy()
        copied._parts = list(self._parts)
        copied._gone = self._gone
        return copied

    @property
    def dim(self) -> int:
        return self.recent.dim

    @property
    def ids(self) -> Ids:
        """All ids, ascending; shape (n,)."""
        there = np.concatenate([np.empty(0, np.int64), *(part.file.ids for part in self._parts)])
        return np.sort(np.concatenate([self.recent.ids, there[~among(there, self._gone)]]), kind="stable")

    def __len__(self) -> int:
        return len(self.recent) + sum(part.file.count for part in self._parts) - len(self._gone)

    def place(self, files: Sequence[SegmentFile]) -> None:
        """The files searched from now on, all of each: with codes, of this dimension, no id in two or in memory."""
        known = {id(part.file): part for part in self._parts}
        self._parts = [known.get(id(file)) or _Part(file) for file in files]
        self._gone = np.empty(0, np.int64)

    def add(self, ids: Ids, vectors: Vectors | Float16Array) -> None:
        """As in ``FlatIndex``: into memory."""
        self.recent.add(ids, vectors)
        self._bury(ids)

    def remove(self, ids: Ids) -> int:
        """Removes ``ids``; those not there are passed over. Returns how many went."""
        return self.recent.remove(ids) + self._bury(ids)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]:
        """For each row of ``queries`` (n, dim) its best ``k`` as (id, inner product), or nearly those; ties by id.

        Fewer than ``k`` where fewer are there or in ``allowed`` (ids; None: all). Raises ValueError for
        another dimension.
        """
        return [list(zip(ids.tolist(), scores.tolist(), strict=True)) for ids, scores in self.near(queries, k, allowed)]

    def near(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[Ids, Vectors]]:
        """``search`` as arrays: for each row its ids, and their scores."""
        found = self.recent.near(queries, k, allowed)
        if not self._parts or k < 1:
            return found
        only = None if allowed is None else np.unique(allowed)
        wanted = max(NEAR, TIMES * k)
        rankings = []
        for (recent, known), query in zip(found, np.ascontiguousarray(queries, np.float32), strict=True):
            ids, scores = self._compared(query, wanted, only)
            rankings.append(best(np.concatenate([recent, ids]), np.concatenate([known, scores]), k))
        return rankings

    def get(self, ids: Ids) -> Vectors:
        """The vectors of ``ids`` in their order, (n, dim) float32. Raises KeyError naming the first unknown id."""
        ids = np.asarray(ids, np.int64)
        there = self.recent.has(ids)
        halves = np.empty((len(ids), self.dim), np.float16)
        if there.any():
            halves[there] = self.recent.get(ids[there])
        for part, places, rows in self._located(ids):
            halves[places] = part.file.vectors.take(rows, axis=0)
            there[places] = True
        if not there.all():
            raise KeyError(int(ids[~there][0]))
        return to_float32(halves)

    def has(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of ``ids`` are here."""
        there = self.recent.has(ids)
        for _, places, _ in self._located(ids):
            there[places] = True
        return there

    # ---------------------------------------------------------------------------------------

    def _compared(self, query: Vectors, wanted: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """Of the files ``wanted`` vectors at least, those with the nearest codes, and what they score."""
        found = [self._near(part, query, wanted, allowed) for part in self._parts]
        # Those whose codes nobody looked at are compared in any case, and take nobody's place.
        about = np.concatenate([scores[np.isfinite(scores)] for _, scores in found])
        least = -np.inf
        if len(about) > wanted:
            least = np.partition(about, len(about) - wanted)[len(about) - wanted]
        chosen = [(part.file, np.sort(rows[of >= least])) for part, (rows, of) in zip(self._parts, found, strict=True)]
        ids = np.concatenate([file.ids[rows] for file, rows in chosen])
        vectors = np.concatenate([file.vectors.take(rows, axis=0) for file, rows in chosen])
        return FlatIndex.of(ids, vectors).near(query[None], len(ids))[0]

    def _near(self, part: _Part, query: Vectors, wanted: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """At least ``wanted`` rows of a file with near codes, all allowed and none gone; about what they score.

        Plus infinity for all that are allowed, where these are few.
        """
        count, asked, possible = part.file.count, wanted, None
        if allowed is not None:
            some = slice(np.searchsorted(allowed, part.first), np.searchsorted(allowed, part.last, "right"))
            rows, there = part.file.rows(allowed[some])
            possible = rows[there & ~among(allowed[some], self._gone)]
            if len(possible) <= max(FEW, wanted):
                return possible, np.full(len(possible), np.inf, np.float32)
            asked = wanted * count // len(possible)
        while True:
            rows, scores = part.scanner.near(query, asked)
            if possible is None and not len(self._gone):
                return rows, scores
            kept = ~among(part.file.ids[rows], self._gone) if possible is None else among(rows, possible)
            if kept.sum() >= wanted or asked >= count:
                return rows[kept], scores[kept]
            asked *= 4

    def _located(self, ids: Ids) -> Iterator[tuple[_Part, Ids, Ids]]:
        """For each file the places in ``ids`` of those that it holds, and their rows there."""
        for part in self._parts:
            places = np.flatnonzero((ids >= part.first) & (ids <= part.last))
            if len(places):
                rows, there = part.file.rows(ids[places])
                there &= ~among(ids[places], self._gone)
                yield part, places[there], rows[there]

    def _in_files(self, ids: Ids) -> NDArray[np.bool_]:
        there = np.zeros(len(ids), np.bool_)
        for part in self._parts:
            there |= part.file.rows(ids)[1]
        return there

    def _bury(self, ids: Ids) -> int:
        """Notes that ``ids`` are gone from the files; how many went."""
        before = len(self._gone)
        if self._parts:
            ids = np.asarray(ids, np.int64)
            self._gone = np.union1d(self._gone, ids[self._in_files(ids)])
        return len(self._gone) - before
