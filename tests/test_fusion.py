"""Fusion by hand and by its properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from semsearch.search.fusion import convex, minmax, rrf
from semsearch.types import Ranking

SCORE = st.integers(-50, 50).map(float)
RANKING = st.dictionaries(st.integers(0, 20), SCORE, max_size=10).map(lambda found: list(found.items()))
PARTS = st.lists(st.tuples(RANKING, st.integers(1, 8).map(float)), max_size=4)


def sorted_well(ranking: Ranking) -> bool:
    return ranking == sorted(ranking, key=lambda hit: (-hit[1], hit[0])) and len({i for i, _ in ranking}) == len(
        ranking
    )


def test_minmax_by_hand() -> None:
    assert minmax([(7, 30.0), (5, 10.0), (9, 15.0)]) == [(7, 1.0), (9, 0.25), (5, 0.0)]
    assert minmax([]) == []
    assert minmax([(1, -3.0)]) == [(1, 1.0)]
    assert minmax([(2, 4.0), (1, 4.0)]) == [(1, 1.0), (2, 1.0)]
    assert minmax([(1, 0.0), (2, 2.0), (1, 1.0), (3, 0.0)]) == [(2, 1.0), (1, 0.5), (3, 0.0)]


def test_convex_by_hand() -> None:
    lexical = [(1, 12.0), (2, 8.0), (3, 4.0)]
    dense = [(2, 0.9), (4, 0.7), (1, 0.4)]
    assert convex([(lexical, 2.0), (dense, 2.0)]) == [
        (2, 0.75),
        (1, 0.5),
        (4, pytest.approx(0.3)),
        (3, 0.0),
    ]
    assert convex([]) == convex([([], 1.0)]) == []
    assert convex([(lexical, 1.0), ([], 3.0)]) == [(1, 0.25), (2, 0.125), (3, 0.0)]
    assert convex([(lexical, 1.0), (dense, 0.0)]) == [(1, 1.0), (2, 0.5), (3, 0.0), (4, 0.0)]
    assert convex([([(5, 1.0), (4, 1.0)], 1.0), ([(4, 2.0), (5, 2.0)], 1.0)]) == [(4, 1.0), (5, 1.0)]


@pytest.mark.parametrize("weights", [(-1.0, 2.0), (0.0, 0.0), (math.nan, 1.0), (math.inf, 1.0)])
def test_weights_that_mean_nothing(weights: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        convex([([(1, 1.0)], weights[0]), ([(2, 1.0)], weights[1])])


def test_rrf_by_hand() -> None:
    assert rrf([[(1, 9.0), (2, 1.0)], [(2, 0.2), (3, 0.1)]]) == [
        (2, pytest.approx(1 / 62 + 1 / 61)),
        (1, pytest.approx(1 / 61)),
        (3, pytest.approx(1 / 62)),
    ]
    assert rrf([]) == rrf([[]]) == []
    assert rrf([[(8, 0.0), (3, 5.0)]], k=0) == [(3, 1.0), (8, 0.5)]


@given(RANKING)
def test_minmax_keeps_order_and_bounds(ranking: Ranking) -> None:
    scaled = minmax(ranking)
    assert sorted_well(scaled)
    assert {i for i, _ in scaled} == {i for i, _ in ranking}
    assert [i for i, _ in scaled] == [i for i, _ in sorted(ranking, key=lambda hit: (-hit[1], hit[0]))]
    if ranking:
        assert scaled[0][1] == 1.0
        assert scaled[-1][1] in (0.0, 1.0)


@given(st.dictionaries(st.integers(), st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_minmax_of_any_finite_scores(scores: dict[int, float]) -> None:
    scaled = minmax(list(scores.items()))
    assert sorted_well(scaled)
    assert all(0.0 <= score <= 1.0 for _, score in scaled)
    assert dict(scaled)[max(scores, key=lambda id_: scores[id_])] == 1.0


@given(PARTS, st.sampled_from([0.25, 2.0, 1024.0]), SCORE)
def test_moving_and_scaling_scores_changes_nothing(
    parts: list[tuple[Ranking, float]], factor: float, shift: float
) -> None:
    moved = [([(i, s * factor + shift) for i, s in ranking], weight) for ranking, weight in parts]
    # factors are powers of two and scores whole, so the arithmetic is exact
    assert convex(moved) == convex(parts)


@given(PARTS)
def test_convex_bounds_union_and_input_order(parts: list[tuple[Ranking, float]]) -> None:
    fused = convex(parts)
    assert sorted_well(fused)
    assert all(0.0 <= score <= 1.0 for _, score in fused)
    assert {i for i, _ in fused} == {i for ranking, _ in parts for i, _ in ranking}
    shuffled = [(list(reversed(ranking)), weight) for ranking, weight in parts]
    assert convex(shuffled) == fused
    assert dict(convex(shuffled[::-1])) == pytest.approx(dict(fused))


@given(PARTS, st.sampled_from([0.5, 4.0]))
def test_only_the_ratio_of_weights_counts(parts: list[tuple[Ranking, float]], factor: float) -> None:
    assert convex([(ranking, weight * factor) for ranking, weight in parts]) == convex(parts)


@given(RANKING, RANKING)
def test_better_on_every_side_is_better_fused(one: Ranking, two: Ranking) -> None:
    first, second = dict(one), dict(two)
    both = sorted(first.keys() & second.keys())
    assume(len(both) >= 2)
    place = {i: n for n, (i, _) in enumerate(convex([(one, 1.0), (two, 1.0)]))}
    for a in both:
        for b in both:
            if first[a] > first[b] and second[a] > second[b]:
                assert place[a] < place[b]


@given(st.lists(RANKING, max_size=4))
def test_rrf_knows_ranks_only(rankings: list[Ranking]) -> None:
    fused = rrf(rankings)
    assert sorted_well(fused)
    assert rrf([[(i, math.exp(s / 50)) for i, s in ranking] for ranking in rankings]) == fused
