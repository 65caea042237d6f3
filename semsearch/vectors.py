"""Unit vectors by id: exact search with FAISS, and the immutable files the vectors are kept in.

The inner product is the only metric. ``FlatIndex`` lives in memory and is made anew from segment
files at opening; other kinds (approximate, memory-mapped) can stand behind the same protocol,
``types.VectorIndex``, and be fed from the same files.

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
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import faiss
import numpy as np
from numpy.typing import NDArray

from .errors import IndexDamaged, StorageError
from .types import Ranking

if TYPE_CHECKING:
    from .types import Ids, Vectors

__all__ = ["FORMAT", "FlatIndex", "read_segment", "set_threads", "write_segment"]

FORMAT = 1
"""Version of the segment file."""


class FlatIndex:
    """Every vector compared, in float32: exact and deterministic. Implements ``types.VectorIndex``.

    A question's scores do not depend on what else is asked in the same call, nor on ``allowed``.
    """

    def __init__(self, dim: int) -> None:
        raise NotImplementedError

    @property
    def dim(self) -> int:
        raise NotImplementedError

    @property
    def ids(self) -> Ids:
        """All ids, ascending; shape (n,)."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def add(self, ids: Ids, vectors: Vectors | NDArray[np.float16]) -> None:
        """Adds ``vectors`` (n, dim) under ``ids`` (n,); an id already there is replaced, the last of a batch wins.

        Raises ValueError for another dimension, another number of ids, or numbers that are not finite;
        then nothing is added.
        """
        raise NotImplementedError

    def remove(self, ids: Ids) -> int:
        """Removes ``ids``; those not there are passed over. Returns how many went."""
        raise NotImplementedError

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]:
        """For each row of ``queries`` (n, dim) its best ``k`` as (id, inner product), ties by id.

        Fewer than ``k`` where fewer are there or ``allowed`` (ids; None: all). Raises ValueError for
        another dimension.
        """
        raise NotImplementedError

    def get(self, ids: Ids) -> Vectors:
        """The vectors of ``ids`` in their order, (n, dim) float32. Raises KeyError naming the first unknown id."""
        raise NotImplementedError


def set_threads(threads: int | None) -> None:
    """How many threads FAISS uses in this process; None: as many as there are processors."""
    raise NotImplementedError


def write_segment(path: Path, ids: Ids, vectors: Vectors | NDArray[np.float16]) -> str:
    """Writes a new immutable file of ``ids`` (n,) and ``vectors`` (n, dim) rounded to float16; durable on return.

    Written beside ``path`` as ``path + ".tmp"``, synced and renamed, so ``path`` is never half a file.
    Returns the SHA-256 (hex) that the header carries. For equal results before and after a reopening,
    feed an index with what ``read_segment`` gives back, or with the vectors rounded to float16.

    Raises ValueError for shapes that do not fit or numbers that are not finite, StorageError if the
    disk is full, read-only or not writable.
    """
    raise NotImplementedError


def read_segment(
    path: Path, *, sha256: str | None = None, verify: bool = False
) -> tuple[Ids, NDArray[np.float16]]:
    """``ids`` (n,) int64 and ``vectors`` (n, dim) float16 of a segment file, mapped, read-only.

    Only the header is read, whatever the size: magic, version, header checksum and length of the file
    are checked, and with ``sha256`` that it is the very file recorded. ``verify`` reads all of it and
    compares the checksum.

    Raises IndexDamaged if it is missing or not as written, or of a later version; StorageError if the disk
    cannot be read.
    """
    raise NotImplementedError
