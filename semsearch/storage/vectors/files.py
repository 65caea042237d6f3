"""Files of a vector segment: NumPy arrays in a folder, written once and then only read, mapped.

ids.npy        (n,) int64, ascending
vectors.npy    (n, dim) float16
codebook.npy   (groups, 16, 4) float32   only if the segment has PQ codes, see ``pq``
codes.npy      (n, code size) uint8      only if the segment has PQ codes
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import IndexDamaged, StorageError
from .flat import checked
from .pq import CODEBOOK_ROWS, GROUP, code_size, encode, groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...types import Ids, Vectors
    from .flat import Float16Array
    from .pq import Codebook, Codes

__all__ = ["SegmentArrays", "arrays_checksum", "expand_ranges", "open_arrays", "write_arrays"]

_NAMES = ("ids.npy", "vectors.npy", "codebook.npy", "codes.npy")


@dataclass(frozen=True, slots=True, eq=False)
class SegmentArrays:
    """The arrays of one segment, mapped and read-only."""

    ids: Ids
    vectors: Float16Array
    codebook: Codebook | None = None
    codes: Codes | None = None

    @property
    def coded(self) -> bool:
        """Whether the segment has PQ codes."""
        return self.codes is not None

    @property
    def count(self) -> int:
        return len(self.ids)

    def rows(self, ids: Ids) -> tuple[Ids, NDArray[np.bool_]]:
        """For each of ``ids`` its row, and whether it is in this segment; where it is not, the row means nothing."""
        rows = np.searchsorted(self.ids, ids)
        rows[rows == self.count] = 0
        return rows, self.ids[rows] == ids


def expand_ranges(firsts: Ids, ends: Ids) -> Ids:
    """All numbers of the ranges ``firsts[i] <= number < ends[i]``, range by range."""
    counts = ends - firsts
    starts = np.repeat(firsts - np.cumsum(counts) + counts, counts)
    numbers: Ids = starts + np.arange(len(starts))
    return numbers


def write_arrays(folder: Path, ids: Ids, vectors: Vectors | Float16Array, codebook: Codebook | None = None) -> str:
    """Write the files of a new segment into ``folder``, which is created; durable on return.

    Args:
        folder: A folder that no one knows yet.
        ids: Shape ``(n,)``, ascending, n at least 1.
        vectors: Shape ``(n, dim)``; rounded to float16.
        codebook: If given, the vectors' PQ codes are written too.

    Returns:
        The SHA-256 of all files, as hexadecimal digits.

    Raises:
        ValueError: Shapes do not fit, ids do not ascend, or a number is not finite.
        StorageError: The disk is full, read-only or not writable.
    """
    ids, rounded = checked(ids, vectors, None)
    if not len(ids) or (ids[1:] <= ids[:-1]).any():
        raise ValueError("the ids of a segment must ascend, and there must be at least one")
    arrays: dict[str, NDArray[Any]] = {"ids.npy": ids.astype("<i8", copy=False), "vectors.npy": rounded}
    if codebook is not None:
        arrays["codebook.npy"] = np.ascontiguousarray(codebook, "<f4")
        arrays["codes.npy"] = encode(codebook, rounded)
    try:
        folder.mkdir(exist_ok=True)
        for name, array in arrays.items():
            _save(folder / name, array)
        _sync_folder(folder)
        _sync_folder(folder.parent)
        return arrays_checksum(folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageError(
            f"Cannot write {folder} ({error.strerror}); free some space or check permissions, then run again."
        ) from error


def open_arrays(folder: Path) -> SegmentArrays:
    """Map the files of a segment. Types and shapes are checked, contents are not read.

    Raises:
        IndexDamaged: A file is missing or not as it was written.
        StorageError: A file cannot be read.
    """
    ids = _load(folder / "ids.npy")
    vectors = _load(folder / "vectors.npy")
    count = len(ids) if ids.ndim == 1 else 0
    if not count or ids.dtype != "<i8":
        raise _damaged(folder / "ids.npy", "it does not hold ids")
    if vectors.dtype != "<f2" or vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
        raise _damaged(folder / "vectors.npy", f"it does not hold {count} vectors")
    if not (folder / "codes.npy").exists():
        return SegmentArrays(ids, vectors)
    dim = vectors.shape[1]
    codebook = _load(folder / "codebook.npy")
    codes = _load(folder / "codes.npy")
    if codebook.dtype != "<f4" or codebook.shape != (groups(dim), CODEBOOK_ROWS, GROUP):
        raise _damaged(folder / "codebook.npy", f"it does not hold a codebook for {dim} dimensions")
    if codes.dtype != np.uint8 or codes.shape != (count, code_size(dim)):
        raise _damaged(folder / "codes.npy", f"it does not hold {count} codes")
    return SegmentArrays(ids, vectors, codebook, codes)


def arrays_checksum(folder: Path) -> str:
    """The SHA-256 of a segment's files, names included, as hexadecimal digits. Reads all of them.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for name in _NAMES:
        path = folder / name
        if path.exists():
            with path.open("rb") as file:
                digest.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _save(path: Path, array: NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _load(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return array.view(np.ndarray)
    except FileNotFoundError as error:
        raise _damaged(path, "it is missing") from error
    except OSError as error:
        raise StorageError(f"Cannot read {path} ({error.strerror}); check permissions and the disk.") from error
    except Exception as error:  # reading a damaged header, NumPy raises errors of a dozen kinds
        raise _damaged(path, "it is cut short or changed") from error


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, if the system can."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(path: Path, reason: str) -> IndexDamaged:
    return IndexDamaged(f"Vector file {path} is damaged: {reason}; run: semsearch doctor --repair")
