"""Segment files: ids and vectors that are written once and then only read, mapped.

All numbers little endian::

    0   8  magic "SEMVEC\\r\\n"
    8   4  format version: 1 without codes; 2 and 3 with codes
    12  4  dim
    16  8  count
    24  4  version 1: zeros; else CRC-32 of the codebook, which is looked at whenever the file is opened
    28  4  CRC-32 of bytes 0..27
    32 32  SHA-256 of bytes 0..31 and of everything from byte 64 on
    64     count ids, int64, in version 2 ascending; in version 3 the first id, int64, and then for each id, ascending,
           how much more it is than the first, uint32
    ...    count x dim vectors, float16
    ...    versions 2 and 3: the codebook, ceil(dim / 4) x 16 x 4 numbers, float32
    ...    versions 2 and 3: count codes of (ceil(dim / 4) + 1) // 2 bytes each, see ``codes``
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import IndexDamaged, StorageError
from .flat import checked
from .pq import GROUP, ROWS, encoded, groups, width

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...types import Ids, Vectors
    from .flat import Float16Array
    from .pq import Codebook, Codes

__all__ = ["FORMAT", "SegmentFile", "open_segment", "read_segment", "write_segment"]

FORMAT = 3
"""Latest version of the segment file."""

_MAGIC = b"SEMVEC\r\n"
_HEAD = struct.Struct("<8sIIQI")
_SIZE = 64
_LIMIT = (1 << 32) - 1  # of what an id of version 3 may be more than the first, and where looking for one ends


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFile:
    """What a file holds: mapped, read-only."""

    more: NDArray[np.int64 | np.uint32]  # shape (n,): what each id is more than ``first``
    vectors: Float16Array  # shape (n, dim)
    first: int = 0
    codebook: Codebook | None = None  # None: the file has no codes
    codes: Codes | None = None

    @property
    def coded(self) -> bool:
        return self.codes is not None

    @property
    def count(self) -> int:
        return len(self.more)

    @property
    def ids(self) -> Ids:
        """Shape (n,)."""
        return self.first + self.more.astype(np.int64, copy=False)

    def at(self, rows: Ids) -> Ids:
        """The ids of ``rows``. O(asked)."""
        return self.first + self.more.take(rows).astype(np.int64, copy=False)

    def rows(self, ids: Ids) -> tuple[Ids, NDArray[np.bool_]]:
        """For each of ``ids`` its row, and whether it is here at all; of a file with codes only. O(asked)."""
        rows = self._place(ids)
        rows[rows == self.count] = 0
        return rows, self.at(rows) == ids if self.count else np.zeros(len(ids), np.bool_)

    def between(self, firsts: Ids, lasts: Ids) -> Ids:
        """The rows of all ids in any of the ranges ``firsts[i] <= id < lasts[i]``, range by range. O(asked)."""
        return spans(self._place(firsts), self._place(lasts))

    def _place(self, ids: Ids) -> Ids:
        more = ids - self.first
        if self.more.dtype == np.uint32:  # of another type, all that is here would be converted for each look
            more = np.clip(more, 0, _LIMIT).astype(np.uint32)
        return np.searchsorted(self.more, more)


def spans(firsts: Ids, lasts: Ids) -> Ids:
    """firsts[0], firsts[0] + 1, ..., lasts[0] - 1, firsts[1], ..."""
    counts = lasts - firsts
    starts = np.repeat(firsts - np.cumsum(counts) + counts, counts)
    places: Ids = starts + np.arange(len(starts))
    return places


def write_segment(
    path: Path, ids: Ids, vectors: Vectors | Float16Array | Iterable[Float16Array], codebook: Codebook | None = None
) -> str:
    """Writes a new immutable file of ``ids`` (n,) and ``vectors`` (n, dim) rounded to float16; durable on return.

    ``vectors`` may come in parts, at least one, so that not all of them have to be in memory. With a ``codebook``
    their codes are made and written, too; then ``ids`` have to ascend. Written beside ``path`` as
    ``path + ".tmp"``, synced and renamed, so ``path`` is never half a file. Returns the SHA-256 (hex) that the
    header carries.

    Raises ValueError for shapes that do not fit, ids that do not ascend, or numbers that are not finite,
    StorageError if the disk is full, read-only or not writable.
    """
    ids = np.ascontiguousarray(ids, "<i8")
    if isinstance(vectors, np.ndarray):
        vectors = [checked(ids, vectors, None)[1]]
    if codebook is not None and (ids[1:] <= ids[:-1]).any():
        raise ValueError("ids that do not ascend cannot go into a file with codes")
    parts = iter(vectors)
    first = next(parts)
    dim = first.shape[1]
    named: list[NDArray[Any]] = [ids]
    if codebook is None:
        start = _HEAD.pack(_MAGIC, 1, dim, len(ids), 0)
    else:
        codebook = np.ascontiguousarray(codebook, "<f4")
        near = len(ids) > 0 and int(ids[-1] - ids[0]) < _LIMIT
        start = _HEAD.pack(_MAGIC, 3 if near else 2, dim, len(ids), zlib.crc32(codebook.data))
        if near:
            named = [ids[:1], (ids - ids[0]).astype("<u4")]
    start += struct.pack("<I", zlib.crc32(start))
    digest = hashlib.sha256(start)
    part = path.with_name(path.name + ".tmp")
    try:
        with part.open("wb") as file:
            file.write(start + bytes(digest.digest_size))
            for data in map(_bytes, chain(named, _body(ids, chain([first], parts), dim, codebook))):
                digest.update(data)
                file.write(data)
            file.seek(len(start))
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(
            f"Cannot write {path} ({error.strerror}); free some space or check permissions, then run again."
        ) from error
    return digest.hexdigest()


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.data if array.size else memoryview(b"")


def _body(ids: Ids, parts: Iterable[Float16Array], dim: int, codebook: Codebook | None) -> Iterator[NDArray[Any]]:
    """The parts, each looked at, and what follows them; ValueError if they are not one vector for each id."""
    count, codes = 0, []
    for part in parts:
        halves = checked(ids[count : count + len(part)], part, dim)[1]
        count += len(part)
        yield halves
        if codebook is not None:
            codes.append(encoded(codebook, halves))
    if count != len(ids):
        raise ValueError(f"{count} vectors cannot go under ids of shape {ids.shape}")
    if codebook is not None:
        yield codebook
        yield from codes


def read_segment(path: Path, *, sha256: str | None = None, verify: bool = False) -> tuple[Ids, Float16Array]:
    """``ids`` (n,) int64 and ``vectors`` (n, dim) float16 of a file, as ``open_segment`` gives them."""
    found = open_segment(path, sha256=sha256, verify=verify)
    return found.ids, found.vectors


def open_segment(path: Path, *, sha256: str | None = None, verify: bool = False) -> SegmentFile:
    """A segment file: mapped, read-only.

    Only the header and the codebook are read, whatever the size: magic, version, their checksums and length of the
    file are checked, and with ``sha256`` that it is the very file recorded. ``verify`` reads all of it and
    compares the checksum.

    Raises IndexDamaged if the file is missing, not as written, or of a later version; StorageError if
    it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _SIZE:
                raise _damaged(path, "it is cut short")
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError as error:
        raise _damaged(path, "it is missing") from error
    except OSError as error:
        raise StorageError(f"Cannot read {path} ({error.strerror}); check permissions and the disk.") from error
    magic, version, dim, count, crc = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise _damaged(path, "it does not begin like one")
    if struct.unpack_from("<I", data, 28)[0] != zlib.crc32(data[:28]):
        raise _damaged(path, "its header is changed")
    if version > FORMAT:
        raise IndexDamaged(f"Vector file {path} has format {version}, not known to this semsearch; update semsearch.")
    lengths = [8, 4 * count] if version > 2 else [0, 8 * count]
    lengths.append(2 * count * dim)
    if version > 1:
        lengths += [4 * groups(dim) * ROWS * GROUP, count * width(dim)]
    ends = list(accumulate(lengths, initial=_SIZE))
    if size != ends[-1]:
        raise _damaged(path, f"it has {size} bytes where {ends[-1]} were written")
    written = bytes(data[32:64])
    if sha256 is not None and written.hex() != sha256:
        raise _damaged(path, "it is not the file that was recorded")
    if verify:
        digest = hashlib.sha256(data[:32])
        digest.update(data[_SIZE:])
        if digest.digest() != written:
            raise _damaged(path, "its checksum differs")
    kinds: tuple[Any, ...] = ("<i8", "<u4" if version > 2 else "<i8", "<f2", "<f4", np.uint8)
    first, more, vectors, *coded = (
        np.frombuffer(data[start:end], kind) for (start, end), kind in zip(pairwise(ends), kinds, strict=False)
    )
    vectors = vectors.reshape(count, dim)
    if not coded:
        return SegmentFile(more, vectors)
    if zlib.crc32(coded[0].data) != crc:
        raise _damaged(path, "its codebook is changed")
    codebook, codes = coded[0].reshape(-1, ROWS, GROUP), coded[1].reshape(count, width(dim))
    return SegmentFile(more, vectors, int(first[0]) if len(first) else 0, codebook, codes)


def _sync_folder(folder: Path) -> None:
    """A rename is durable once its folder is synced; not every system can open a folder."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(path: Path, why: str) -> IndexDamaged:
    return IndexDamaged(f"Vector file {path} is damaged: {why}; run: semsearch rebuild")
