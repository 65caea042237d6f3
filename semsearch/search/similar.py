"""Passages similar to a text, to a stored passage, or to a stored article."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import IndexDamaged, UsageError
from ..filters import Filter
from ..paths import absolute, globs_below
from ..protocols import Encoder
from ..storage import Store
from ..text import as_query, canonical
from ..types import Article, Hit, Mode, Query
from .request import SearchRequest
from .search import hybrid_search
from .snapshot import Snapshot

if TYPE_CHECKING:
    from ..types import Vectors

__all__ = ["similar_to_article", "similar_to_passage", "similar_to_text"]

LEADING_PASSAGES = 3
"""Number of passages whose words represent an article in lexical search; its vector is the mean of all passages."""


def similar_to_text(
    store: Store,
    snapshot: Snapshot,
    query: Query,
    k: int,
    *,
    mode: Mode,
    filters: Filter,
    encoder: Encoder | None,
) -> list[Hit]:
    """Return passages similar to a text, without those that consist of exactly this text."""
    vector = encoder.encode_passages([query.text])[0] if encoder is not None else None
    text = _comparable(query.text)
    identical: set[int] = set()
    while True:
        # The same text may occur in many articles: the more were found, the more are fetched.
        fetched = max(k, 2 * len(identical))
        request = SearchRequest(query, vector, fetched, mode, filters, excluded=identical)
        hits = hybrid_search(store, snapshot, request, encoder)
        more = {hit.passage.id for hit in hits if _comparable(hit.passage.text) == text}
        if not more:
            return hits[:k]
        identical = identical | more


def similar_to_passage(
    store: Store,
    snapshot: Snapshot,
    passage_id: int,
    k: int,
    *,
    mode: Mode,
    filters: Filter,
    encoder: Encoder | None,
    same_article: bool,
) -> list[Hit]:
    """Return passages similar to a stored one.

    Raises:
        UsageError: There is no such passage.
    """
    stored = store.load([passage_id])
    if not stored:
        raise UsageError(f"There is no passage {passage_id} in the index; `search` prints the ids of passages.")
    passage, article = stored[passage_id]
    vector = None if encoder is None else _mean_vector(snapshot, [passage_id])
    excluded = [passage_id] if same_article else store.passage_ids([article.id])
    request = SearchRequest(as_query(passage.text), vector, k, mode, filters, excluded)
    return hybrid_search(store, snapshot, request, encoder)


def similar_to_article(
    store: Store,
    snapshot: Snapshot,
    source: str,
    k: int,
    *,
    mode: Mode,
    filters: Filter,
    encoder: Encoder | None,
    same_article: bool,
) -> list[Hit]:
    """Return passages similar to a stored article.

    Raises:
        UsageError: The source is unknown, or there are several articles in it.
    """
    article = _article(store, source)
    passages = store.passages(article)
    if not passages:
        return []
    leading = [passage.text for passage in passages[:LEADING_PASSAGES]]
    query = as_query("\n\n".join([article.title, *leading]))
    ids = [passage.id for passage in passages]
    vector = None if encoder is None else _mean_vector(snapshot, ids)
    request = SearchRequest(query, vector, k, mode, filters, excluded=() if same_article else ids)
    return hybrid_search(store, snapshot, request, encoder)


def _article(store: Store, source: str) -> Article:
    known = store.source(source) or store.source(absolute(source))
    if known is not None:
        return store.article(known.article)
    inside = store.sources_like([*globs_below(source), *globs_below(absolute(source))], 2)
    if inside:
        raise UsageError(f"{source} contains several articles; name one of them, such as {inside[0]}")
    raise UsageError(f"{source} is not in the index; `search` and `show` print the sources of articles.")


def _mean_vector(snapshot: Snapshot, passages: Sequence[int]) -> Vectors:
    """Return the mean of the passages' vectors, of unit length, shape (dim,).

    Raises:
        IndexDamaged: A vector is missing.
    """
    assert snapshot.vectors is not None
    try:
        vectors = snapshot.vectors.get(np.array(passages, np.int64))
    except KeyError as error:
        raise IndexDamaged(f"Passage {error} has no vector; run: semsearch rebuild") from error
    total: Vectors = vectors.sum(axis=0)
    return total / max(float(np.linalg.norm(total)), 1e-12)


def _comparable(text: str) -> str:
    return " ".join(canonical(text).split())
