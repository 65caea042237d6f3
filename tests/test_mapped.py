"""Vectors found by their codes: what every index must do, how much is found, and how little is read for it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from contract_vectorindex import DIM, VectorIndex, VectorIndexContract, unit
from factories import HashEncoder, article
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch import failpoints
from semsearch.errors import UsageError
from semsearch.filters import Filter
from semsearch.index import Index
from semsearch.indexing import merge
from semsearch.storage.layout import Folder
from semsearch.storage.vectors import (
    FlatIndex,
    MappedIndex,
    Rescoring,
    SegmentArrays,
    mapped,
    open_arrays,
    train_codebook,
    write_arrays,
)
from semsearch.storage.vectors.pq import PQScanner
from semsearch.types import Ranking


def coded(path: Path, ids: np.ndarray, vectors: np.ndarray) -> SegmentArrays:
    """A file with codes."""
    write_arrays(path, ids, vectors, train_codebook(vectors.astype(np.float16)))
    return open_arrays(path)


class Filed(MappedIndex):
    """Writes what is added into a file with codes, and goes on with that."""

    def __init__(self, dim: int, folder: Path) -> None:
        super().__init__(dim, Rescoring(least=60, factor=6, filtered=5))  # so few that codes decide
        self._folder = folder
        self._files: list[SegmentArrays] = []

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        flat = FlatIndex(self.dim)
        flat.add(ids, vectors)
        if not len(flat):
            return
        self.remove(ids)
        path = self._folder / str(len(self._files))
        kept = np.setdiff1d(self.ids, ids)
        all_ids = np.union1d(kept, flat.ids)
        rows = np.empty((len(all_ids), self.dim), np.float32)
        rows[np.isin(all_ids, kept)], rows[np.isin(all_ids, flat.ids)] = self.get(kept), flat.get(flat.ids)
        write_arrays(path, all_ids, rows, train_codebook(rows.astype(np.float16)))
        self._files.append(open_arrays(path))
        self.set_segments(self._files[-1:])


class TestMappedIndex(VectorIndexContract):
    exact = False

    @pytest.fixture(autouse=True)
    def a_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self, dim: int) -> VectorIndex:
        return Filed(dim, self.folder)

    def same(self, found: Ranking, expected: Ranking) -> None:
        super().same(found, expected)
        # What is found has its exact score.
        scores = dict(expected)
        assert all(abs(score - scores[id_]) < 1e-6 for id_, score in found if id_ in scores)


class TestInMemory(VectorIndexContract):
    """What lies in no file is compared exactly."""

    def make(self, dim: int) -> VectorIndex:
        return MappedIndex(dim)


FEW = Rescoring(least=200, factor=1, filtered=20)
"""So few vectors are re-scored that codes decide, also with a filter."""


def near_texts(count: int, dim: int, seed: int = 0) -> np.ndarray:
    """Vectors in bunches, as texts are: each near one of a hundred subjects."""
    rng = np.random.default_rng(seed)
    subjects = np.random.default_rng(99).standard_normal((100, dim))
    rows = subjects[rng.integers(0, 100, count)] + 0.7 * rng.standard_normal((count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("dim", [64, 63, 1, 2, 5])
def test_finds_nearly_all_that_exact_search_finds(tmp_path: Path, dim: int) -> None:
    vectors, queries = near_texts(6000, dim), near_texts(50, dim, 7)
    exact, index = FlatIndex(dim), MappedIndex(dim, FEW)
    exact.add(np.arange(6000), vectors)
    index.set_segments(
        [coded(tmp_path / f"{at}.vec", np.arange(at, at + 2500), vectors[at : at + 2500]) for at in (0, 2500)]
    )
    index.add(np.arange(5000, 6000), vectors[5000:])
    allowed = np.arange(0, 6000, 3)
    for only in (None, allowed, allowed[:500], allowed[:5]):
        expected, found = exact.search(queries, 10, only), index.search(queries, 10, only)
        scores = [dict(exact.search(query[None], 6000)[0]) for query in queries]
        assert all(of[id_] == score for of, ranking in zip(scores, found, strict=True) for id_, score in ranking)
        if dim > 32:  # in so few places too many are about as near
            shares = [len(dict(f).keys() & dict(w).keys()) / len(w) for f, w in zip(found, expected, strict=True)]
            assert np.mean(shares) >= 0.97
        if only is not None:
            assert all({id_ for id_, _ in ranking} <= set(only.tolist()) for ranking in found)
    assert index.search(queries, 10) == index.search(queries, 10)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 400)), st.sets(st.integers(0, 400)), st.integers(1, 30), st.booleans())
def test_with_all_compared_it_is_the_exact_index(
    tmp_path_factory: pytest.TempPathFactory, gone: set[int], replaced: set[int], k: int, filtered: bool
) -> None:
    """Whatever was removed and replaced, in files and in memory: ids, vectors and rankings are the same."""
    folder = tmp_path_factory.mktemp("vectors")
    ids, vectors = np.arange(0, 800, 2), unit(400)
    exact, index = FlatIndex(DIM), MappedIndex(DIM)
    exact.add(ids, vectors)
    index.set_segments(
        [coded(folder / "a", ids[:150], vectors[:150]), coded(folder / "b", ids[150:300], vectors[150:300])]
    )
    index.add(ids[300:], vectors[300:])
    for each in (exact, index):
        assert each.remove(np.array(sorted(gone), np.int64)) == len(gone & set(ids.tolist()))
        each.add(np.array(sorted(replaced), np.int64), unit(len(replaced), 5))
    assert len(index) == len(exact)
    assert index.ids.tolist() == exact.ids.tolist()
    np.testing.assert_array_equal(index.get(exact.ids[::-1]), exact.get(exact.ids[::-1]))
    assert index.has(np.arange(-1, 802)).tolist() == exact.has(np.arange(-1, 802)).tolist()
    only = np.arange(0, 800, 3) if filtered else None
    query = unit(1, 8)
    assert index.search(query, k, only) == exact.search(query, k, only)


def test_removed_ones_do_not_crowd_out_what_stays(tmp_path: Path) -> None:
    vectors = near_texts(5000, 32)
    index = MappedIndex(32, FEW)
    index.set_segments([coded(tmp_path / "a", np.arange(5000), vectors)])
    query = vectors[:1]
    nearest = [id_ for id_, _ in exact_index(vectors).search(query, 4000)[0]]
    index.remove(np.array(nearest[:3900]))
    found = index.search(query, 10)[0]
    assert len({id_ for id_, _ in found} & set(nearest[3900:3910])) >= 9


def test_the_nearest_may_all_lie_in_a_small_file(tmp_path: Path) -> None:
    """News of one day: a thirtieth of all vectors, and for questions about that day the ten nearest of all."""
    rng, old = np.random.default_rng(3), near_texts(12_000, 64)
    today = near_texts(400, 64, 5)
    topic = near_texts(1, 64, 11)
    today = (today + topic) / np.linalg.norm(today + topic, axis=1, keepdims=True)
    index = MappedIndex(64, FEW)
    index.set_segments(
        [
            coded(tmp_path / "old", np.arange(12_000), old),
            coded(tmp_path / "today", np.arange(12_000, 12_400), today.astype(np.float32)),
        ]
    )
    exact = exact_index(np.concatenate([old, today.astype(np.float32)]))
    queries = (topic + 0.03 * rng.standard_normal((40, 64))).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    shares = []
    for expected, found, filtered in zip(
        exact.search(queries, 10),
        index.search(queries, 10),
        index.search(queries, 10, np.arange(11_000, 12_400)),
        strict=True,
    ):
        assert sum(id_ >= 12_000 for id_, _ in expected) >= 9
        shares.append([len({id_ for id_, _ in expected} & {id_ for id_, _ in some}) / 10 for some in (found, filtered)])
    assert np.mean(shares, axis=0).min() >= 0.95


@pytest.mark.parametrize("left", [199, 200, 201])
def test_a_filter_that_leaves_little_of_one_file_hides_nothing_of_another(tmp_path: Path, left: int) -> None:
    vectors, queries = near_texts(8000, 64), near_texts(40, 64, 7)
    index = MappedIndex(64, FEW)
    index.set_segments(
        [coded(tmp_path / f"{at}", np.arange(at, at + 4000), vectors[at : at + 4000]) for at in (0, 4000)]
    )
    allowed = np.concatenate([np.arange(left), np.arange(4000, 8000)])
    expected, found = exact_index(vectors).search(queries, 10, allowed), index.search(queries, 10, allowed)
    shares = [len(dict(f).keys() & dict(w).keys()) / 10 for f, w in zip(found, expected, strict=True)]
    assert np.mean(shares) >= 0.95


def exact_index(vectors: np.ndarray) -> FlatIndex:
    index = FlatIndex(vectors.shape[1])
    index.add(np.arange(len(vectors)), vectors)
    return index


# Files with codes


@pytest.mark.parametrize("dim", [4, 6, 13])
def test_codes_name_the_nearest_rows_of_the_codebook(tmp_path: Path, dim: int) -> None:
    vectors = unit(300, dim=dim).astype(np.float16)
    file = coded(tmp_path / "a", np.arange(300), vectors)
    assert file.codebook is not None
    assert file.codes is not None
    padded = np.pad(vectors.astype(np.float64), ((0, 0), (0, -dim % 4))).reshape(300, -1, 1, 4)
    nearest = ((padded - file.codebook) ** 2).sum(axis=-1).argmin(axis=-1)
    halves = np.stack([file.codes & 15, file.codes >> 4], axis=-1).reshape(300, -1)[:, : nearest.shape[1]]
    assert (halves == nearest).mean() > 0.999  # sums in single precision may tip what is as near to two


# In an index


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files get codes, and searches use them, from a few vectors on."""
    monkeypatch.setattr(merge, "MIN_VECTORS_FOR_PQ", 12)
    monkeypatch.setattr(mapped, "MIN_SCANNED_VECTORS", 12)
    monkeypatch.setattr("semsearch.indexing.pipeline.BATCH_ARTICLES", 4)


