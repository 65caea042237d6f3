"""Vector segments on disk: writing a pair of files, looking vectors up, merging small ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from ..errors import IndexDamaged
from ..failpoints import failpoint
from ..search.ranking import SENTENCES
from . import Segment, Store
from .layout import Folder, make_folder
from .vectors import SegmentFile, open_segment, trained, write_segment

if TYPE_CHECKING:
    from ..types import Ids, Vectors
    from .vectors import Codebook, Float16Array

    Part = (
        tuple[Ids, Vectors | Float16Array | Iterable[Float16Array]]
        | tuple[Ids, Iterable[Float16Array], Codebook | None]
    )

__all__ = ["Shelf", "arrays", "merge", "opened", "read", "write"]

LARGEST = 131_072
"""Passages that merging puts into one segment at most, so that no merge takes long."""

FAN = 4
"""Neighbouring segments of about one size that are merged into one."""

CODED = 16_384
"""Vectors from which on a file that merging makes has codes; smaller ones are read as they are."""

_ROWS = 16_384
"""Vectors that a merge has in memory at once, besides those that are mapped, and those that a codebook is made from."""


def write(folder: Folder, number: int, fingerprint: str, passages: Part, sentences: Part) -> Segment:
    """Both files of a new segment, durable on return; it is nothing until the database names it."""
    make_folder(folder.vectors)
    first, last = int(passages[0].min()), int(passages[0].max())
    sums = [
        write_segment(folder.segment_file(number, kind), *part)
        for kind, part in (("passages", passages), ("sentences", sentences))
    ]
    return Segment(number, fingerprint, first, last, len(passages[0]), len(sentences[0]), *sums)


def arrays(pairs: Sequence[tuple[int, Float16Array]]) -> tuple[Ids, Float16Array]:
    """(id, vector) pairs as ``write`` wants them."""
    return np.array([id_ for id_, _ in pairs], np.int64), np.stack([vector for _, vector in pairs])


class Shelf:
    """Vectors of single passages, read from the segments of one encoder where they lie."""

    def __init__(self, folder: Folder, store: Store, fingerprint: str) -> None:
        self._folder = folder
        self._segments = store.segments(fingerprint)

    def vectors(self, passages: Sequence[int]) -> tuple[dict[int, Float16Array], dict[int, Float16Array]]:
        """By passage id and by sentence id; ids that have no vector are left out."""
        own: dict[int, Float16Array] = {}
        of_sentences: dict[int, Float16Array] = {}
        for segment in self._segments:
            wanted = np.array([id_ for id_ in passages if segment.first <= id_ <= segment.last], np.int64)
            if len(wanted):
                own |= dict(_found(opened(self._folder, segment, "passages"), wanted, 1))
                of_sentences |= dict(_found(opened(self._folder, segment, "sentences"), wanted, SENTENCES))
        return own, of_sentences


def _found(file: SegmentFile, wanted: Ids, factor: int) -> Iterator[tuple[int, Float16Array]]:
    if file.coded:  # its ids ascend, and are many
        rows = file.between(wanted * factor, (wanted + 1) * factor)
    else:
        rows = np.flatnonzero(np.isin(file.ids // factor, wanted))
    for row in rows:
        yield int(file.at(row)), file.vectors[row]


def read(folder: Folder, segment: Segment, kind: str, *, verify: bool = False) -> tuple[Ids, Float16Array]:
    """Ids and vectors of one file of a segment, mapped. Raises IndexDamaged if it is not the one that was recorded."""
    file = opened(folder, segment, kind, verify=verify)
    return file.ids, file.vectors


def opened(folder: Folder, segment: Segment, kind: str, *, verify: bool = False) -> SegmentFile:
    """The same with its codes, if it has any."""
    path = folder.segment_file(segment.number, kind)
    count, sha256 = segment.passages, segment.passages_sha256
    if kind == "sentences":
        count, sha256 = segment.sentences, segment.sentences_sha256
    file = open_segment(path, sha256=sha256, verify=verify)
    if file.count != count:
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
        dead = np.array(store.dead(), np.int64)
        parts = [
            _alive(folder, group, kind, factor, dead) for kind, factor in (("passages", 1), ("sentences", SENTENCES))
        ]
        number = store.reserve(0, 0)[2]
        merged = write(folder, number, fingerprint, *parts) if len(parts[0][0]) else None
        failpoint("merge written")
        with store.transaction():
            for segment in group:
                store.drop_segment(segment.number)
            store.bury(group[0].first, group[-1].last)
            if merged:
                store.put_segment(merged)
        failpoint("merge committed")
        for segment in group:
            for kind in ("passages", "sentences"):
                with suppress(OSError):  # Windows keeps a file that a reader holds; it is swept away later
                    folder.segment_file(segment.number, kind).unlink()
        went += len(group)
    return went


def _alive(folder: Folder, group: Sequence[Segment], kind: str, factor: int, dead: Ids) -> Part:
    parts = [read(folder, segment, kind, verify=True) for segment in group]
    kept = [~np.isin(ids // factor, dead) for ids, _ in parts]
    together = np.concatenate([ids[alive] for (ids, _), alive in zip(parts, kept, strict=True)])

    def vectors() -> Iterator[Float16Array]:
        for (_, rows), alive in zip(parts, kept, strict=True):
            for start in range(0, len(rows), _ROWS):
                yield rows[start : start + _ROWS][alive[start : start + _ROWS]]

    if len(together) < CODED:
        return together, vectors()
    every = max(1, len(together) // _ROWS)
    sample = [rows[np.flatnonzero(alive)[::every]] for (_, rows), alive in zip(parts, kept, strict=True)]
    return together, vectors(), trained(np.concatenate(sample))


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
        if segment.passages >= CODED and not opened(folder, segment, "passages").coded:
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
