"""FAISS against brute force, and segment files against every way a file can go wrong."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from contract_vectorindex import DIM, VectorIndex, VectorIndexContract, brute, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.errors import IndexDamaged, StorageError
from semsearch.storage.vectors import FORMAT, FlatIndex, read_segment, set_threads, write_segment


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
    write_segment(tmp_path / "a.vec", np.arange(500), vectors)
    after.add(*read_segment(tmp_path / "a.vec"))
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


# segment files


def segment(path: Path, count: int = 10, dim: int = DIM) -> str:
    return write_segment(path, np.arange(count, dtype=np.int64) - 3, unit(count, dim=dim))


@pytest.mark.parametrize("count", [0, 1, 10])
def test_round_trip(tmp_path: Path, count: int) -> None:
    sha = segment(tmp_path / "a.vec", count)
    ids, vectors = read_segment(tmp_path / "a.vec", sha256=sha, verify=True)
    assert ids.dtype == np.int64
    assert ids.tolist() == list(range(-3, count - 3))
    assert vectors.dtype == np.float16
    np.testing.assert_array_equal(vectors, unit(count).astype(np.float16))
    assert not vectors.flags.writeable
    assert [p.name for p in tmp_path.iterdir()] == ["a.vec"]


def test_layout_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.vec"
    sha = write_segment(path, np.array([1, -2]), np.array([[1.0, 0.0], [0.0, -0.5]], np.float32))
    data = path.read_bytes()
    assert data[:24] == b"SEMVEC\r\n" + bytes([1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
    assert data[64:80] == bytes([1, 0, 0, 0, 0, 0, 0, 0, 0xFE]) + b"\xff" * 7
    assert data[80:] == bytes.fromhex("003c 0000 0000 00b8".replace(" ", ""))
    assert hashlib.sha256(data[:32] + data[64:]).digest() == data[32:64] == bytes.fromhex(sha)


def test_same_content_same_file(tmp_path: Path) -> None:
    assert segment(tmp_path / "a.vec") == segment(tmp_path / "b.vec") != segment(tmp_path / "c.vec", 9)
    assert (tmp_path / "a.vec").read_bytes() == (tmp_path / "b.vec").read_bytes()


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.vec"
    segment(path, 3, 4)
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :])
        with pytest.raises(IndexDamaged, match=r"rebuild|update"):
            read_segment(path, verify=True)
        if at < 32:
            with pytest.raises(IndexDamaged):
                read_segment(path)


def test_every_cut_is_noticed_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "a.vec"
    segment(path, 3, 4)
    good = path.read_bytes()
    for size in range(len(good)):
        path.write_bytes(good[:size])
        with pytest.raises(IndexDamaged, match="damaged"):
            read_segment(path)
    path.write_bytes(good + b"x")
    with pytest.raises(IndexDamaged, match="bytes"):
        read_segment(path)


def test_missing_foreign_swapped_and_future_files(tmp_path: Path) -> None:
    path = tmp_path / "a.vec"
    with pytest.raises(IndexDamaged, match="missing"):
        read_segment(path)
    path.write_bytes(b"%PDF-1.4" + b" " * 100)
    with pytest.raises(IndexDamaged, match="begin"):
        read_segment(path)
    sha = segment(path, 4)
    write_segment(path, np.arange(4), unit(4, seed=1))
    read_segment(path, verify=True)
    with pytest.raises(IndexDamaged, match="recorded"):
        read_segment(path, sha256=sha)
    start = struct.pack("<8sIIQ4x", b"SEMVEC\r\n", FORMAT + 1, 4, 0)
    path.write_bytes(start + struct.pack("<I", zlib.crc32(start)) + bytes(32))
    with pytest.raises(IndexDamaged, match=rf"format {FORMAT + 1}.*update"):
        read_segment(path)


def test_bad_input_leaves_no_file(tmp_path: Path) -> None:
    for ids, vectors in [
        (np.array([1, 2]), unit(1)),
        (np.array([1]), unit(1)[0]),
        (np.array([1]), np.full((1, 2), np.inf, np.float32)),
    ]:
        with pytest.raises(ValueError):
            write_segment(tmp_path / "a.vec", ids, vectors)
    with pytest.raises(StorageError, match="Cannot write"):
        segment(tmp_path / "no" / "a.vec")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.vec"
    sha = segment(path)
    code = f"""
import resource, numpy as np
from pathlib import Path
from semsearch.errors import StorageError
from semsearch.storage.vectors import write_segment
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_segment(Path({str(path)!r}), np.arange(1000), np.zeros((1000, 16), np.float32))
except StorageError as error:
    print(error)
"""
    pytest.importorskip("resource", reason="file size limits exist on POSIX only")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "free some space" in done.stdout
    read_segment(path, sha256=sha, verify=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.vec"]


def test_opening_a_big_file_reads_its_header_only(tmp_path: Path) -> None:
    """A sparse file of 2**36 bytes opens, and its last row is there."""
    path, count, dim = tmp_path / "a.vec", 2**30, 28
    start = struct.pack("<8sIIQ4x", b"SEMVEC\r\n", 1, dim, count)
    with path.open("wb") as file:
        file.write(start + struct.pack("<I", zlib.crc32(start)) + bytes(32))
        try:
            file.truncate(64 + count * (8 + 2 * dim))
        except OSError:
            pytest.skip("no sparse files of this size here")
    ids, vectors = read_segment(path)
    assert vectors.shape == (count, dim)
    assert ids[-1] == 0
    assert not vectors[-1].any()