@pytest.fixture
def index(tmp_path: Path, small: None) -> Iterator[Index]:
    with Index.open_or_create(tmp_path / "index", encoder=HashEncoder()) as opened:
        yield opened


def scans_codes(index: Index) -> bool:
    """Whether a search scans the codes of files."""
    with mock.patch.object(PQScanner, "nearest", autospec=True, side_effect=PQScanner.nearest) as scan:
        index.search(QUERIES[0], mode="dense")
    return scan.called


QUERIES = ["đoàn công tác trao phần quà", "tin từ huyện Bảo Lâm", "học sinh nghèo ở Vị Xuyên", "thứ 12.1"]


def same_as_exact(index: Index) -> None:
    """With so few vectors all are compared, whatever their codes: each answer is that of the exact kind."""
    with Index.open(index.path, encoder=index.encoder, vectors="exact") as exact:
        for query in QUERIES:
            for source in (None, "test:*"):
                found = index.search(query, 20, mode="dense", filters=Filter(source=source))
                assert found == exact.search(query, 20, mode="dense", filters=Filter(source=source))
        assert not scans_codes(exact)


def test_an_index_finds_the_same_by_codes(index: Index) -> None:
    index.add(map(article, range(40)))
    same_as_exact(index)
    assert scans_codes(index)
    assert index.status().vectors == "approximate"
    index.add(article(number, f"test:{number}", f"Tin khác {number}.\n\nHọc sinh {number}.") for number in (3, 30))
    for number in range(10, 20):
        index.remove(f"test:{number}")
    same_as_exact(index)
    assert scans_codes(index)
    assert not {f"test:{n}" for n in range(10, 20)} & {h.article.source for h in index.search(QUERIES[0], 200)}
    assert index.doctor() == []


