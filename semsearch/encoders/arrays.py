"""Operations on arrays of vectors that encoders share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..float16 import to_float32

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Vectors

__all__ = ["sample_blocks", "unit_rows"]


def unit_rows(vectors: NDArray[Any]) -> Vectors:
    """Divide each row by its length.

    Args:
        vectors: ``(n, dim)``, float16 or float32.

    Returns:
        ``(n, dim)`` float32 in new memory; a row of zeros becomes the first basis vector.
    """
    result: Vectors = to_float32(vectors)
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    empty = lengths[:, 0] == 0
    lengths[empty] = 1
    result /= lengths
    result[empty, 0] = 1
    return result


def sample_blocks(flat: Any, blocks: int = 16, block: int = 4096) -> list[Any]:
    """Slice a one-dimensional array or tensor into evenly spaced blocks, or return a short one whole.

    Enough to distinguish trained weights, at a thousandth of the reading.
    """
    if len(flat) <= blocks * block:
        return [flat]
    starts = [place * (len(flat) - block) // (blocks - 1) for place in range(blocks)]
    return [flat[start : start + block] for start in starts]
