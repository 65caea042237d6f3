"""Files of vector segments, and every way in which they can go wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from contract_vectorindex import DIM, unit

from semsearch.errors import IndexDamaged, StorageError
from semsearch.storage import Segment, Store
from semsearch.storage.layout import Folder
from semsearch.storage.segments import StoredVectors, open_segment, write_segment
from semsearch.storage.vectors import arrays_checksum, open_arrays, train_codebook, write_arrays


def codebook(vectors: np.ndarray) -> np.ndarray:
    return train_codebook(vectors.astype(np.float16))


def segment(path: Path, count: int = 10, dim: int = DIM, *, coded: bool = False) -> str:
    vectors = unit(count, dim=dim)
    return write_arrays(path, np.arange(count) - 3, vectors, codebook(vectors) if coded else None)


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize("coded", [False, True])
def test_round_trip(tmp_path: Path, count: int, coded: bool) -> None:
    checksum = segment(tmp_path / "1", count, coded=coded)
    file = open_arrays(tmp_path / "1")
    assert checksum == arrays_checksum(tmp_path / "1")
    assert file.ids.dtype == np.int64
    assert file.ids.tolist() == list(range(-3, count - 3))
    np.testing.assert_array_equal(file.vectors, unit(count).astype(np.float16))
    assert not file.vectors.flags.writeable
    assert file.coded == coded
    names = ["codebook.npy", "codes.npy", "ids.npy", "vectors.npy"] if coded else ["ids.npy", "vectors.npy"]
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == names


def test_the_files_are_numpys_own(tmp_path: Path) -> None:
    """Five numbers: two groups, the second filled up with zeros; the first group's code is the lower half of a byte."""
    book = np.zeros((2, 16, 4), np.float32)
    book[0, 3] = [1, 0, 0, 0]
    book[1, 9] = [0.5, 0, 0, 0]
    vectors = np.array([[1, 0, 0, 0, 0.5], [0, 0, 0, 0, 0.5]], np.float32)
    write_arrays(tmp_path / "1", np.array([4, 9]), vectors, book)
    assert np.load(tmp_path / "1" / "ids.npy").tolist() == [4, 9]
    assert np.load(tmp_path / "1" / "vectors.npy").tolist() == vectors.tolist()
    codes = np.load(tmp_path / "1" / "codes.npy")
    assert codes.shape == (2, 1)
    assert codes[0, 0] == 0x93
    assert codes[1, 0] >> 4 == 9
    assert not book[0, codes[1, 0] & 15].any()


def test_same_content_same_checksum(tmp_path: Path) -> None:
    assert segment(tmp_path / "1") == segment(tmp_path / "2") != segment(tmp_path / "3", 9)
    assert segment(tmp_path / "4", coded=True) != segment(tmp_path / "5")


def test_rows_of_ids_far_from_each_other(tmp_path: Path) -> None:
    ids = np.array([4, 9, 1 << 40])
    write_arrays(tmp_path / "1", ids, unit(3))
    rows, present = open_arrays(tmp_path / "1").rows(np.array([-1, 4, 5, 1 << 40, 1 << 60]))
    assert present.tolist() == [False, True, False, True, False]
    assert rows[present].tolist() == [0, 2]


@pytest.mark.parametrize("name", ["ids.npy", "vectors.npy", "codebook.npy", "codes.npy"])
def test_every_change_is_noticed(tmp_path: Path, name: str) -> None:
    checksum = segment(tmp_path / "1", 3, 4, coded=True)
    path = tmp_path / "1" / name
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :])
        assert arrays_checksum(tmp_path / "1") != checksum
        if at < 128:  # NumPy's header: open_segment all the same, or refused in our words
            try:
                open_arrays(tmp_path / "1")
            except IndexDamaged as error:
                assert "doctor --repair" in str(error)
    for size in range(len(good)):
        path.write_bytes(good[:size])
        with pytest.raises(IndexDamaged, match="damaged"):
            open_arrays(tmp_path / "1")
    path.write_bytes(good + b"x")
    assert arrays_checksum(tmp_path / "1") != checksum
    path.unlink()
    assert arrays_checksum(tmp_path / "1") != checksum


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(IndexDamaged, match="missing"):
        open_arrays(tmp_path / "1")
    segment(tmp_path / "1")
    (tmp_path / "1" / "vectors.npy").write_bytes(b"%PDF-1.4" + b" " * 100)
    with pytest.raises(IndexDamaged, match="changed"):
        open_arrays(tmp_path / "1")
    for array in (np.zeros((10, 4)), np.zeros((9, 4), np.float16), np.zeros(10, np.float16)):
        np.save(tmp_path / "1" / "vectors.npy", array)
        with pytest.raises(IndexDamaged, match="10 vectors"):
            open_arrays(tmp_path / "1")


