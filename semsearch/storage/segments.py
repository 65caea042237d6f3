"""The vector segments of an index: the files that the database names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import IndexDamaged, StorageError
from . import Segment, Store
from .layout import Folder, make_folder
from .vectors import SegmentArrays, arrays_checksum, open_arrays, write_arrays

if TYPE_CHECKING:
    from ..types import Ids
    from .vectors import Codebook, Float16Array

__all__ = ["StoredVectors", "open_segment", "write_segment"]


def write_segment(
    folder: Folder,
    number: int,
    fingerprint: str,
    ids: Ids,
    vectors: Float16Array,
    codebook: Codebook | None = None,
) -> Segment:
    """Write the files of a new segment. It is no part of the index until the database names it.

    Args:
        folder: The folder of the index.
        number: A number from ``Store.reserve``.
        fingerprint: The fingerprint of the encoder.
        ids: Passage ids, ascending, shape ``(n,)``, n at least 1.
        vectors: Shape ``(n, dim)``.
        codebook: If given, the segment gets PQ codes.

    Returns:
        The row for the database. The files are durable.

    Raises:
        StorageError: The disk is full or cannot be written.
    """
    make_folder(folder.vectors)
    sha256 = write_arrays(folder.segment(number), ids, vectors, codebook)
    return Segment(number, fingerprint, int(ids[0]), int(ids[-1]), len(ids), sha256)


def open_segment(folder: Folder, segment: Segment, *, verify: bool = False) -> SegmentArrays:
    """Open the files of a segment. ``verify`` reads all of them and compares the checksum.

    Raises:
        IndexDamaged: They are not the files that the database names.
        StorageError: They cannot be read.
    """
    path = folder.segment(segment.number)
    file = open_arrays(path)
    if (file.count, file.ids[0], file.ids[-1]) != (segment.passages, segment.first, segment.last):
        raise IndexDamaged(f"{path} holds other vectors than recorded; run: semsearch doctor --repair")
    if verify:
        try:
            checksum = arrays_checksum(path)
        except OSError as error:
            raise StorageError(f"Cannot read {path} ({error.strerror}); check permissions and the disk.") from error
        if checksum != segment.sha256:
            raise IndexDamaged(f"{path} does not match its checksum; run: semsearch doctor --repair")
    return file


class StoredVectors:
    """Vectors of single passages, read from the segments of one encoder."""

    def __init__(self, folder: Folder, store: Store, fingerprint: str) -> None:
        self._folder = folder
        self._segments = store.segments(fingerprint)

    def vectors(self, passages: Sequence[int]) -> dict[int, Float16Array]:
        """The vectors of ``passages`` by id, each of shape ``(dim,)``; ids without an intact vector are left out.

        Raises:
            IndexDamaged: A segment is damaged.
        """
        found: dict[int, Float16Array] = {}
        for segment in self._segments:
            ids = np.array([id_ for id_ in passages if segment.first <= id_ <= segment.last], np.int64)
            if not len(ids):
                continue
            file = open_segment(self._folder, segment)
            rows, here = file.rows(ids)
            for id_, row in zip(ids[here].tolist(), rows[here].tolist(), strict=True):
                if np.isfinite(file.vectors[row]).all():  # else it is damaged, and is computed again
                    found[id_] = file.vectors[row]
        return found
