"""Exact search against brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_vectorindex import DIM, VectorIndex, VectorIndexContract, brute, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.storage.vectors import FlatIndex, open_arrays, set_threads, write_arrays


class TestFlatIndex(VectorIndexContract):
    def make(self, dim: int) -> VectorIndex:
        return FlatIndex(dim)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(-(2**40), 2**40) | st.integers(0, 12), max_size=8)), max_size=12
    ),
    st.integers(0, 9),
)
def test_like_a_dict_after_any_adds_and_removes(steps: list[tuple[bool, list[int]]], k: int) -> None:
    index, model = FlatIndex(4), {}
    for seed, (adding, ids) in enumerate(steps):
        if adding:
            vectors = np.round(unit(len(ids), seed, 4) * 2) / 2  # coarse: many ties, sums exact
            index.add(np.array(ids, np.int64), vectors)
            model.update(zip(ids, vectors, strict=True))
        else:
            assert index.remove(np.array(ids, np.int64)) == len(set(ids) & model.keys())
            for id_ in ids:
                model.pop(id_, None)
    ids = np.array(sorted(model), np.int64)
    vectors = np.array([model[i] for i in ids.tolist()], np.float32).reshape(-1, 4)
    assert index.ids.tolist() == ids.tolist()
    np.testing.assert_array_equal(index.get(ids), vectors)
    query = np.array([[1, 0.5, -0.5, 2]], np.float32)
    assert index.search(query, k)[0] == brute(ids, vectors, query[0], k)
    assert index.search(query, k, allowed=ids[::2])[0] == brute(ids[::2], vectors[::2], query[0], k)


def test_accepts_halves_and_lists_its_ids() -> None:
    index = FlatIndex(DIM)
    halves = unit(3).astype(np.float16)
    index.add(np.array([3, 1, 2]), halves)
    np.testing.assert_array_equal(index.get(np.array([3, 1, 2])), halves.astype(np.float32))
    assert index.ids.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        index.ids[0] = 99
    assert index.ids.tolist() == [1, 2, 3]


def test_scores_are_the_same_before_and_after_a_file(tmp_path: Path) -> None:
    vectors, queries = unit(500), unit(3, seed=1)
    before, after = FlatIndex(DIM), FlatIndex(DIM)
    before.add(np.arange(500), vectors)
    write_arrays(tmp_path / "1", np.arange(500), vectors)
    file = open_arrays(tmp_path / "1")
    after.add(file.ids, file.vectors)
    assert before.search(queries, 500) == after.search(queries, 500)
    after.add(np.arange(500), after.get(np.arange(500)))
    assert before.search(queries, 500) == after.search(queries, 500)


def test_dimension_must_be_positive() -> None:
    with pytest.raises(ValueError, match="dimension"):
        FlatIndex(0)


def test_threads_do_not_change_results() -> None:
    index, queries = FlatIndex(DIM), unit(5, seed=1)
    index.add(np.arange(5000), unit(5000))
    set_threads(1)
    one = index.search(queries, 20)
    set_threads(None)
    assert index.search(queries, 20) == one
