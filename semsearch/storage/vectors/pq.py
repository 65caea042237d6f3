"""Short codes of vectors: four bits for every four numbers, compared with a question a hundred times as fast.

Product quantisation (Jegou et al., 2011) in the form that FAISS scans with tables in registers ("fast scan", Andre
et al., 2015). A codebook has sixteen rows of four numbers for each four places of a vector, and a code names one
row for each; vectors whose length is no multiple of four are taken as if zeros followed.
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
"""Numbers of a vector that share four bits of the code."""

CODEBOOK_ROWS = 16
"""Rows of a codebook that four bits can name."""

_AT_ONCE = 16_384
_BLOCK = 64  # codes that lie together in memory: what is loaded of a question's tables serves twice as many as with 32


def groups(dim: int) -> int:
    """How many groups a vector of ``dim`` numbers has."""
    return -(-dim // GROUP)


def code_size(dim: int) -> int:
    """Bytes of a code."""
    return (groups(dim) + 1) // 2


def train_codebook(sample: Float16Array) -> Codebook:
    """The codebook for vectors like those of ``sample`` (n, dim), n at least 1; the same for the same."""
    quantiser = _quantiser(sample.shape[1])
    quantiser.cp.min_points_per_centroid = 1  # a small sample is no cause for a warning
    rows = np.resize(sample, (max(len(sample), CODEBOOK_ROWS), sample.shape[1]))
    # Its loops are so short that threads mostly wait for each other; where other work shares the processors it took
    # twenty times as long with two.
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        quantiser.train(_padded(rows))
    finally:
        faiss.omp_set_num_threads(threads)
    codebook: Codebook = faiss.vector_to_array(quantiser.centroids).reshape(-1, CODEBOOK_ROWS, GROUP)
    return codebook


def encode(codebook: Codebook, vectors: Float16Array) -> Codes:
    """The codes of ``vectors`` (n, dim)."""
    quantiser = _quantiser(vectors.shape[1], codebook)
    parts = [np.empty((0, code_size(vectors.shape[1])), np.uint8)]
    for start in range(0, len(vectors), _AT_ONCE):
        parts.append(quantiser.compute_codes(_padded(vectors[start : start + _AT_ONCE])))
    return np.concatenate(parts)


class PQScanner:
    """The codes of one file in memory, as FAISS wants them for its fast scan."""

    def __init__(self, dim: int, codebook: Codebook, codes: Codes) -> None:
        plain: Any = faiss.IndexPQ(GROUP * groups(dim), groups(dim), 4, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(np.ascontiguousarray(codebook, np.float32).ravel(), plain.pq.centroids)
        plain.is_trained = True
        if len(codes):
            plain.add_sa_codes(np.ascontiguousarray(codes))
        self._index: Any = faiss.IndexPQFastScan(plain, _BLOCK)

    def near(self, query: Vectors, count: int) -> tuple[Ids, Vectors]:
        """The rows of the ``count`` codes nearest to ``query`` (dim,), or nearly, and about what each scores.

        In no order; of ``count`` rows or fewer all, with a score of plus infinity.
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
