"""Retrieval of candidates: the passages that the vectors or the lexical index find best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..storage import Store
from ..storage.bm25 import score_passages
from ..storage.term_vectors import TermVectors
from ..storage.vectors import isin
from .request import SearchRequest
from .snapshot import Snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids

__all__ = ["CANDIDATES_PER_RETRIEVER", "Candidates", "retrieve_candidates", "top_k", "unique"]

CANDIDATES_PER_RETRIEVER = 100
"""Minimum number of candidates that each retriever contributes."""

OVERSAMPLING = 2
"""The search by the rarest terms fetches this many times more passages; all terms then rescore them."""

MAX_POSTINGS = 100_000
"""Terms count as rare while their postings add up to no more than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Passages that are worth scoring.

    Attributes:
        ids: Ids of the passages, ascending, shape (n,).
        articles: The article of each, shape (n,).
    """

    ids: Ids
    articles: Ids

    def __len__(self) -> int:
        return len(self.ids)


def retrieve_candidates(store: Store, snapshot: Snapshot, request: SearchRequest, allowed: Ids | None) -> Candidates:
    """Return the best passages by each retriever, without those that are excluded.

    Args:
        store: The database, in the state of the snapshot.
        snapshot: Vectors and terms.
        request: What is searched for.
        allowed: The only ids that may be found, ascending; ``None`` means all.
    """
    depth = max(CANDIDATES_PER_RETRIEVER, request.k) + len(request.excluded)
    dense = _nearest(snapshot, request, depth, allowed)
    lexical = _best_by_terms(store, snapshot, request, depth, allowed)

    found = unique(np.concatenate([dense, lexical]))
    ids = found[~isin(found, np.array(list(request.excluded), np.int64))]
    article_of = store.articles_of_passages(ids.tolist())
    ids = ids[_are_keys(ids, article_of)]
    articles = np.array([article_of[passage] for passage in ids.tolist()], np.int64)
    return Candidates(ids, articles)


def top_k(ids: Ids, scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the positions of the ``k`` best scores, best first; ties by id."""
    best: NDArray[np.int64] = np.lexsort((ids, -scores))[:k]
    return best


def unique(ids: Ids) -> Ids:
    """Return the distinct ids, ascending; ``np.unique`` would import numpy.ma, 7 ms of a cold start."""
    ordered = np.sort(ids)
    return ordered[np.diff(ordered, prepend=-1) > 0]


def _nearest(snapshot: Snapshot, request: SearchRequest, depth: int, allowed: Ids | None) -> Ids:
    if request.vector is None:
        return np.empty(0, np.int64)
    assert snapshot.vectors is not None
    return snapshot.vectors.nearest(request.vector, depth, allowed)


def _best_by_terms(store: Store, snapshot: Snapshot, request: SearchRequest, depth: int, allowed: Ids | None) -> Ids:
    if not request.uses_terms:
        return np.empty(0, np.int64)
    assert snapshot.terms is not None
    query = request.query.text
    target = OVERSAMPLING * depth
    fetched = target
    while True:
        ranking = snapshot.terms.search(query, fetched, allowed, max_postings=MAX_POSTINGS)
        ids = np.array(sorted(passage for passage, _ in ranking), np.int64)
        # The lexical index may hold passages that the database does not name yet, or no longer.
        known = ids[_are_keys(ids, store.articles_of_passages(ids.tolist()))]
        if len(known) >= target or len(ids) < fetched:
            break
        fetched *= 2
    if not len(known):
        return known
    term_vectors = TermVectors(store.term_vectors(known.tolist()))
    scores = score_passages(term_vectors, snapshot.terms.analyze(query))
    return known[top_k(known, scores, depth)]


def _are_keys(ids: Ids, table: dict[int, int]) -> NDArray[np.bool_]:
    return np.fromiter((passage in table for passage in ids.tolist()), np.bool_, len(ids))
