"""Score fusion for hybrid search: min-max normalisation and convex combination.

S. Bruch, S. Gai, A. Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1), 2023
(arXiv:2210.11934).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    ScoreArray = NDArray[np.float64]  # shape (n,), NaN for no score

__all__ = ["fuse", "min_max"]


def min_max(scores: ScoreArray) -> ScoreArray:
    """Scale scores so that the best is 1 and the worst 0; NaN stays.

    Equal scores, or a single one, say only "found": they become 1.
    """
    low = np.fmin.reduce(scores, initial=np.nan)
    high = np.fmax.reduce(scores, initial=np.nan)
    if not high > low:
        return np.where(np.isnan(scores), np.nan, 1.0)
    scaled: ScoreArray = (scores - low) / (high - low)
    return scaled


def fuse(weighted_signals: Iterable[tuple[ScoreArray, float]]) -> ScoreArray:
    """Return the weighted mean of min-max scores, between 0 and 1.

    Args:
        weighted_signals: (scores, weight) of each signal, all over the same things; NaN counts 0, as the worst score
            does. Weights are divided by their sum.

    Raises:
        ValueError: A weight is negative, or all are 0.
    """
    signals = list(weighted_signals)
    total = sum(weight for _, weight in signals)
    if any(weight < 0.0 for _, weight in signals) or not 0.0 < total < float("inf"):
        raise ValueError("Fusion weights must not be negative, and their sum must be finite and above 0.")
    fused = np.zeros(len(signals[0][0]))
    for scores, weight in signals:
        fused += weight / total * np.where(np.isnan(scores), 0.0, min_max(scores))
    return np.minimum(1.0, fused)  # a sum of fractions may exceed 1 by a rounding error
