"""Several rankings of the same things into one: pure, deterministic, blind to where they came from.

Higher is better everywhere, results are sorted by (-score, id).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..types import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float64]  # shape (n,)

__all__ = ["combined", "convex", "minmax", "rrf", "scaled"]


def scaled(scores: Scores) -> Scores:
    """Scores moved and scaled so that the best is 1 and the worst 0; finite scores expected, NaN: none, stays.

    Where all are equal (so also where there is only one) they say only "found": all get 1.
    """
    low, high = np.fmin.reduce(scores, initial=np.nan), np.fmax.reduce(scores, initial=np.nan)
    if not high > low:
        return np.where(np.isnan(scores), np.nan, 1.0)
    # Divided before subtracting, so that a span wider than the largest float does not overflow.
    span = high / 2 - low / 2
    if span == 0.0:  # two neighbouring subnormal numbers
        return np.where(np.isnan(scores), np.nan, scores == high)
    result: Scores = np.minimum(1.0, (scores / 2 - low / 2) / span)
    return result


def combined(sides: Iterable[tuple[Scores, float]]) -> Scores:
    """``convex`` where every side is an array over the same things, NaN where it has no score for one."""
    weighted = list(sides)
    if any(not weight >= 0.0 for _, weight in weighted):
        raise ValueError("weights of a convex combination must not be negative")
    total = sum(weight for _, weight in weighted)
    if not 0.0 < total < float("inf"):
        raise ValueError("weights of a convex combination must have a finite sum above 0")
    fused: Scores = np.zeros_like(weighted[0][0])
    for scores, weight in weighted:
        fused += weight / total * np.where(np.isnan(scores), 0.0, scaled(scores))
    return np.minimum(1.0, fused)  # a sum of fractions may pass 1 by a rounding


def minmax(ranking: Ranking) -> Ranking:
    """Scores moved and scaled so that the best is 1 and the worst 0, as ``scaled`` does.

    An id met twice keeps its better score.
    """
    best = _best(ranking)
    return _sorted(dict(zip(best, scaled(np.array(list(best.values()), np.float64)).tolist(), strict=True)))


def convex(parts: Iterable[tuple[Ranking, float]]) -> Ranking:
    """The weighted mean of min-max scores over the union of ids; 0..1.

    ``parts`` are (ranking, weight), weights not negative; they are divided by their sum. An id that
    a ranking does not hold has 0 there, like that ranking's worst: sides should be asked for
    rankings of the same depth, or scored for each other's ids first.

    S. Bruch, S. Gai, A. Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS
    42(1), 2023 (arXiv:2210.11934): convex combination beats reciprocal ranks, in and out of domain,
    and its one weight per side is learned from few questions.

    >>> convex([([(1, 9.0), (2, 5.0), (3, 1.0)], 0.75), ([(3, 0.8), (4, 0.2)], 0.25)])
    [(1, 0.75), (2, 0.375), (3, 0.25), (4, 0.0)]

    Raises ValueError for a negative weight, or weights that are all 0.
    """
    weighted = [(_best(ranking), weight) for ranking, weight in parts]
    if not weighted:
        return []
    ids = list(dict.fromkeys(id_ for best, _ in weighted for id_ in best))
    sides = [(np.array([best.get(id_, np.nan) for id_ in ids], np.float64), weight) for best, weight in weighted]
    return _sorted(dict(zip(ids, combined(sides).tolist(), strict=True)))


def rrf(rankings: Iterable[Ranking], k: int = 60) -> Ranking:
    """Reciprocal rank fusion: the sum of 1 / (k + rank), rank from 1; scores themselves are not used.

    G. V. Cormack, C. L. A. Clarke, S. Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual Rank Learning Methods", SIGIR 2009. Here for comparison: it throws away how much
    better the first is than the second.
    """
    fused: dict[int, float] = {}
    for ranking in rankings:
        for rank, (id_, _) in enumerate(_sorted(_best(ranking)), 1):
            fused[id_] = fused.get(id_, 0.0) + 1.0 / (k + rank)
    return _sorted(fused)


def _best(ranking: Ranking) -> dict[int, float]:
    best: dict[int, float] = {}
    for id_, score in ranking:
        best[id_] = max(score, best.get(id_, score))
    return best


def _sorted(scores: Mapping[int, float]) -> Ranking:
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
