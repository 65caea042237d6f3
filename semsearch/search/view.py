"""What a reader holds in memory: vectors and terms of the state it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import IndexDamaged
from ..filters import Filter
from ..paths import absolute
from ..storage import Store
from ..storage.filtering import filtered_passages
from ..storage.layout import Folder, Manifest
from ..storage.lexical import LexicalIndex
from ..storage.lexical_files import open_readonly
from .living import Living

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids, Vectors, VectorSearch

    Cosines = NDArray[np.float64]  # shape (n,), NaN where there is no vector

__all__ = ["View"]

_FILTERS = 8  # so many are remembered: eight bytes for each passage that one leaves


class View:
    """Everything a search needs apart from the database; each part is read when first used.

    It belongs to one encoder and one lexical index. ``refresh`` brings it to the state that the
    database is in; call it, and everything else, inside one of the store's snapshots.
    """

    def __init__(self, folder: Folder, manifest: Manifest, lexical: int, *, kind: VectorSearch, verify: bool) -> None:
        self.manifest = manifest
        self.lexical = lexical
        self._folder = folder
        self._verify = verify  # compare checksums of what is read: the seal did not
        self._passages = Living(folder, manifest.dim, kind)
        self._terms: LexicalIndex | None = None
        self._count: int | None = None
        self._allowed: dict[tuple[Filter, str], Ids | None] = {}
        self._terms_of = self._vectors_of = -1  # generations
        self.read_terms = False  # whether terms were read: what is read is the last commit, perhaps after the snapshot

    def refresh(self, store: Store, generation: int, *, vectors: bool) -> None:
        """To the state of ``store``, which is ``generation``; vectors only if they are needed."""
        if generation != self._terms_of:
            if self._terms is not None:
                self._terms.reload()
                self.read_terms = True
            self._terms_of, self._count, self._allowed = generation, None, {}
        if vectors and generation != self._vectors_of:
            segments, dead = store.segments(self.manifest.fingerprint), np.array(store.dead(), np.int64)
            self._passages.refresh(segments, dead, verify=self._verify)
            self._vectors_of = generation

    @property
    def terms(self) -> LexicalIndex:
        """BM25 over passages."""
        if self._terms is None:
            self._terms = open_readonly(self._folder.terms(self.lexical))
            self.read_terms = True
        return self._terms

    def allowed(self, filters: Filter, store: Store) -> Ids | None:
        """Return ``filtered_passages``, remembered: to go through all articles takes longer than a search."""
        key = (filters, "" if filters.source is None else absolute(filters.source))
        if key not in self._allowed:
            if len(self._allowed) >= _FILTERS:
                self._allowed.clear()
            self._allowed[key] = filtered_passages(store, filters)
        return self._allowed[key]

    def passages_per_article(self, store: Store) -> float:
        """Return the average number of passages of an article, 1.0 or more."""
        if self._count is None:
            self._count = store.article_count()
        return max(1.0, self.terms.count / max(1, self._count))

    def nearest(self, vector: Vectors, count: int, allowed: Ids | None) -> Ids:
        """The ``count`` nearest passages, of ``allowed`` only (None: of all), ascending."""
        return np.sort(self._passages.near(vector, count, allowed))

    def cosines(self, passages: Ids, articles: Ids, vector: Vectors) -> tuple[Cosines, Cosines]:
        """For each passage its cosine with ``vector`` (dim,), and that of the mean of its article's passages here.

        Passages of one article follow each other.
        """
        own, of_articles = np.full((2, len(passages)), np.nan)
        there = self._passages.index.has(passages)
        vectors, articles = self._passages.index.get(passages[there]), articles[there]
        own[there] = _cosines(vectors, vector)
        firsts = _firsts(articles)
        sums: Vectors = np.add.reduceat(vectors, firsts, axis=0)
        means = _cosines(sums, vector, np.linalg.norm(sums, axis=1))
        of_articles[there] = np.repeat(means, np.diff(firsts, append=len(articles)))
        return own, of_articles

    def mean(self, passages: Sequence[int]) -> Vectors:
        """The mean of the passages' vectors, of unit length; shape (1, dim). Raises IndexDamaged."""
        try:
            total: Vectors = self._passages.index.get(np.array(passages, np.int64)).sum(axis=0, keepdims=True)
        except KeyError as error:
            raise IndexDamaged(f"passage {error} has no vector; run: semsearch rebuild") from error
        return total / max(float(np.linalg.norm(total)), 1e-12)


def _cosines(vectors: Vectors, vector: Vectors, lengths: NDArray[np.float32] | float = 1.0) -> Cosines:
    cosines = (vectors @ vector).astype(np.float64) / np.maximum(lengths, 1e-12, dtype=np.float64)
    return np.round(cosines, 6)  # beyond that, sums differ with what else is asked


def _firsts(groups: Ids) -> Ids:
    """Where each run of equal numbers, 0 or more, begins."""
    return np.flatnonzero(np.diff(groups, prepend=-1))
