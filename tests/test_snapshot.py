"""Searches in several threads, writers that commit meanwhile, and errors of third-party encoders."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from factories import HashEncoder, article

from semsearch.index import Index
from semsearch.indexing import check


class MeetingEncoder(HashEncoder):
    """Blocks queries until ``parties`` of them are being encoded at the same time."""

    def __init__(self, parties: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(parties, timeout=20)

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        self.barrier.wait()
        return super().encode_queries(texts)


class FailingEncoder(HashEncoder):
    """Fails like a third-party encoder with a bug."""

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        raise ValueError("shapes (3,4) and (5,6) not aligned")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    with Index.create(folder, HashEncoder()) as index:
        index.add(map(article, range(20)))
    return folder


def test_two_searches_are_inside_the_encoder_at_once(path: Path) -> None:
    with Index.open(path, encoder=HashEncoder()) as index:
        expected = [index.search(query, 5) for query in ("Sa Thầy", "Mường Tè")]
    with Index.open(path, encoder=MeetingEncoder(2)) as index, ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda query: index.search(query, 5), ("Sa Thầy", "Mường Tè")))
    assert found == expected


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_threads_find_the_same(path: Path, mode: str) -> None:
    with Index.open(path, encoder=HashEncoder()) as index, ThreadPoolExecutor(4) as pool:
        queries = ["Sa Thầy", "Mường Tè", "học sinh nghèo", "phần quà"] * 10
        found = list(pool.map(lambda query: index.search(query, 5, mode=mode), queries))  # type: ignore[arg-type]
        assert found == [index.search(query, 5, mode=mode) for query in queries]  # type: ignore[arg-type]


def test_threads_search_while_a_writer_commits(path: Path) -> None:
    """Every search sees one committed state: article 3 once, in one of its versions, and what never changes."""
    versions = [article(3, text=f"Tin mới.\n\nĐoàn công tác đến Sa Thầy lần thứ {n}.\n") for n in range(12)]
    allowed = {article(3).text, *(version.text for version in versions)}
    is_done = threading.Event()

    def search(mode: str) -> int:
        searches = 0
        while not is_done.is_set() or not searches:
            hits = index.search("đoàn công tác", 200, mode=mode)  # type: ignore[arg-type]
            texts = {hit.article.text for hit in hits if hit.article.source == "test:3"}
            assert len(texts) == 1
            assert texts <= allowed
            sources = {hit.article.source for hit in hits}
            assert sources >= {f"test:{number}" for number in range(20)}
            searches += 1
        return searches

    def write() -> None:
        try:
            with Index.open(path, encoder=HashEncoder()) as writer:
                for version in versions:
                    writer.add([version])
        finally:
            is_done.set()

    with Index.open(path, encoder=HashEncoder()) as index, ThreadPoolExecutor(5) as pool:
        searching = [pool.submit(search, mode) for mode in ("hybrid", "dense", "lexical", "hybrid")]
        pool.submit(write).result()
        assert all(future.result() for future in searching)
        newest = [hit.article.text for hit in index.search("lần thứ 11", 200) if hit.article.source == "test:3"]
        assert set(newest) == {versions[-1].text}


def test_an_error_of_an_encoder_comes_out_as_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_check(*args: object, **options: object) -> None:
        raise AssertionError("the index must not be checked")

    monkeypatch.setattr(check, "doctor", no_check)
    with Index.open(path, encoder=FailingEncoder()) as index:
        with pytest.raises(ValueError, match="not aligned"):
            index.search("Sa Thầy")
        assert index.search("Sa Thầy", mode="lexical")


def test_an_index_can_be_used_again_after_it_was_closed(path: Path) -> None:
    index = Index.open(path, encoder=HashEncoder())
    found = index.search("Sa Thầy")
    index.close()
    assert index.search("Sa Thầy") == found
    index.close()


def test_an_index_is_made_by_its_class_methods() -> None:
    with pytest.raises(TypeError, match=r"Index\.open"):
        Index()
