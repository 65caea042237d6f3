"""Exact search over vectors in memory, with FAISS."""

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

__all__ = ["FlatIndex", "checked", "isin", "set_threads", "top_k"]

_NOTHING: tuple[Ids, Vectors] = (np.empty(0, np.int64), np.empty(0, np.float32))


def isin(ids: Ids, others: Ids) -> NDArray[np.bool_]:
    """Return which of ``ids`` are in ``others``.

    ``np.isin`` imports ``numpy.ma``, which takes a tenth of a cold start.
    """
    return _in_sorted(ids, np.sort(others, kind="stable"))  # fast if they are sorted already, as they mostly are


def top_k(ids: Ids, scores: Vectors, k: int) -> tuple[Ids, Vectors]:
    """Return the ``k`` ids with the highest scores, and these scores; ties by id."""
    places = np.lexsort((ids, -scores))[:k]
    return ids[places], scores[places]


class FlatIndex:
    """Compares a query with every vector, exactly and deterministically.

    Vectors are rounded to float16 as in the segment files, and sums are float32. That halves memory and time, and a
    vector has the same score before and after it was written to a file. The scores of a query depend neither on other
    queries of the same call nor on ``allowed``.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise ValueError(f"The dimension of a vector index must be at least 1 (got {dim}).")
        # Row i of the FAISS index has the id _ids[i], so a filter by ids is a bitmap over rows. For look-ups _sorted
        # holds the ids ascending, and _order their rows; _order is None if _ids ascend already, as they do after most
        # updates. Both are computed when needed.
        self._index = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._ids: Ids = np.empty(0, np.int64)
        self._sorted: Ids | None = None
        self._order: Ids | None = None

    @classmethod
    def of(cls, ids: Ids, vectors: Float16Array) -> FlatIndex:
        """Return an index of vectors ``(n, dim)`` under distinct ids ``(n,)``, without checking them."""
        index = cls(vectors.shape[1])
        index._index.add_sa_codes(np.ascontiguousarray(vectors).view(np.uint8))
        index._ids = ids
        return index

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
        """All ids, ascending; shape ``(n,)``, read-only."""
        if self._sorted is None:
            ascend = bool((self._ids[1:] > self._ids[:-1]).all())
            self._order = None if ascend else np.argsort(self._ids, kind="stable")
            self._sorted = self._ids.view() if self._order is None else self._ids[self._order]
            self._sorted.flags.writeable = False
        return self._sorted

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Vectors | Float16Array) -> None:
        """Add vectors, replacing those of ids that are there already. Of equal ids the last one wins.

        Args:
            ids: Shape ``(n,)``.
            vectors: Shape ``(n, dim)``.

        Raises:
            ValueError: Shapes do not fit, or a number is not finite. Nothing is added.
        """
        ids, rounded = checked(ids, vectors, self.dim)
        distinct, last = np.unique(ids[::-1], return_index=True)
        if len(distinct) < len(ids):
            ids, rounded = distinct, np.ascontiguousarray(rounded[::-1][last])
        self.remove(ids)
        if len(ids):
            self._index.add_sa_codes(rounded.view(np.uint8))
        self._ids, self._sorted = np.concatenate([self._ids, ids]), None

    def remove(self, ids: Ids) -> int:
        """Remove ``ids``, and return how many of them were there."""
        removed = isin(self._ids, ids)
        if not removed.any():
            return 0
        count = self._index.remove_ids(_selector(removed))  # the other rows keep their order
        self._ids, self._sorted = self._ids[~removed], None
        return int(count)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]:
        """Return the best ``k`` for each query as ``(id, inner product)``; ties by id.

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
        queries = np.ascontiguousarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"Queries of shape {queries.shape} do not fit vectors of dimension {self.dim}.")
        params: Any = None
        size = len(self)
        if allowed is not None:
            mask = isin(self._ids, allowed)
            parameters: Any = faiss.SearchParameters  # its keyword arguments are unknown to type checkers
            params, size = parameters(sel=_selector(mask)), int(mask.sum())
        if k < 1 or size == 0:
            return [_NOTHING for _ in queries]
        # One more than k shows whether the k-th ties with the next one; then more are fetched.
        limit = min(k + 1, size)
        found = []
        for number, (scores, rows) in enumerate(zip(*self._index.search(queries, limit, params=params), strict=True)):
            fetched = limit
            while fetched < size and scores[-1] == scores[k - 1]:
                fetched = min(4 * fetched, size)
                [scores], [rows] = self._index.search(queries[number : number + 1], fetched, params=params)
            found.append(top_k(self._ids[rows], scores, k))
        return found

    def get(self, ids: Ids) -> Vectors:
        """Return the vectors of ``ids`` in their order, ``(n, dim)`` float32.

        Raises:
            KeyError: An id is unknown; the first one is named.
        """
        ids = np.asarray(ids, np.int64)
        found = self.has(ids)
        if not found.all():
            raise KeyError(int(ids[~found][0]))
        rows = np.searchsorted(self.ids, ids)
        if self._order is not None:
            rows = self._order[rows]
        codes = self._index.codes
        if not len(rows):
            return np.empty((0, self.dim), np.float32)
        # Reading FAISS's own memory takes half the time of its reconstruct_batch.
        stored = faiss.rev_swig_ptr(codes.data(), codes.size()).view("<f2").reshape(-1, self.dim)
        return to_float32(stored.take(rows, axis=0))

    def has(self, ids: Ids) -> NDArray[np.bool_]:
        """Return which of ``ids`` are in the index."""
        return _in_sorted(ids, self.ids)


def set_threads(threads: int | None) -> None:
    """Set the number of threads that FAISS uses in this process; None means one for each processor."""
    faiss.omp_set_num_threads(threads or os.cpu_count() or 1)


def _in_sorted(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    if not len(ascending):
        return np.zeros(len(ids), np.bool_)
    found: NDArray[np.bool_] = ascending[np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)] == ids
    return found


def _selector(mask: NDArray[np.bool_]) -> Any:
    """Return FAISS's filter for the rows at which ``mask`` is True."""
    bitmap: Any = faiss.IDSelectorBitmap
    return bitmap(np.packbits(mask, bitorder="little"))


def checked(ids: Ids, vectors: Vectors | Float16Array, dim: int | None) -> tuple[Ids, Float16Array]:
    """Return ids and vectors as int64 and contiguous float16.

    Args:
        ids: Shape ``(n,)``.
        vectors: Shape ``(n, dim)``.
        dim: The dimension that the vectors must have; None allows any.

    Raises:
        ValueError: Shapes do not fit, or a number is not finite.
    """
    ids = np.asarray(ids, np.int64)
    with np.errstate(over="ignore"):  # a number too large for float16 becomes infinite, and is refused below
        rounded = np.ascontiguousarray(vectors, "<f2")
    if np.ndim(vectors) != 2 or rounded.shape[1] != (dim or rounded.shape[1]) or rounded.shape[1] == 0:
        raise ValueError(f"Vectors have the shape {np.shape(vectors)} instead of (n, {dim or 'dim'}).")
    if ids.shape != (len(rounded),):
        raise ValueError(f"{len(rounded)} vectors do not fit ids of shape {ids.shape}.")
    exponents = rounded.view("<u2") & 0x7C00  # all ones: infinite or not a number
    if (exponents == 0x7C00).any():
        raise ValueError("A vector holds a number that is not finite.")
    return ids, rounded
