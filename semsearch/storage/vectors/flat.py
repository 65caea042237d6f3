"""Every vector in memory, and every one compared: exact search with FAISS."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from ...float16 import to_float32
from ...types import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...types import Ids, Vectors

    Float16Array = NDArray[np.float16]  # shape (n, dim)

__all__ = ["NONE", "FlatIndex", "among", "best", "checked", "set_threads"]

NONE: tuple[Ids, Vectors] = (np.empty(0, np.int64), np.empty(0, np.float32))
"""Nothing found: no ids, no scores."""


def among(ids: Ids, others: Ids) -> NDArray[np.bool_]:
    """Which of ``ids`` are in ``others``: ``np.isin``, which would import numpy.ma (a tenth of a cold start)."""
    return _in_sorted(ids, np.sort(others, kind="stable"))  # quick where they are sorted already, as most are


def best(ids: Ids, scores: Vectors, k: int) -> tuple[Ids, Vectors]:
    """The ``k`` of ``ids`` with the highest scores, ties by id, and the scores."""
    places = np.lexsort((ids, -scores))[:k]
    return ids[places], scores[places]


class FlatIndex:
    """Every vector compared: exact over vectors kept as float16, deterministic.

    Vectors are rounded to float16 as in the segment files, sums are made in float32; that halves the
    memory and the time, and a vector scores the same before and after it went through a file. A
    question's scores depend neither on what else is asked in the same call nor on ``allowed``.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise ValueError(f"a vector index needs a dimension of at least 1, not {dim}")
        # Row i of the FAISS index has the id _ids[i]: an id of any size costs nothing, a filter by ids is
        # a bitmap over rows. For look-ups _sorted holds the ids ascending, and _order their rows (None: they
        # ascend already, as they do after most updates); both are made when needed.
        self._index = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._ids: Ids = np.empty(0, np.int64)
        self._sorted: Ids | None = None
        self._order: Ids | None = None

    @classmethod
    def of(cls, ids: Ids, vectors: Float16Array) -> FlatIndex:
        """Vectors (n, dim) out of files, under ids that are all different."""
        made = cls(vectors.shape[1])
        made._index.add_sa_codes(np.ascontiguousarray(vectors).view(np.uint8))
        made._ids = ids
        return made

    def copy(self) -> FlatIndex:
        """Return an index of its own with the same vectors."""
        copied = FlatIndex(self.dim)
        index: Any = faiss.clone_index(self._index)
        copied._index = index
        copied._ids = self._ids
        return copied

    @property
    def dim(self) -> int:
        return int(self._index.d)

    @property
    def ids(self) -> Ids:
        """All ids, ascending; shape (n,), read-only."""
        if self._sorted is None:
            ascend = bool((self._ids[1:] > self._ids[:-1]).all())
            self._order = None if ascend else np.argsort(self._ids, kind="stable")
            self._sorted = self._ids.view() if self._order is None else self._ids[self._order]
            self._sorted.flags.writeable = False
        return self._sorted

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Vectors | Float16Array) -> None:
        """Adds ``vectors`` (n, dim) under ``ids`` (n,); an id already there is replaced, the last of a batch wins.

        Raises ValueError for another dimension, another number of ids, or numbers that are not finite;
        then nothing is added.
        """
        ids, halves = checked(ids, vectors, self.dim)
        backwards, first = np.unique(ids[::-1], return_index=True)
        if len(first) < len(ids):
            ids, halves = backwards, np.ascontiguousarray(halves[::-1][first])
        self.remove(ids)
        if len(ids):
            self._index.add_sa_codes(halves.view(np.uint8))
        self._ids, self._sorted = np.concatenate([self._ids, ids]), None

    def remove(self, ids: Ids) -> int:
        """Removes ``ids``; those not there are passed over. Returns how many went."""
        gone = among(self._ids, ids)
        if not gone.any():
            return 0
        removed = self._index.remove_ids(_selector(gone))  # the other rows keep their order
        self._ids, self._sorted = self._ids[~gone], None
        return int(removed)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]:
        """For each row of ``queries`` (n, dim) its best ``k`` as (id, inner product), ties by id.

        Fewer than ``k`` where fewer are there or in ``allowed`` (ids; None: all). Raises ValueError for
        another dimension.
        """
        return [list(zip(ids.tolist(), scores.tolist(), strict=True)) for ids, scores in self.near(queries, k, allowed)]

    def near(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[Ids, Vectors]]:
        """``search`` as arrays, for each row its ids and their scores."""
        queries = np.ascontiguousarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries of shape {queries.shape} cannot be asked of vectors of {self.dim} numbers")
        params: Any = None
        size = len(self)
        if allowed is not None:
            mask = among(self._ids, allowed)
            parameters: Any = faiss.SearchParameters  # its keyword arguments are unknown to type checkers
            params, size = parameters(sel=_selector(mask)), int(mask.sum())
        if k < 1 or size == 0:
            return [NONE for _ in queries]
        # One more than k shows whether the k-th ties with what follows; then more are fetched.
        asked = min(k + 1, size)
        found = []
        for row, (scores, rows) in enumerate(zip(*self._index.search(queries, asked, params=params), strict=True)):
            more = asked
            while more < size and scores[-1] == scores[k - 1]:
                more = min(4 * more, size)
                scores, rows = (of[0] for of in self._index.search(queries[row : row + 1], more, params=params))
            found.append(best(self._ids[rows], scores, k))
        return found

    def get(self, ids: Ids) -> Vectors:
        """The vectors of ``ids`` in their order, (n, dim) float32. Raises KeyError naming the first unknown id."""
        ids = np.asarray(ids, np.int64)
        there = self.has(ids)
        if not there.all():
            raise KeyError(int(ids[~there][0]))
        rows = np.searchsorted(self.ids, ids)
        if self._order is not None:
            rows = self._order[rows]
        codes = self._index.codes
        if not len(rows):
            return np.empty((0, self.dim), np.float32)
        # Where they lie: half the time that FAISS takes to reconstruct them.
        halves = faiss.rev_swig_ptr(codes.data(), codes.size()).view("<f2").reshape(-1, self.dim)
        return to_float32(halves.take(rows, axis=0))

    def has(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of ``ids`` are here."""
        return _in_sorted(ids, self.ids)


def set_threads(threads: int | None) -> None:
    """How many threads FAISS uses in this process; None: as many as there are processors."""
    faiss.omp_set_num_threads(threads or os.cpu_count() or 1)


def _in_sorted(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    if not len(ascending):
        return np.zeros(len(ids), np.bool_)
    found: NDArray[np.bool_] = ascending[np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)] == ids
    return found


def _selector(mask: NDArray[np.bool_]) -> Any:
    """FAISS's filter for the rows where ``mask`` is True."""
    bitmap: Any = faiss.IDSelectorBitmap
    return bitmap(np.packbits(mask, bitorder="little"))


def checked(ids: Ids, vectors: Vectors | Float16Array, dim: int | None) -> tuple[Ids, Float16Array]:
    """``ids`` and the vectors rounded to float16, contiguous; ValueError for what does not fit."""
    ids = np.asarray(ids, np.int64)
    with np.errstate(over="ignore"):  # what is too large for float16 becomes infinite, and is refused below
        halves = np.ascontiguousarray(vectors, "<f2")
    if np.ndim(vectors) != 2 or halves.shape[1] != (dim or halves.shape[1]) or halves.shape[1] == 0:
        raise ValueError(f"vectors of shape {np.shape(vectors)} where (n, {dim or 'dim'}) is wanted")
    if ids.shape != (len(halves),):
        raise ValueError(f"{len(halves)} vectors cannot go under ids of shape {ids.shape}")
    exponents = halves.view("<u2") & 0x7C00  # all ones: infinite or not a number
    if (exponents == 0x7C00).any():
        raise ValueError("a vector holds a number that is not finite")
    return ids, halves
