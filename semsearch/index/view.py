"""What a reader holds in memory: vectors and terms of the state it looks at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import IndexDamaged
from ..lexical import LexicalIndex
from ..store import Segment, Store
from ..vectors import FlatIndex, among
from .folder import Folder, Manifest
from .ranking import SENTENCES
from .segments import read
from .shadow import Terms

if TYPE_CHECKING:
    from ..types import Ids, Vectors
    from ..vectors import Halves

__all__ = ["View"]


class View:
    """Everything a search needs apart from the database; each part is read when first used.

    It belongs to one encoder and one lexical index. ``refresh`` brings it to the state that the
    database is in; call it, and everything else, inside one of the store's snapshots.
    """

    def __init__(self, folder: Folder, manifest: Manifest, lexical: int, *, verify: bool) -> None:
        self.manifest = manifest
        self.lexical = lexical
        self._folder = folder
        self._verify = verify  # compare checksums of what is read: the seal did not
        self._passages = _Vectors(folder, "passages", manifest.dim, 1)
        self._sentences = _Vectors(folder, "sentences", manifest.dim, SENTENCES)
        self._terms: Terms | None = None
        self._articles: Terms | None = None
        self._terms_of = self._vectors_of = -1  # generations

    def refresh(self, store: Store, generation: int, *, vectors: bool) -> None:
        """To the state of ``store``, which is ``generation``; vectors only if they are needed."""
        if generation != self._terms_of:
            for terms in (self._terms, self._articles):
                if terms is not None:
                    terms.reload()
            self._terms_of = generation
        if vectors and generation != self._vectors_of:
            segments, dead = store.segments(self.manifest.fingerprint), np.array(store.dead(), np.int64)
            for part in (self._passages, self._sentences):
                part.refresh(segments, dead, verify=self._verify)
            self._vectors_of = generation

    @property
    def terms(self) -> LexicalIndex:
        """BM25 over passages."""
        if self._terms is None:
            self._terms = Terms(self._folder.terms(self.lexical, "passages"), verify=self._verify)
        return self._terms.index

    @property
    def articles(self) -> LexicalIndex:
        """BM25 over whole articles."""
        if self._articles is None:
            self._articles = Terms(self._folder.terms(self.lexical, "articles"), verify=self._verify)
        return self._articles.index

    def nearest(self, vector: Vectors, count: int, allowed: Collection[int] | None) -> list[int]:
        """Passages among the ``count`` nearest, or with a sentence that is; ascending."""
        of_passages = self._passages.search(vector, count, allowed)
        of_sentences = self._sentences.search(vector, count, allowed)
        return sorted({*of_passages, *(id_ // SENTENCES for id_ in of_sentences)})

    def cosines(self, passages: Sequence[int], vector: Vectors) -> tuple[dict[int, float], dict[int, float]]:
        """For each passage its own cosine with ``vector`` (dim,), and the best of its sentences'."""
        ids = np.array(passages, np.int64)
        own = self._passages.cosines(ids, vector)
        sentences = self._sentences.of(ids)
        best: dict[int, float] = {}
        for id_, cosine in self._sentences.cosines(sentences, vector).items():
            best[id_ // SENTENCES] = max(cosine, best.get(id_ // SENTENCES, -1.0))
        return own, best

    def mean_cosines(self, groups: Mapping[int, Sequence[int]], vector: Vectors) -> dict[int, float]:
        """For each group of passages the cosine of ``vector`` (dim,) with their mean; none where there are no vectors."""
        found: dict[int, float] = {}
        ids = np.array([id_ for some in groups.values() for id_ in some], np.int64)
        there = among(ids, self._passages.index.ids)
        vectors = self._passages.index.get(ids[there])
        ends = np.cumsum([len(some) for some in groups.values()])
        ends = np.concatenate([[0], np.cumsum(there)])[ends]
        first = 0
        for group, last in zip(groups, ends.tolist(), strict=True):
            if last > first:
                total = vectors[first:last].sum(axis=0)
                found[group] = round(float(total @ vector) / max(float(np.linalg.norm(total)), 1e-12), 6)
            first = last
        return found

    def sentence_cosines(self, passage: int, count: int, vector: Vectors) -> list[float] | None:
        """The cosines of a passage's ``count`` sentences, in order; None if their vectors are not there."""
        ids = self._sentences.of(np.array([passage], np.int64))
        return list(self._sentences.cosines(ids, vector).values()) if len(ids) == count else None

    def mean(self, passages: Sequence[int]) -> Vectors:
        """The mean of the passages' vectors, of unit length; shape (1, dim). Raises IndexDamaged."""
        try:
            total: Vectors = self._passages.index.get(np.array(passages, np.int64)).sum(axis=0, keepdims=True)
        except KeyError as error:
            raise IndexDamaged(f"passage {error} has no vector; run: semsearch rebuild") from error
        return total / max(float(np.linalg.norm(total)), 1e-12)


class _Vectors:
    """The living vectors of one kind, from all segments."""

    def __init__(self, folder: Folder, kind: str, dim: int, factor: int) -> None:
        self._folder, self._kind, self._dim, self._factor = folder, kind, dim, factor
        self.index = FlatIndex(dim)
        self._known: set[int] = set()  # numbers of the segments read
        self._ids: Ids = self.index.ids

    def refresh(self, segments: Sequence[Segment], dead: Ids, *, verify: bool) -> None:
        named = {segment.number: segment for segment in segments}
        merged = not self._known <= named.keys()
        have, gone = self._ids, among(self._ids // self._factor, dead)
        ids: list[Ids] = []
        vectors: list[Halves] = []
        there: list[Ids] = []
        for number, segment in named.items():
            if number in self._known and not merged:
                continue
            found, rows = self._read(segment, verify=verify)
            there.append(found)
            # A merged segment holds mostly what is here already.
            fresh = ~among(found // self._factor, dead) & ~among(found, have)
            ids.append(found[fresh])
            vectors.append(rows if fresh.all() else rows[fresh])
        if merged:
            gone |= ~among(have, np.concatenate([*there, np.empty(0, np.int64)]))
        if gone.any():
            self.index.remove(have[gone])
        if any(len(part) for part in ids):
            self.index.add(np.concatenate(ids), np.concatenate(vectors))
        self._known = set(named)
        if gone.any() or ids:
            self._ids = self.index.ids

    def _read(self, segment: Segment, *, verify: bool) -> tuple[Ids, Halves]:
        ids, vectors = read(self._folder, segment, self._kind, verify=verify)
        if vectors.shape[1] != self._dim:
            raise IndexDamaged(
                f"segment {segment.number} has vectors of another length; run: semsearch doctor --repair"
            )
        return ids, vectors

    def search(self, vector: Vectors, count: int, allowed: Collection[int] | None) -> list[int]:
        only = None
        if allowed is not None:
            only = self._ids[among(self._ids // self._factor, np.fromiter(allowed, np.int64, len(allowed)))]
        return [id_ for id_, _ in self.index.search(vector, count, only)[0]]

    def of(self, passages: Ids) -> Ids:
        """The ids here that belong to ``passages``, passage by passage."""
        first = np.searchsorted(self._ids, passages * self._factor)
        last = np.searchsorted(self._ids, (passages + 1) * self._factor)
        parts = [self._ids[a:b] for a, b in zip(first, last, strict=True)]
        return np.concatenate(parts) if parts else self._ids[:0]

    def cosines(self, ids: Ids, vector: Vectors) -> dict[int, float]:
        ids = ids[among(ids, self._ids)]
        cosines = np.round(
            (self.index.get(ids) @ vector).astype(np.float64), 6
        )  # beyond that, sums differ with what else is asked
        return dict(zip(ids.tolist(), cosines.tolist(), strict=True))
