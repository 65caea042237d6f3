"""Question answering over any retriever, reranker and reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .errors import UsageError
from .filters import NO_FILTER, Filter
from .protocols import Reader, Reranker, Retriever
from .text import as_query
from .types import Answer, Hit, Mode, Query

__all__ = ["RERANKED_HITS", "answer", "check_limit", "rerank", "search_and_rerank"]

RERANKED_HITS = 30
"""Minimum number of hits passed to a reranker."""


def answer(
    question: str | Query,
    retriever: Retriever,
    reader: Reader,
    reranker: Reranker | None = None,
    k: int = 5,
    *,
    mode: Mode = "hybrid",
    filters: Filter = NO_FILTER,
) -> Answer:
    """Search for the question, rerank the hits if there is a reranker, and let the reader answer from them.

    Args:
        question: The question; a string is analysed once.
        k: How many of the best hits the answer keeps, besides those that it cites.
        mode: Passed to the retriever.
        filters: Passed to the retriever.

    Returns:
        The reader's answer. ``found`` is False if the hits do not support one.

    Raises:
        UsageError: The question is empty or ``k`` is below 1; and what retriever, reranker and reader raise.
    """
    check_limit(k)
    query = as_query(question)
    depth = max(k, reader.depth(query))

    hits = search_and_rerank(query, retriever, reranker, depth, mode=mode, filters=filters)
    found = reader.read(query, hits)

    cited = {quote.citation.passage.id for quote in found.quotes}
    if found.citation is not None:
        cited.add(found.citation.passage.id)
    kept = tuple(hit for hit in hits if hit.rank <= k or hit.passage.id in cited)
    return replace(found, hits=kept)


def search_and_rerank(
    query: Query,
    retriever: Retriever,
    reranker: Reranker | None,
    k: int,
    *,
    mode: Mode = "hybrid",
    filters: Filter = NO_FILTER,
) -> list[Hit]:
    """Return the best ``k`` hits, in the reranker's order if there is one."""
    if reranker is None:
        return retriever.search(query, k, mode=mode, filters=filters)
    candidates = retriever.search(query, max(k, RERANKED_HITS), mode=mode, filters=filters)
    return rerank(query, candidates, reranker)[:k]


def rerank(query: Query, hits: Sequence[Hit], reranker: Reranker) -> list[Hit]:
    """Return ``hits`` in the reranker's order, with new ranks, each with ``scores.rerank``.

    The reranker may set ``scores.rerank`` itself; otherwise it is the reciprocal of the new rank. ``score`` stays the
    retriever's, so that it remains between 0 and 1.
    """
    reranked = []
    for rank, hit in enumerate(reranker.rerank(query, hits), 1):
        score = hit.scores.rerank
        scores = replace(hit.scores, rerank=1.0 / rank if score is None else score)
        reranked.append(replace(hit, rank=rank, scores=scores))
    return reranked


def check_limit(k: int) -> None:
    """Raise UsageError if ``k`` is below 1."""
    if k < 1:
        raise UsageError(f"`k` must be at least 1 (got {k}).")
