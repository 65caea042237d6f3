"""Tests that every vector index must pass: subclass ``VectorIndexContract`` for each implementation.

An index may round vectors (to float16), so results are compared with brute force over what ``get`` returns. ``exact``
is False for approximate indexes, whose results need only overlap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from semsearch.types import Ranking

if TYPE_CHECKING:
    from semsearch.types import Ids, Vectors

DIM = 16
ROUNDING = 1e-3  # of float16, for components of unit vectors


def unit(count: int, seed: int = 0, dim: int = DIM) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def brute(ids: Ids, vectors: Vectors, query: Vectors, k: int) -> Ranking:
    """The definition: every inner product, in double precision, sorted by (-score, id)."""
    scores = vectors.astype(np.float64) @ query.astype(np.float64)
    return sorted(zip(ids.tolist(), scores.tolist(), strict=True), key=lambda hit: (-hit[1], hit[0]))[:k]


class VectorIndex(Protocol):
    """Unit vectors by id; the inner product is the only metric."""

    def __len__(self) -> int: ...
    def add(self, ids: Ids, vectors: Vectors) -> None: ...
    def remove(self, ids: Ids) -> int: ...
    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]: ...
    def get(self, ids: Ids) -> Vectors: ...


class VectorIndexContract:
    exact = True

    def make(self, dim: int) -> VectorIndex:
        raise NotImplementedError

    def same(self, found: Ranking, expected: Ranking) -> None:
        if self.exact:
            assert [i for i, _ in found] == [i for i, _ in expected]
            np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], atol=1e-6)
        else:
            assert len(found) == len(expected)
            assert len({i for i, _ in found} & {i for i, _ in expected}) >= 0.9 * len(expected)

    def filled(self, count: int = 300) -> tuple[VectorIndex, Ids, Vectors]:
        ids = np.arange(count, dtype=np.int64) * 3 + 7
        vectors = unit(count)
        index = self.make(DIM)
        index.add(ids, vectors)
        kept = index.get(ids)
        assert kept.dtype == np.float32
        np.testing.assert_allclose(kept, vectors, atol=ROUNDING)
        return index, ids, kept

    def test_empty(self) -> None:
        index = self.make(DIM)
        assert len(index) == 0
        assert index.search(unit(2), 5) == [[], []]
        assert index.remove(np.array([1, 2])) == 0
        assert index.get(np.empty(0, np.int64)).shape == (0, DIM)
        index.add(np.empty(0, np.int64), np.empty((0, DIM), np.float32))
        assert len(index) == 0

    def test_finds_what_brute_force_finds(self) -> None:
        index, ids, vectors = self.filled()
        queries = unit(30, seed=1)
        for query, found in zip(queries, index.search(queries, 10), strict=True):
            self.same(found, brute(ids, vectors, query, 10))

    def test_a_question_scores_the_same_alone_in_a_batch_and_filtered(self) -> None:
        index, ids, _ = self.filled()
        queries = unit(64, seed=2)
        alone = [index.search(query[None], 10)[0] for query in queries]
        assert index.search(queries, 10) == alone
        assert index.search(queries, 10, allowed=ids) == alone

    def test_more_than_there_are_and_none(self) -> None:
        index, ids, vectors = self.filled(5)
        query = unit(1, seed=3)
        self.same(index.search(query, 100)[0], brute(ids, vectors, query[0], 5))
        assert index.search(query, 0) == [[]]
        assert index.search(np.empty((0, DIM), np.float32), 3) == []

    def test_allowed(self) -> None:
        index, ids, vectors = self.filled()
        query = unit(1, seed=4)
        allowed = np.concatenate([ids[5:60:5], [999_999, -4]])
        expected = brute(ids[5:60:5], vectors[5:60:5], query[0], 5)
        self.same(index.search(query, 5, allowed=allowed)[0], expected)
        self.same(index.search(query, 5, allowed=allowed[::-1].copy())[0], expected)
        assert len(index.search(query, 500, allowed=allowed)[0]) == 11
        assert index.search(query, 5, allowed=np.empty(0, np.int64)) == [[]]
        assert index.search(query, 5, allowed=np.array([999_999])) == [[]]

    def test_ties_by_id(self) -> None:
        index = self.make(DIM)
        same = np.repeat(unit(1), 50, axis=0)
        index.add(np.arange(100, 50, -1), same)
        index.add(np.arange(50), unit(50, seed=9))
        found = index.search(same[:1], 7)[0]
        assert [i for i, _ in found] == [51, 52, 53, 54, 55, 56, 57]
        assert len({s for _, s in found}) == 1

    def test_remove(self) -> None:
        index, ids, vectors = self.filled()
        assert index.remove(np.concatenate([ids[:100], ids[:3], [1]])) == 100
        assert len(index) == 200
        query = unit(1, seed=5)
        self.same(index.search(query, 10)[0], brute(ids[100:], vectors[100:], query[0], 10))
        np.testing.assert_allclose(index.get(ids[100:]), vectors[100:], atol=ROUNDING)
        with pytest.raises(KeyError):
            index.get(ids[:1])
        index.add(ids[:1], vectors[:1])
        assert index.search(vectors[:1], 1)[0][0][0] == ids[0]

    def test_add_again_replaces(self) -> None:
        index, ids, _ = self.filled()
        new = unit(2, seed=6)
        index.add(ids[[50, 40]], new)
        assert len(index) == 300
        np.testing.assert_allclose(index.get(ids[[40, 50]]), new[::-1], atol=ROUNDING)
        assert index.search(new[:1], 1)[0][0][0] == ids[50]

    def test_last_of_a_batch_wins(self) -> None:
        index = self.make(DIM)
        vectors = unit(3)
        index.add(np.array([4, 2, 4]), vectors)
        assert len(index) == 2
        np.testing.assert_allclose(index.get(np.array([4, 2])), vectors[[2, 1]], atol=ROUNDING)

    def test_get_keeps_order_and_repeats(self) -> None:
        index, ids, vectors = self.filled()
        np.testing.assert_allclose(index.get(ids[[9, 3, 9]]), vectors[[9, 3, 9]], atol=ROUNDING)
        with pytest.raises(KeyError, match="8"):
            index.get(np.array([7, 8]))

    def test_wrong_shapes_are_refused_and_change_nothing(self) -> None:
        index, ids, _ = self.filled()
        with pytest.raises(ValueError, match="16"):
            index.add(np.array([1]), unit(1, dim=DIM + 1))
        with pytest.raises(ValueError, match="ids"):
            index.add(np.array([1, 2]), unit(1))
        with pytest.raises(ValueError, match="finite"):
            index.add(np.array([1]), np.full((1, DIM), np.nan, np.float32))
        with pytest.raises(ValueError, match="16"):
            index.search(unit(1, dim=DIM - 1), 1)
        with pytest.raises(ValueError, match="16"):
            index.search(unit(1)[0], 1)
        assert len(index) == len(ids)
