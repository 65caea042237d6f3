"""Product quantisation: four bits for every four numbers of a vector, scanned a hundred times as fast as vectors.

H. Jégou, M. Douze, C. Schmid, "Product Quantization for Nearest Neighbor Search", TPAMI 33(1), 2011, in the form that
FAISS scans with look-up tables in registers: F. André, A.-M. Kermarrec, N. Le Scouarnec, "Cache locality is not
enough", VLDB 2015. A codebook has sixteen rows of four numbers for each group of four numbers of a vector, and a code
names one row for each group. Vectors whose dimension is not a multiple of four are padded with zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from ...float16 import to_float32

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...types import Ids, Vectors
    from .flat import Float16Array

    Codebook = NDArray[np.float32]  # shape (groups, 16, 4)
    Codes = NDArray[np.uint8]  # shape (n, (groups + 1) // 2)

__all__ = ["CODEBOOK_ROWS", "GROUP", "PQScanner", "code_size", "encode", "groups", "train_codebook"]

GROUP = 4
"""Numbers of a vector that share four bits of its code."""

CODEBOOK_ROWS = 16
"""Rows of a codebook that four bits can name."""

_ENCODED_AT_ONCE = 16_384
_BLOCK_SIZE = 64  # codes that are scanned together: each table that is loaded serves twice as many as with 32


def groups(dim: int) -> int:
    """Return the number of groups of a vector of dimension ``dim``."""
    return -(-dim // GROUP)


def code_size(dim: int) -> int:
    """Return the number of bytes of a code."""
    return (groups(dim) + 1) // 2


def train_codebook(sample: Float16Array) -> Codebook:
    """Train a codebook, deterministically.

    Args:
        sample: Vectors like those to encode, shape ``(n, dim)``, n at least 1.
    """
    quantiser = _quantiser(sample.shape[1])
    quantiser.cp.min_points_per_centroid = 1  # no warning for a small sample
    rows = np.resize(sample, (max(len(sample), CODEBOOK_ROWS), sample.shape[1]))
    # The loops are so short that threads mostly wait for each other: with other work on the processors, two threads
    # took twenty times as long.
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        quantiser.train(_padded(rows))
    finally:
        faiss.omp_set_num_threads(threads)
    codebook: Codebook = faiss.vector_to_array(quantiser.centroids).reshape(-1, CODEBOOK_ROWS, GROUP)
    return codebook


def encode(codebook: Codebook, vectors: Float16Array) -> Codes:
    """Return the codes of ``vectors`` ``(n, dim)``, shape ``(n, code_size(dim))``."""
    quantiser = _quantiser(vectors.shape[1], codebook)
    parts = [np.empty((0, code_size(vectors.shape[1])), np.uint8)]
    for start in range(0, len(vectors), _ENCODED_AT_ONCE):
        parts.append(quantiser.compute_codes(_padded(vectors[start : start + _ENCODED_AT_ONCE])))
    return np.concatenate(parts)


class PQScanner:
    """The codes of one segment in memory, in the layout of FAISS's fast scan."""

    def __init__(self, dim: int, codebook: Codebook, codes: Codes) -> None:
        plain: Any = faiss.IndexPQ(GROUP * groups(dim), groups(dim), 4, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(np.ascontiguousarray(codebook, np.float32).ravel(), plain.pq.centroids)
        plain.is_trained = True
        if len(codes):
            plain.add_sa_codes(np.ascontiguousarray(codes))
        self._index: Any = faiss.IndexPQFastScan(plain, _BLOCK_SIZE)

    def nearest(self, query: Vectors, count: int) -> tuple[Ids, Vectors]:
        """Return the rows of the ``count`` codes nearest to a query, or nearly these, and their estimated scores.

        Args:
            query: Shape ``(dim,)``.
            count: How many. If there are no more codes, all rows are returned with an infinite score.

        Returns:
            Rows and scores, in no order.
        """
        if count >= self._index.ntotal:
            return np.arange(self._index.ntotal), np.full(self._index.ntotal, np.inf, np.float32)
        scores, rows = self._index.search(_padded(query[None]), count)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]


def _quantiser(dim: int, codebook: Codebook | None = None) -> Any:
    quantiser: Any = faiss.ProductQuantizer(GROUP * groups(dim), groups(dim), 4)
    if codebook is not None:
        faiss.copy_array_to_vector(np.ascontiguousarray(codebook, np.float32).ravel(), quantiser.centroids)
    return quantiser


def _padded(vectors: Float16Array | Vectors) -> Vectors:
    missing = -vectors.shape[1] % GROUP
    wide = to_float32(np.ascontiguousarray(vectors))
    return np.pad(wide, ((0, 0), (0, missing))) if missing else wide
