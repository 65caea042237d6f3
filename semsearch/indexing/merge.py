"""Merging small vector segments, as an index grows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..failpoints import failpoint
from ..storage import Segment, Store
from ..storage.layout import Folder
from ..storage.segments import open_segment, write_segment
from ..storage.vectors import train_codebook

if TYPE_CHECKING:
    from ..types import Ids

__all__ = ["merge_segments"]

MAX_SEGMENT_PASSAGES = 131_072
"""Passages that merging puts into one segment at most, so that no merge takes long."""

MERGE_FACTOR = 4
"""Neighbouring segments of about the same size that are merged into one."""

MIN_VECTORS_FOR_PQ = 16_384
"""Vectors from which on a merged segment gets PQ codes; smaller ones are read into memory."""

CODEBOOK_SAMPLE = 16_384
"""Vectors that a codebook is trained on, about."""


def merge_segments(folder: Folder, store: Store, fingerprint: str) -> int:
    """Merge small neighbours, and leave out the vectors of removed passages.

    Readers go on with the old files, which are deleted last. Nothing is merged while there are vectors of two encoders:
    a rebuild was interrupted then.

    Returns:
        How many segments were replaced.
    """
    if any(segment.fingerprint != fingerprint for segment in store.segments()):
        return 0
    replaced = 0
    while group := _next_group(folder, store):
        failpoint("merge")
        number = store.reserve(0, 0)[2]
        merged = _write_merged(folder, number, fingerprint, group, np.array(store.tombstones(), np.int64))
        failpoint("merge written")
        with store.transaction():
            for segment in group:
                store.drop_segment(segment.number)
            store.purge_tombstones(group[0].first, group[-1].last)
            if merged:
                store.put_segment(merged)
        failpoint("merge committed")
        for segment in group:
            # Windows keeps files that a reader has open; a later writer deletes them.
            shutil.rmtree(folder.segment(segment.number), ignore_errors=True)
        replaced += len(group)
    return replaced


def _write_merged(
    folder: Folder, number: int, fingerprint: str, group: Sequence[Segment], tombstones: Ids
) -> Segment | None:
    """Write what is alive in the segments of ``group`` as a new segment; None if nothing is."""
    ids = []
    vectors = []
    for segment in group:
        file = open_segment(folder, segment, verify=True)
        alive = ~np.isin(file.ids, tombstones)
        ids.append(file.ids[alive])
        vectors.append(file.vectors[alive])
    merged_ids = np.concatenate(ids)
    if not len(merged_ids):
        return None
    merged_vectors = np.concatenate(vectors)
    codebook = None
    if len(merged_ids) >= MIN_VECTORS_FOR_PQ:
        step = max(1, len(merged_ids) // CODEBOOK_SAMPLE)
        codebook = train_codebook(merged_vectors[::step])
    return write_segment(folder, number, fingerprint, merged_ids, merged_vectors, codebook)


def _next_group(folder: Folder, store: Store) -> list[Segment]:
    """The neighbours to merge next, or a single segment that is half dead or lacks codes; empty if there are none.

    From the newest segment back, an older one joins if it has at most twice as many passages as all newer ones of the
    group together. So a vector is rewritten only as often as the index doubles.
    """
    segments = store.segments()
    tombstones = np.array(store.tombstones(), np.int64)
    for segment in segments:
        dead = np.searchsorted(tombstones, segment.last, "right") - np.searchsorted(tombstones, segment.first)
        if dead and 2 * dead >= segment.passages:
            return [segment]
        if segment.passages >= MIN_VECTORS_FOR_PQ and not open_segment(folder, segment).coded:
            return [segment]
    end = len(segments)
    while end:
        start = end - 1
        passages = segments[start].passages
        while start:
            older = segments[start - 1].passages
            if older > 2 * passages or older + passages > MAX_SEGMENT_PASSAGES:
                break
            start -= 1
            passages += older
        if end - start >= MERGE_FACTOR:
            return segments[start:end]
        end = start
    return []
