"""Late interaction: a query compared with texts token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..float16 import to_float32
from .arrays import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["maxsim"]

_BLOCK_QUERY_TOKENS = 512  # bounds the memory for a very long query


def maxsim(
    matrix: NDArray[np.float16 | np.float32], query_ids: NDArray[Any], text_ids: Sequence[NDArray[Any]]
) -> NDArray[np.float32]:
    """Score texts by the best match of each token of the query.

    The greatest cosine of each query token with a token of the text (MaxSim: O. Khattab, M. Zaharia, "ColBERT:
    Efficient and Effective Passage Search via Contextualized Late Interaction over BERT", SIGIR 2020; here on vectors
    without context), averaged with the lengths of the query's vectors as weights: training makes them long for
    informative words.

    Args:
        matrix: ``(tokens, dim)``, the vectors of the vocabulary.
        query_ids: ``(m,)``, the token ids of the query.
        text_ids: The token ids of each of n texts.

    Returns:
        ``(n,)`` float32 in -1..1; 0 for a text without tokens, and everywhere if the query has none.
    """
    result = np.zeros(len(text_ids), np.float32)
    filled = [place for place, ids in enumerate(text_ids) if len(ids)]
    if not len(query_ids) or not filled:
        return result

    ids = np.concatenate([text_ids[place] for place in filled])
    sizes = [len(text_ids[place]) for place in filled]
    firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    # The distinct ids and the place of each id among them, as np.unique gives them: marking ids in a table of the whole
    # vocabulary is faster than sorting.
    table = np.zeros(len(matrix), np.intp)
    table[ids] = 1
    distinct = np.flatnonzero(table)
    table[distinct] = np.arange(len(distinct))
    places = table[ids]
    text_vectors = unit_rows(matrix.take(distinct, axis=0))

    sums, total = np.zeros(len(filled), np.float32), 0.0
    for start in range(0, len(query_ids), _BLOCK_QUERY_TOKENS):
        query_vectors = to_float32(matrix.take(query_ids[start : start + _BLOCK_QUERY_TOKENS], axis=0))
        lengths = np.linalg.norm(query_vectors, axis=1)
        cosines = unit_rows(query_vectors) @ text_vectors.T
        best = np.maximum.reduceat(cosines.take(places, axis=1), firsts, axis=1)
        sums += lengths @ best
        total += float(lengths.sum())
    result[filled] = sums / max(total, 1e-12)
    return result
