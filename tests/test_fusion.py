"""Fusion by hand and by its properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.search.fusion import fuse, min_max
from semsearch.search.scoring import fuse_signals
from semsearch.types import FusionWeights

NAN = math.nan
SCORE = st.one_of(st.just(NAN), st.integers(-50, 50).map(float))
WEIGHT = st.integers(1, 8).map(float)


@st.composite
def signals(draw: st.DrawFn) -> list[tuple[list[float], float]]:
    """One to four signals with weights, over the same one to ten things."""
    count = draw(st.integers(1, 10))
    scores = st.lists(SCORE, min_size=count, max_size=count)
    return draw(st.lists(st.tuples(scores, WEIGHT), min_size=1, max_size=4))


def arrays(given_signals: list[tuple[list[float], float]]) -> list[tuple[np.ndarray, float]]:
    return [(np.array(scores), weight) for scores, weight in given_signals]


def fused(given_signals: list[tuple[list[float], float]]) -> list[float]:
    return fuse(arrays(given_signals)).tolist()


def test_min_max_by_hand() -> None:
    assert min_max(np.array([30.0, 10.0, 15.0])).tolist() == [1.0, 0.0, 0.25]
    assert min_max(np.array([-3.0])).tolist() == [1.0]
    assert min_max(np.array([4.0, 4.0])).tolist() == [1.0, 1.0]
    assert min_max(np.array([])).tolist() == []
    np.testing.assert_array_equal(min_max(np.array([2.0, NAN, 4.0])), [0.0, NAN, 1.0])
    np.testing.assert_array_equal(min_max(np.array([NAN, NAN])), [NAN, NAN])


def test_fuse_by_hand() -> None:
    lexical = [12.0, 8.0, 4.0, NAN]
    dense = [0.4, 0.9, NAN, 0.7]
    assert fused([(lexical, 2.0), (dense, 2.0)]) == [0.5, 0.75, 0.0, pytest.approx(0.3)]
    assert fused([(lexical, 1.0), ([NAN] * 4, 3.0)]) == [0.25, 0.125, 0.0, 0.0]
    assert fused([(lexical, 1.0), (dense, 0.0)]) == [1.0, 0.5, 0.0, 0.0]
    assert fused([([1.0, 1.0], 1.0), ([2.0, 2.0], 1.0)]) == [1.0, 1.0]


@pytest.mark.parametrize("weights", [(-1.0, 2.0), (0.0, 0.0), (math.nan, 1.0), (math.inf, 1.0)])
def test_invalid_weights(weights: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        fused([([1.0], weights[0]), ([2.0], weights[1])])


def test_a_lexical_signal_without_a_match_contributes_nothing() -> None:
    given_signals = {"dense": np.array([0.9, 0.1]), "lexical": np.array([0.0, 0.0])}
    weights = FusionWeights(dense=0.25, lexical=0.75)
    assert fuse_signals(given_signals, weights).tolist() == [0.25, 0.0]


def test_signals_count_alike_if_all_weights_are_zero() -> None:
    given_signals = {"lexical": np.array([4.0, 0.0]), "article": np.array([0.0, 3.0])}
    assert fuse_signals(given_signals, FusionWeights()).tolist() == [0.5, 0.5]


@given(st.lists(SCORE, max_size=10))
def test_min_max_keeps_order_and_bounds(scores: list[float]) -> None:
    scaled = min_max(np.array(scores, np.float64)).tolist()
    assert [math.isnan(score) for score in scaled] == [math.isnan(score) for score in scores]
    for score, scaled_score in zip(scores, scaled, strict=True):
        for other, scaled_other in zip(scores, scaled, strict=True):
            if score > other:
                assert scaled_score > scaled_other
            if score == other:
                assert scaled_score == scaled_other
    known = [score for score in scaled if not math.isnan(score)]
    if known:
        assert max(known) == 1.0
        assert min(known) in (0.0, 1.0)


@given(signals(), st.sampled_from([0.25, 2.0, 1024.0]), st.integers(-50, 50))
def test_moving_and_scaling_scores_changes_nothing(
    given_signals: list[tuple[list[float], float]], factor: float, shift: int
) -> None:
    # Factors are powers of two and scores whole, so the arithmetic is exact.
    moved = [([score * factor + shift for score in scores], weight) for scores, weight in given_signals]
    assert fused(moved) == fused(given_signals)


@given(signals())
def test_fused_scores_are_bounded_whatever_the_order(given_signals: list[tuple[list[float], float]]) -> None:
    found = fused(given_signals)
    assert all(0.0 <= score <= 1.0 for score in found)
    backwards = [(scores[::-1], weight) for scores, weight in given_signals]
    assert fused(backwards) == found[::-1]
    assert fused(given_signals[::-1]) == pytest.approx(found)


@given(signals(), st.sampled_from([0.5, 4.0]))
def test_only_the_ratio_of_weights_counts(given_signals: list[tuple[list[float], float]], factor: float) -> None:
    scaled = [(scores, weight * factor) for scores, weight in given_signals]
    assert fused(scaled) == fused(given_signals)


@given(signals())
def test_better_by_every_signal_is_better_fused(given_signals: list[tuple[list[float], float]]) -> None:
    found = fused(given_signals)
    count = len(found)
    for first in range(count):
        for second in range(count):
            if all(scores[first] > scores[second] for scores, _ in given_signals):
                assert found[first] > found[second]
