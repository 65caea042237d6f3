"""Unit vectors by id: exact search with FAISS, and the immutable files the vectors are kept in.

The inner product is the only metric. ``FlatIndex`` lives in memory and is filled from segment files at
opening (their bytes copied, nothing computed); other kinds (approximate, memory-mapped) can stand behind
the same protocol, ``types.VectorIndex``, and be fed from the same files.

A segment file, all numbers little endian::

    0   8  magic "SEMVEC\\r\\n"
    8   4  format version (1)
    12  4  dim
    16  8  count
    24  4  zeros
    28  4  CRC-32 of bytes 0..27
    32 32  SHA-256 of bytes 0..31 and of everything from byte 64 on
    64     count ids, int64
    ...    count x dim vectors, float16
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from .errors import IndexDamaged, StorageError
from .halves import widened
from .types import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .types import Ids, Vectors

    Halves = NDArray[np.float16]  # shape (n, dim)

__all__ = ["FORMAT", "FlatIndex", "among", "read_segment", "set_threads", "write_segment"]

FORMAT = 1
"""Version of the segment file."""

_MAGIC = b"SEMVEC\r\n"
_HEAD = struct.Struct("<8sIIQ4x")
_SIZE = 64


def among(ids: Ids, others: Ids) -> NDArray[np.bool_]:
    """Which of ``ids`` are in ``others``: ``np.isin``, which would import numpy.ma (a tenth of a cold start)."""
    return _in_sorted(ids, np.sort(others, kind="stable"))  # quick where they are sorted already, as most are


class FlatIndex:
    """Every vector compared: exact over vectors kept as float16, deterministic. Implements ``types.VectorIndex``.

    Vectors are rounded to float16 as in the segment files, sums are made in float32; that halves the
    memory and the time, and a vector scores the same before and after it went through a file. A
    question's scores depend neither on what else is asked in the same call nor on ``allowed``.
    """

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise ValueError(f"a vector index needs a dimension of at least 1, not {dim}")
        # Row i of the FAISS index has the id _ids[i]: an id of any size costs nothing, a filter by ids is
        # a bitmap over rows. For look-ups _sorted holds the ids ascending, and _order their rows (None: they
        # ascend already, as they do after most updates); both are made when needed.
        self._index = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._ids: Ids = np.empty(0, np.int64)
        self._sorted: Ids | None = None
        self._order: Ids | None = None

    @property
    def dim(self) -> int:
        return int(self._index.d)

    @property
    def ids(self) -> Ids:
        """All ids, ascending; shape (n,), read-only."""
        if self._sorted is None:
            ascend = bool((self._ids[1:] > self._ids[:-1]).all())
            self._order = None if ascend else np.argsort(self._ids, kind="stable")
            self._sorted = self._ids.view() if self._order is None else self._ids[self._order]
            self._sorted.flags.writeable = False
        return self._sorted

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Vectors | Halves) -> None:
        """Adds ``vectors`` (n, dim) under ``ids`` (n,); an id already there is replaced, the last of a batch wins.

        Raises ValueError for another dimension, another number of ids, or numbers that are not finite;
        then nothing is added.
        """
        ids, halves = _checked(ids, vectors, self.dim)
        backwards, first = np.unique(ids[::-1], return_index=True)
        if len(first) < len(ids):
            ids, halves = backwards, np.ascontiguousarray(halves[::-1][first])
        self.remove(ids)
        if len(ids):
            self._index.add_sa_codes(halves.view(np.uint8))
        self._ids, self._sorted = np.concatenate([self._ids, ids]), None

    def remove(self, ids: Ids) -> int:
        """Removes ``ids``; those not there are passed over. Returns how many went."""
        gone = among(self._ids, ids)
        if not gone.any():
            return 0
        removed = self._index.remove_ids(_selector(gone))  # the other rows keep their order
        self._ids, self._sorted = self._ids[~gone], None
        return int(removed)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]:
        """For each row of ``queries`` (n, dim) its best ``k`` as (id, inner product), ties by id.

        Fewer than ``k`` where fewer are there or in ``allowed`` (ids; None: all). Raises ValueError for
        another dimension.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries of shape {queries.shape} cannot be asked of vectors of {self.dim} numbers")
        params: Any = None
        size = len(self)
        if allowed is not None:
            mask = among(self._ids, allowed)
            parameters: Any = faiss.SearchParameters  # its keyword arguments are unknown to type checkers
            params, size = parameters(sel=_selector(mask)), int(mask.sum())
        if k < 1 or size == 0:
            return [[] for _ in queries]
        # One more than k shows whether the k-th ties with what follows; then more are fetched.
        asked = min(k + 1, size)
        rankings = []
        for row, (scores, rows) in enumerate(zip(*self._index.search(queries, asked, params=params), strict=True)):
            more = asked
            while more < size and scores[-1] == scores[k - 1]:
                more = min(4 * more, size)
                scores, rows = (found[0] for found in self._index.search(queries[row : row + 1], more, params=params))
            ids = self._ids[rows]
            best = np.lexsort((ids, -scores))[:k]
            rankings.append(list(zip(ids[best].tolist(), scores[best].tolist(), strict=True)))
        return rankings

    def get(self, ids: Ids) -> Vectors:
        """The vectors of ``ids`` in their order, (n, dim) float32. Raises KeyError naming the first unknown id."""
        ids = np.asarray(ids, np.int64)
        there = self.has(ids)
        if not there.all():
            raise KeyError(int(ids[~there][0]))
        rows = np.searchsorted(self.ids, ids)
        if self._order is not None:
            rows = self._order[rows]
        codes = self._index.codes
        if not len(rows):
            return np.empty((0, self.dim), np.float32)
        # Where they lie: half the time that FAISS takes to reconstruct them.
        halves = faiss.rev_swig_ptr(codes.data(), codes.size()).view("<f2").reshape(-1, self.dim)
        return widened(halves.take(rows, axis=0))

    def has(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of ``ids`` are here."""
        return _in_sorted(ids, self.ids)


def set_threads(threads: int | None) -> None:
    """How many threads FAISS uses in this process; None: as many as there are processors."""
    faiss.omp_set_num_threads(threads or os.cpu_count() or 1)


def write_segment(path: Path, ids: Ids, vectors: Vectors | Halves | Iterable[Halves]) -> str:
    """Writes a new immutable file of ``ids`` (n,) and ``vectors`` (n, dim) rounded to float16; durable on return.

    ``vectors`` may come in parts, at least one, so that not all of them have to be in memory. Written beside
    ``path`` as ``path + ".tmp"``, synced and renamed, so ``path`` is never half a file. Returns the SHA-256
    (hex) that the header carries.

    Raises ValueError for shapes that do not fit or numbers that are not finite, StorageError if the
    disk is full, read-only or not writable.
    """
    ids = np.ascontiguousarray(ids, "<i8")
    if isinstance(vectors, np.ndarray):
        vectors = [_checked(ids, vectors, None)[1]]
    parts = iter(vectors)
    first = next(parts)
    dim = first.shape[1]
    start = _HEAD.pack(_MAGIC, FORMAT, dim, len(ids))
    start += struct.pack("<I", zlib.crc32(start))
    digest = hashlib.sha256(start)
    part = path.with_name(path.name + ".tmp")
    try:
        with part.open("wb") as file:
            file.write(start + bytes(digest.digest_size))
            for data in chain([_bytes(ids)], map(_bytes, _halves(ids, chain([first], parts), dim))):
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


def _halves(ids: Ids, parts: Iterable[Halves], dim: int) -> Iterator[Halves]:
    """The parts, each looked at; ValueError if they are not one vector for each id."""
    count = 0
    for part in parts:
        yield _checked(ids[count : count + len(part)], part, dim)[1]
        count += len(part)
    if count != len(ids):
        raise ValueError(f"{count} vectors cannot go under ids of shape {ids.shape}")


def read_segment(path: Path, *, sha256: str | None = None, verify: bool = False) -> tuple[Ids, Halves]:
    """``ids`` (n,) int64 and ``vectors`` (n, dim) float16 of a segment file: mapped, read-only.

    Only the header is read, whatever the size: magic, version, header checksum and length of the file
    are checked, and with ``sha256`` that it is the very file recorded. ``verify`` reads all of it and
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
    magic, version, dim, count = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise _damaged(path, "it does not begin like one")
    if struct.unpack_from("<I", data, 28)[0] != zlib.crc32(data[:28]):
        raise _damaged(path, "its header is changed")
    if version > FORMAT:
        raise IndexDamaged(f"Vector file {path} has format {version}, not known to this semsearch; update semsearch.")
    middle, end = _SIZE + 8 * count, _SIZE + 8 * count + 2 * count * dim
    if size != end:
        raise _damaged(path, f"it has {size} bytes where {end} were written")
    written = bytes(data[32:64])
    if sha256 is not None and written.hex() != sha256:
        raise _damaged(path, "it is not the file that was recorded")
    if verify:
        digest = hashlib.sha256(data[:32])
        digest.update(data[_SIZE:])
        if digest.digest() != written:
            raise _damaged(path, "its checksum differs")
    ids = np.frombuffer(data[_SIZE:middle], "<i8")
    return ids, np.frombuffer(data[middle:], "<f2").reshape(count, dim)


def _in_sorted(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    if not len(ascending):
        return np.zeros(len(ids), np.bool_)
    found: NDArray[np.bool_] = ascending[np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)] == ids
    return found


def _selector(mask: NDArray[np.bool_]) -> Any:
    """FAISS's filter for the rows where ``mask`` is True."""
    bitmap: Any = faiss.IDSelectorBitmap
    return bitmap(np.packbits(mask, bitorder="little"))


def _checked(ids: Ids, vectors: Vectors | Halves, dim: int | None) -> tuple[Ids, Halves]:
    """``ids`` and the vectors rounded to float16, contiguous; ValueError for what does not fit."""
    ids = np.asarray(ids, np.int64)
    with np.errstate(over="ignore"):  # what is too large for float16 becomes infinite, and is refused below
        halves = np.ascontiguousarray(vectors, "<f2")
    if np.ndim(vectors) != 2 or halves.shape[1] != (dim or halves.shape[1]) or halves.shape[1] == 0:
        raise ValueError(f"vectors of shape {np.shape(vectors)} where (n, {dim or 'dim'}) is wanted")
    if ids.shape != (len(halves),):
        raise ValueError(f"{len(halves)} vectors cannot go under ids of shape {ids.shape}")
    exponents = halves.view("<u2") & 0x7C00  # all ones: infinite or not a number
    if (exponents == 0x7C00).any():
        raise ValueError("a vector holds a number that is not finite")
    return ids, halves


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
    return IndexDamaged(f"Vector file {path} is damaged: {why}; rebuild makes it again.")