def test_bad_input_leaves_no_file(tmp_path: Path) -> None:
    for ids, vectors in [
        (np.array([1, 2]), unit(1)),
        (np.array([2, 1]), unit(2)),
        (np.array([1, 1]), unit(2)),
        (np.empty(0, np.int64), unit(0)),
        (np.array([1]), unit(1)[0]),
        (np.array([1]), np.full((1, 2), np.inf, np.float32)),
    ]:
        with pytest.raises(ValueError):
            write_arrays(tmp_path / "1", ids, vectors)
    with pytest.raises(StorageError, match="Cannot write"):
        segment(tmp_path / "no" / "1")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="file size limits exist on POSIX only")
    code = f"""
import resource, numpy as np
from pathlib import Path
from semsearch.errors import StorageError
from semsearch.storage.vectors import write_arrays
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_arrays(Path({str(tmp_path / "1")!r}), np.arange(1000), np.zeros((1000, 16), np.float32))
except StorageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "free some space" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_opening_a_large_file_reads_its_header_only(tmp_path: Path) -> None:
    """Of a sparse file of 2**35 bytes the last vector is there."""
    count, dim = 2**29, 28
    segment(tmp_path / "1")
    for name, shape, kind in (("ids.npy", (count,), "<i8"), ("vectors.npy", (count, dim), "<f2")):
        with (tmp_path / "1" / name).open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
            try:
                file.truncate(file.tell() + int(np.prod(shape)) * np.dtype(kind).itemsize)
            except OSError:
                pytest.skip("no sparse files of this size here")
    found = open_arrays(tmp_path / "1")
    assert found.vectors.shape == (count, dim)
    assert found.ids[-1] == 0
    assert not found.vectors[-1].any()


# Segments of an index


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_the_database_names_is_what_is_read(folder: Folder, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store.db", {"manifest": "m"})
    first = write_segment(folder, 1, "encoder", np.array([4, 5, 9]), unit(3))
    second = write_segment(folder, 2, "encoder", np.array([10, 12]), unit(2, seed=1))
    assert (first.first, first.last, first.passages) == (4, 9, 3)
    with store.transaction():
        store.put_segment(first)
        store.put_segment(second)
    found = StoredVectors(folder, store, "encoder").vectors([5, 7, 12, 99])
    assert found.keys() == {5, 12}
    np.testing.assert_array_equal(found[5], unit(3)[1].astype(np.float16))
    np.testing.assert_array_equal(found[12], unit(2, seed=1)[1].astype(np.float16))
    assert StoredVectors(folder, store, "another").vectors([5]) == {}


def test_another_segment_in_its_place_is_noticed(folder: Folder) -> None:
    row = write_segment(folder, 1, "encoder", np.arange(4), unit(4))
    assert open_segment(folder, row, verify=True).count == 4
    folder.segment(1).rename(folder.segment(3))
    write_segment(folder, 1, "encoder", np.arange(4), unit(4, seed=1))
    open_segment(folder, row)  # the same ids
    with pytest.raises(IndexDamaged, match="checksum"):
        open_segment(folder, row, verify=True)
    for wrong in (
        Segment(1, "encoder", 0, 3, 3, row.sha256),
        Segment(1, "encoder", 1, 3, 4, row.sha256),
        Segment(1, "encoder", 0, 4, 4, row.sha256),
    ):
        with pytest.raises(IndexDamaged, match="other vectors"):
            open_segment(folder, wrong)
