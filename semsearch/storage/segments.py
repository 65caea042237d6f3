"""Vector segments on disk: writing them, looking vectors up, merging small ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from ..errors import IndexDamaged
from ..failpoints import failpoint
from . import Segment, Store
from .layout import Folder, make_folder
from .vectors import SegmentFile, open_segment, trained, write_segment

if TYPE_CHECKING:
    from ..types import Ids
    from .vectors import Codebook, Float16Array

    Rows = Float16Array | Iterable[Float16Array]  # shape (n, dim), in one or several parts

__all__ = ["StoredVectors", "merge", "opened", "read", "write"]

LARGEST = 131_072
"""Passages that merging puts into one segment at most, so that no merge takes long."""

FAN = 4
"""Neighbouring segments of about one size that are merged into one."""

CODED = 16_384
"""Vectors from which on a file that merging makes has codes; smaller ones are read as they are."""

_ROWS = 16_384
"""Vectors that a merge has in memory at once, besides those that are mapped, and those that a codebook is made from."""


def write(folder: Folder, number: int, fingerprint: str, ids: Ids, vectors: Rows) -> Segment:
    """Write the file of a new segment, durable on return; nothing knows it until the database names it."""
    return _write(folder, number, fingerprint, ids, vectors, None)


def _write(
    folder: Folder, number: int, fingerprint: str, ids: Ids, vectors: Rows, codebook: Codebook | None
) -> Segment:
    make_folder(folder.vectors)
    sha256 = write_segment(folder.segment_file(number), ids, vectors, codebook)
    return Segment(number, fingerprint, int(ids.min()), int(ids.max()), len(ids), sha256)


class StoredVectors:
    """Vectors of single passages, read from the segments of one encoder."""

    def __init__(self, folder: Folder, store: Store, fingerprint: str) -> None:
        self._folder = folder
        self._segments = store.segments(fingerprint)

    def vectors(self, passages: Sequence[int]) -> dict[int, Float16Array]:
        """The vectors of ``passages`` by id, each of shape ``(dim,)``; ids without a vector are left out."""
        found: dict[int, Float16Array] = {}
        for segment in self._segments:
            wanted = np.array([id_ for id_ in passages if segment.first <= id_ <= segment.last], np.int64)
            if len(wanted):
                ids, vectors = read(self._folder, segment)
                for row in np.flatnonzero(np.isin(ids, wanted)):
                    found[int(ids[row])] = vectors[row]
        return found


def read(folder: Folder, segment: Segment, *, verify: bool = False) -> tuple[Ids, Float16Array]:
    """Ids and vectors of a segment, mapped. Raises IndexDamaged if its file is not the one that was recorded."""
    file = opened(folder, segment, verify=verify)
    return file.ids, file.vectors


def opened(folder: Folder, segment: Segment, *, verify: bool = False) -> SegmentFile:
    """The same with its codes, if it has any."""
    path = folder.segment_file(segment.number)
    file = open_segment(path, sha256=segment.sha256, verify=verify)
    if file.count != segment.passages:
        raise IndexDamaged(f"{path} is not the file that was recorded; run: semsearch doctor --repair")
    return file


def merge(folder: Folder, store: Store, fingerprint: str) -> int:
    """Puts small neighbours together and leaves the dead behind; how many segments went.

    Readers go on with the old files, which are deleted last. While vectors of two encoders are there (a
    rebuild was interrupted) nothing is merged.
    """
    if any(segment.fingerprint != fingerprint for segment in store.segments()):
        return 0
    went = 0
    while group := _next(folder, store):
        failpoint("merge")
        number = store.reserve(0, 0)[2]
        merged = _merged(folder, number, fingerprint, group, np.array(store.dead(), np.int64))
        failpoint("merge written")
        with store.transaction():
            for segment in group:
                store.drop_segment(segment.number)
            store.bury(group[0].first, group[-1].last)
            if merged:
                store.put_segment(merged)
        failpoint("merge committed")
        for segment in group:
            with suppress(OSError):  # Windows keeps a file that a reader holds; it is swept away later
                folder.segment_file(segment.number).unlink()
        went += len(group)
    return went


def _merged(folder: Folder, number: int, fingerprint: str, group: Sequence[Segment], dead: Ids) -> Segment | None:
    """A new segment of what lives in ``group``; None if nothing does."""
    parts = [read(folder, segment, verify=True) for segment in group]
    kept = [~np.isin(ids, dead) for ids, _ in parts]
    together = np.concatenate([ids[alive] for (ids, _), alive in zip(parts, kept, strict=True)])
    if not len(together):
        return None

    def vectors() -> Iterator[Float16Array]:
        for (_, rows), alive in zip(parts, kept, strict=True):
            for start in range(0, len(rows), _ROWS):
                yield rows[start : start + _ROWS][alive[start : start + _ROWS]]

    codebook = None
    if len(together) >= CODED:
        every = max(1, len(together) // _ROWS)
        sample = [rows[np.flatnonzero(alive)[::every]] for (_, rows), alive in zip(parts, kept, strict=True)]
        codebook = trained(np.concatenate(sample))
    return _write(folder, number, fingerprint, together, vectors(), codebook)


def _next(folder: Folder, store: Store) -> list[Segment]:
    """Neighbours to be merged, or one segment that is mostly dead or lacks codes; nothing if all is well.

    From the newest back, each older one joins that is at most twice all newer ones together: so every
    vector is rewritten only as often as the index doubles.
    """
    segments = store.segments()
    dead = np.array(store.dead(), np.int64)
    for segment in segments:
        gone = np.searchsorted(dead, segment.last, "right") - np.searchsorted(dead, segment.first)
        if gone and 2 * gone >= segment.passages:
            return [segment]
        if segment.passages >= CODED and not opened(folder, segment).coded:
            return [segment]
    end = len(segments)
    while end:
        start, total = end - 1, segments[end - 1].passages
        while start and segments[start - 1].passages <= 2 * total and segments[start - 1].passages + total <= LARGEST:
            start -= 1
            total += segments[start].passages
        if end - start >= FAN:
            return segments[start:end]
        end = start
    return []