def test_the_kind_of_vectors_can_be_told(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add(map(article, range(40)))
    with Index.open(index.path, encoder=HashEncoder(), vectors="exact") as exact:
        exact.search(QUERIES[0])
        assert not scans_codes(exact)
    monkeypatch.setattr(mapped, "MIN_SCANNED_VECTORS", 10_000)
    with Index.open(index.path, encoder=HashEncoder()) as auto:
        auto.search(QUERIES[0])
        assert not scans_codes(auto)
        assert auto.status().vectors == "exact"
    with Index.open(index.path, encoder=HashEncoder(), vectors="approximate") as by_codes:
        by_codes.search(QUERIES[0])
        assert scans_codes(by_codes)
    with pytest.raises(UsageError, match="approximate"):
        Index.open(index.path, vectors="quick")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="approximate"):
        Index.create(index.path.with_name("other"), vectors="quick")  # type: ignore[arg-type]
    assert not index.path.with_name("other").exists()


def test_a_reader_goes_over_to_codes_and_stays_right(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has exact vectors in memory when files become large, are merged, and lose what was removed."""
    monkeypatch.setattr(mapped, "MIN_SCANNED_VECTORS", 60)
    index.add(map(article, range(8)))
    with Index.open(index.path, encoder=HashEncoder()) as reader:
        for start in range(8, 80, 8):
            reader.search(QUERIES[0])
            index.add(map(article, range(start, start + 8)))
            index.remove(f"test:{start - 5}")
            same_as_exact(reader)
        assert scans_codes(reader)


def test_large_files_without_codes_get_some_and_nothing_is_encoded(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HashEncoder()
    monkeypatch.setattr(merge, "MIN_VECTORS_FOR_PQ", 10_000)
    with Index.open_or_create(tmp_path / "index", encoder=encoder) as index:
        index.add(map(article, range(40)))
        index.search(QUERIES[0])
        assert not scans_codes(index)
        before = len(encoder.passages)
        monkeypatch.setattr(merge, "MIN_VECTORS_FOR_PQ", 12)
        assert index.rebuild().encoded == 0
        same_as_exact(index)
        assert scans_codes(index)
        assert len(encoder.passages) == before
        assert index.doctor() == []


def test_a_damaged_file_is_found_and_made_again(index: Index) -> None:
    index.add(map(article, range(40)))
    folder = Folder(index.path)
    large = max(folder.vectors.glob("*/codes.npy"), key=lambda path: path.stat().st_size)
    data = large.read_bytes()
    large.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # the last code
    assert any(finding.level == "error" for finding in index.doctor())
    assert all(finding.repaired for finding in index.doctor(repair=True))
    same_as_exact(index)


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
@pytest.mark.parametrize("name", ["merge", "merge written", "merge committed"])
def test_killed_while_files_get_codes(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    encoder = HashEncoder()
    monkeypatch.setattr(merge, "MIN_VECTORS_FOR_PQ", 10_000)
    with Index.open_or_create(tmp_path / "index", encoder=encoder) as index:
        index.add(map(article, range(40)))
    monkeypatch.setattr(merge, "MIN_VECTORS_FOR_PQ", 12)

    child = os.fork()
    if not child:  # pragma: no cover
        try:
            failpoints.failpoint_hook = lambda reached: (
                os.kill(os.getpid(), signal.SIGKILL) if reached == name else None
            )
            with Index.open(tmp_path / "index", encoder=encoder) as index:
                index.add([article(50)])
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    before = len(encoder.passages)
    with Index.open(tmp_path / "index", encoder=encoder) as index:
        same_as_exact(index)
        index.add([article(51)])
        same_as_exact(index)
        assert scans_codes(index)
        assert {f"test:{n}" for n in (*range(40), 50, 51)} == {a.source for a in index.articles()}
        assert index.doctor() == []
    assert len(encoder.passages) - before == 1
