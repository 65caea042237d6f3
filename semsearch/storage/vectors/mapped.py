"""Approximate search: PQ codes find candidates, which are re-scored by their vectors on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...float16 import to_float32
from ...types import Ranking
from .files import SegmentArrays
from .flat import FlatIndex, isin, top_k
from .pq import PQScanner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...types import Ids, Vectors
    from .flat import Float16Array

__all__ = ["MappedIndex", "Rescoring", "pays_to_scan_codes"]

MIN_SCANNED_VECTORS = 100_000
"""Vectors in files with codes from which on scanning codes pays: read into memory, they are 50 MB, 3 ms a search."""


@dataclass(frozen=True, slots=True)
class Rescoring:
    """How many vectors are re-scored.

    Args:
        least: Vectors that are re-scored at least: those with the nearest codes.
        factor: At least so many times ``k`` are re-scored.
        filtered: If a filter leaves at most so many vectors of a file, all of these are scored, without codes.
    """

    least: int = 1000
    factor: int = 10
    filtered: int = 8192


def pays_to_scan_codes(files: Iterable[SegmentArrays]) -> bool:
    """Return whether ``files`` hold so many vectors with codes that searching by codes pays."""
    return sum(file.count for file in files if file.coded) >= MIN_SCANNED_VECTORS


class _Segment:
    """One file, and the scanner of its codes."""

    def __init__(self, arrays: SegmentArrays) -> None:
        self.arrays = arrays
        self.first = int(arrays.ids[0])
        self.last = int(arrays.ids[-1])

    @cached_property
    def scanner(self) -> PQScanner:
        """The scanner, created by the first search: that reads all codes."""
        assert self.arrays.codebook is not None
        assert self.arrays.codes is not None
        return PQScanner(self.arrays.vectors.shape[1], self.arrays.codebook, self.arrays.codes)


class MappedIndex:
    """Searches segments with PQ codes by these, and other vectors in memory exactly.

    Only the vectors with the nearest codes are re-scored, so a near one can be missed. What is found has its exact
    score, the same as in ``FlatIndex``.
    """

    def __init__(self, dim: int, rescoring: Rescoring | None = None) -> None:
        self.in_memory = FlatIndex(dim)
        self._rescoring = rescoring or Rescoring()
        self._segments: list[_Segment] = []
        self._removed: Ids = np.empty(0, np.int64)  # ids in the segments that were removed, ascending

    def copy(self) -> MappedIndex:
        """Return an index of its own with the same vectors; segments are shared."""
        copied = MappedIndex(self.dim, self._rescoring)
        copied.in_memory = self.in_memory.copy()
        copied._segments = list(self._segments)
        copied._removed = self._removed
        return copied

    @property
    def dim(self) -> int:
        return self.in_memory.dim

    @property
    def ids(self) -> Ids:
        """All ids, ascending; shape ``(n,)``."""
        in_segments = np.concatenate([np.empty(0, np.int64), *(segment.arrays.ids for segment in self._segments)])
        live = in_segments[~isin(in_segments, self._removed)]
        return np.sort(np.concatenate([self.in_memory.ids, live]), kind="stable")

    def __len__(self) -> int:
        in_segments = sum(segment.arrays.count for segment in self._segments)
        return len(self.in_memory) + in_segments - len(self._removed)

    def set_segments(self, segments: Sequence[SegmentArrays]) -> None:
        """Replace the segments that are searched by their codes; nothing of them is removed any more.

        Args:
            segments: Segments with codes. No id is in two of them, or in memory.
        """
        known = {id(segment.arrays): segment for segment in self._segments}
        self._segments = [known.get(id(arrays)) or _Segment(arrays) for arrays in segments]
        self._removed = np.empty(0, np.int64)

    def add(self, ids: Ids, vectors: Vectors | Float16Array) -> None:
        """Add vectors in memory; see ``FlatIndex.add``."""
        self.in_memory.add(ids, vectors)
        self._remove_from_segments(ids)

    def remove(self, ids: Ids) -> int:
        """Remove ``ids``, and return how many of them were there."""
        return self.in_memory.remove(ids) + self._remove_from_segments(ids)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]:
        """Return the best ``k`` for each query as ``(id, inner product)``, or nearly these; ties by id.

        Args:
            queries: Shape ``(n, dim)``.
            k: How many; fewer are returned if there are fewer.
            allowed: The only ids that may be found; None means all.

        Raises:
            ValueError: The queries have another dimension.
        """
        found = self.search_arrays(queries, k, allowed)
        return [list(zip(ids.tolist(), scores.tolist(), strict=True)) for ids, scores in found]

    def search_arrays(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[Ids, Vectors]]:
        """Return ``search`` as arrays: for each query ids ``(m,)`` and scores ``(m,)``."""
        found = self.in_memory.search_arrays(queries, k, allowed)
        if not self._segments or k < 1:
            return found
        ascending = None if allowed is None else np.unique(allowed)
        count = max(self._rescoring.least, self._rescoring.factor * k)
        rankings = []
        for (exact_ids, exact_scores), query in zip(found, np.ascontiguousarray(queries, np.float32), strict=True):
            ids, scores = self._rescored(query, count, ascending)
            rankings.append(top_k(np.concatenate([exact_ids, ids]), np.concatenate([exact_scores, scores]), k))
        return rankings

    def get(self, ids: Ids) -> Vectors:
        """Return the vectors of ``ids`` in their order, ``(n, dim)`` float32.

        Raises:
            KeyError: An id is unknown; the first one is named.
        """
        ids = np.asarray(ids, np.int64)
        found = self.in_memory.has(ids)
        vectors = np.empty((len(ids), self.dim), np.float16)
        if found.any():
            vectors[found] = self.in_memory.get(ids[found])
        for segment, places, rows in self._located(ids):
            vectors[places] = segment.arrays.vectors.take(rows, axis=0)
            found[places] = True
        if not found.all():
            raise KeyError(int(ids[~found][0]))
        return to_float32(vectors)

    def has(self, ids: Ids) -> NDArray[np.bool_]:
        """Return which of ``ids`` are in the index."""
        found = self.in_memory.has(ids)
        for _, places, _ in self._located(ids):
            found[places] = True
        return found

    def _rescored(self, query: Vectors, count: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """Return at least ``count`` vectors of the segments, those with the nearest codes, with exact scores."""
        candidates = [self._candidates(segment, query, count, allowed) for segment in self._segments]
        # Candidates with an infinite score were not found by their codes: they are re-scored in any case, and do not
        # take the place of others.
        estimates = np.concatenate([scores[np.isfinite(scores)] for _, scores in candidates])
        threshold = -np.inf
        if len(estimates) > count:
            threshold = np.partition(estimates, len(estimates) - count)[len(estimates) - count]
        ids = []
        vectors = []
        for segment, (rows, scores) in zip(self._segments, candidates, strict=True):
            best_rows = np.sort(rows[scores >= threshold])
            ids.append(segment.arrays.ids[best_rows])
            vectors.append(segment.arrays.vectors.take(best_rows, axis=0))
        index = FlatIndex.of(np.concatenate(ids), np.concatenate(vectors))
        return index.search_arrays(query[None], len(index))[0]

    def _candidates(self, segment: _Segment, query: Vectors, count: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """Return at least ``count`` live and allowed rows of a segment with near codes, and their estimated scores.

        If few rows are allowed, all of them are returned with an infinite score.
        """
        arrays = segment.arrays
        allowed_rows = None
        wanted = count
        if allowed is not None:
            first = np.searchsorted(allowed, segment.first)
            last = np.searchsorted(allowed, segment.last, "right")
            allowed_here = allowed[first:last]
            rows, here = arrays.rows(allowed_here)
            allowed_rows = rows[here & ~isin(allowed_here, self._removed)]
            if len(allowed_rows) <= max(self._rescoring.filtered, count):
                return allowed_rows, np.full(len(allowed_rows), np.inf, np.float32)
            wanted = count * arrays.count // len(allowed_rows)
        while True:
            rows, scores = segment.scanner.nearest(query, wanted)
            if allowed_rows is None and not len(self._removed):
                return rows, scores
            kept = ~isin(arrays.ids[rows], self._removed) if allowed_rows is None else isin(rows, allowed_rows)
            if kept.sum() >= count or wanted >= arrays.count:
                return rows[kept], scores[kept]
            wanted *= 4

    def _located(self, ids: Ids) -> Iterator[tuple[_Segment, Ids, Ids]]:
        """Yield each segment with the places in ``ids`` of those that it holds, and their rows in it."""
        for segment in self._segments:
            places = np.flatnonzero((ids >= segment.first) & (ids <= segment.last))
            if len(places):
                rows, here = segment.arrays.rows(ids[places])
                here &= ~isin(ids[places], self._removed)
                yield segment, places[here], rows[here]

    def _remove_from_segments(self, ids: Ids) -> int:
        """Remove ``ids`` as far as segments hold them, and return how many were there."""
        before = len(self._removed)
        if self._segments:
            ids = np.asarray(ids, np.int64)
            in_segments = np.zeros(len(ids), np.bool_)
            for segment in self._segments:
                in_segments |= segment.arrays.rows(ids)[1]
            self._removed = np.union1d(self._removed, ids[in_segments])
        return len(self._removed) - before
