"""The live vectors of the segments of one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from ..errors import IndexDamaged
from ..storage import Segment
from ..storage.layout import Folder
from ..storage.segments import open_segment
from ..storage.vectors import MappedIndex, SegmentArrays, isin, pays_to_scan_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids, Vectors, VectorSearch

__all__ = ["SegmentSet"]


class SegmentSet:
    """Passage vectors by passage id, without tombstones. Immutable: ``updated`` makes the set of another snapshot.

    Large segments with PQ codes stay on disk and are searched by their codes; the others are read into memory.
    """

    def __init__(
        self, index: MappedIndex, coded: Mapping[int, SegmentArrays], in_memory: Mapping[int, Ids], kind: VectorSearch
    ) -> None:
        self._index = index
        self._coded = coded  # by segment number, the files that have codes
        self._in_memory = in_memory  # by segment number, the ids of the segments whose vectors were read
        self._kind = kind

    @classmethod
    def empty(cls, dim: int, kind: VectorSearch) -> Self:
        """Return a set without segments."""
        return cls(MappedIndex(dim), {}, {}, kind)

    def updated(self, folder: Folder, segments: Sequence[Segment], tombstones: Ids) -> SegmentSet:
        """Return the set of another snapshot; only segments that are not in this one are read.

        Args:
            folder: The index.
            segments: Those that the database names.
            tombstones: Ids of removed passages whose vectors are still in a segment, ascending.

        Raises:
            IndexDamaged: A file is missing or was changed.
        """
        numbers = {segment.number for segment in segments}
        new_files: dict[int, SegmentArrays] = {}
        for segment in segments:
            if segment.number not in self._coded and segment.number not in self._in_memory:
                new_files[segment.number] = self._open(folder, segment)

        files = {**self._coded, **new_files}
        coded = {number: file for number, file in files.items() if file.coded and number in numbers}
        on_disk = coded if self._scans_codes(coded) else {}

        kept = {n: ids for n, ids in self._in_memory.items() if n in numbers and n not in on_disk}
        files_to_read = {n: file for n, file in {**new_files, **coded}.items() if n not in on_disk and n not in kept}
        read = {number: np.array(file.ids) for number, file in files_to_read.items()}

        index = self._index.copy()
        dropped_segments = len(kept) < len(self._in_memory)
        _remove_from_memory(index, list(kept.values()), tombstones, dropped_segments)
        index.set_segments(list(on_disk.values()))
        _read_into_memory(index, list(files_to_read.values()), list(read.values()), tombstones)
        index.remove(tombstones)
        return SegmentSet(index, coded, {**kept, **read}, self._kind)

    def nearest(self, vector: Vectors, count: int, allowed: Ids | None) -> Ids:
        """Return the ids of the ``count`` passages nearest to ``vector``, ascending.

        Args:
            vector: Shape (dim,).
            count: How many.
            allowed: The only ids that may be found, ascending; ``None`` means all.
        """
        ((ids, _),) = self._index.search_arrays(vector[None], count, allowed)
        return np.sort(ids)

    def has(self, ids: Ids) -> NDArray[np.bool_]:
        """Return which of ``ids`` have a vector, shape (n,)."""
        return self._index.has(ids)

    def get(self, ids: Ids) -> Vectors:
        """Return the vectors of ``ids`` in their order, shape (n, dim).

        Raises:
            KeyError: An id has no vector.
        """
        return self._index.get(ids)

    def _scans_codes(self, coded: Mapping[int, SegmentArrays]) -> bool:
        if self._kind == "auto":
            return pays_to_scan_codes(coded.values())
        return self._kind == "approximate"

    def _open(self, folder: Folder, segment: Segment) -> SegmentArrays:
        file = open_segment(folder, segment)
        if file.vectors.shape[1] != self._index.dim:
            raise IndexDamaged(
                f"The vectors of segment {segment.number} have the wrong dimension; run: semsearch doctor --repair"
            )
        return file


def _remove_from_memory(index: MappedIndex, kept: Sequence[Ids], tombstones: Ids, dropped_segments: bool) -> None:
    """Remove tombstones, and the vectors of segments that are not among ``kept``."""
    ids = index.in_memory.ids
    removed = isin(ids, tombstones)
    if dropped_segments:
        removed |= ~isin(ids, np.concatenate([np.empty(0, np.int64), *kept]))
    index.in_memory.remove(ids[removed])


def _read_into_memory(
    index: MappedIndex, files: Sequence[SegmentArrays], ids_by_file: Sequence[Ids], tombstones: Ids
) -> None:
    """Add the live vectors of ``files``."""
    known = index.in_memory.ids
    new_ids, new_vectors = [], []
    for file, ids in zip(files, ids_by_file, strict=True):
        is_new = ~isin(ids, tombstones) & ~isin(ids, known)
        if is_new.any():
            new_ids.append(ids[is_new])
            new_vectors.append(file.vectors[is_new])
    if not new_ids:
        return
    try:
        index.in_memory.add(np.concatenate(new_ids), np.concatenate(new_vectors))
    except ValueError as error:  # the vectors were finite when they were written
        raise IndexDamaged(f"A vector file is damaged ({error}); run: semsearch doctor --repair") from error
