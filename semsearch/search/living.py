"""The vectors that a reader searches: of the segments that the database names, without the dead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import IndexDamaged
from ..storage import Segment
from ..storage.layout import Folder
from ..storage.segments import opened
from ..storage.vectors import MappedIndex, SegmentFile, among
from . import session

if TYPE_CHECKING:
    from ..types import Ids, Vectors, VectorSearch

__all__ = ["Living", "enough"]


class Living:
    """Vectors of passages, by the passage's id."""

    def __init__(self, folder: Folder, dim: int, kind: VectorSearch) -> None:
        self.index = MappedIndex(dim)
        self._folder, self._kind = folder, kind
        self._coded: dict[int, SegmentFile] = {}  # by number, the files that have codes
        self._read: dict[int, Ids] = {}  # by number, the ids of the segments whose vectors are in memory

    def refresh(self, segments: Sequence[Segment], dead: Ids, *, verify: bool) -> None:
        """To the living of ``segments``; of ``dead``, passages, nothing is found. Raises IndexDamaged."""
        named = {segment.number for segment in segments}
        new = {s.number: self._open(s, verify) for s in segments if s.number not in {*self._coded, *self._read}}
        self._coded = {number: file for number, file in (self._coded | new).items() if number in named and file.coded}
        mapped = self._coded if self._maps() else {}
        lost = self._read.keys() - (named - mapped.keys())
        fresh = {number: file for number, file in (new | self._coded).items() if number not in mapped | self._read}
        self._read = {n: ids for n, ids in self._read.items() if n not in lost} | {
            number: np.array(file.ids) for number, file in fresh.items()
        }
        have = self.index.recent.ids
        gone = among(have, dead)
        if lost:  # merged into others, as a rule
            gone |= ~among(have, np.concatenate([np.empty(0, np.int64), *self._read.values()]))
        self.index.recent.remove(have[gone])
        self.index.place(list(mapped.values()))
        added = [(ids, f.vectors) for n, f in fresh.items() for ids in [self._read[n]]]
        kept = [~among(ids, dead) & ~among(ids, have[~gone]) for ids, _ in added]
        if any(some.any() for some in kept):
            self.index.recent.add(
                np.concatenate([ids[some] for (ids, _), some in zip(added, kept, strict=True)]),
                np.concatenate([rows[some] for (_, rows), some in zip(added, kept, strict=True)]),
            )
        self.index.remove(dead)

    def near(self, vector: Vectors, count: int, allowed: Ids | None) -> Ids:
        """The ids of the ``count`` nearest to ``vector`` (1, dim); of ``allowed`` only (None: all)."""
        return self.index.near(vector, count, allowed)[0][0]

    def _maps(self) -> bool:
        """Whether codes are used."""
        return self._kind == "approximate" or (self._kind == "auto" and enough(self._coded.values()))

    def _open(self, segment: Segment, verify: bool) -> SegmentFile:
        file = opened(self._folder, segment, verify=verify)
        if file.vectors.shape[1] != self.index.dim:
            raise IndexDamaged(
                f"segment {segment.number} has vectors of another length; run: semsearch doctor --repair"
            )
        return file


def enough(files: Iterable[SegmentFile]) -> bool:
    """Whether it pays to find the vectors of ``files``, of one kind, by their codes."""
    return sum(file.count for file in files if file.coded) >= session.EXACT
