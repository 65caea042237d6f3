"""Why a query found its hits: the weights of the signals, and the terms that query and passage share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .text import fold, terms
from .types import Hit, Language, Mode, Query

__all__ = ["Explanation", "HitExplanation", "explain"]


@dataclass(frozen=True, slots=True)
class HitExplanation:
    """What one passage shares with the query. What each signal contributed is in ``hit.scores``."""

    passage_id: int
    terms: tuple[str, ...]  # of the query, found as typed in the passage or the title
    folded_terms: tuple[str, ...]  # found there only with other accents


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a query was understood, what each signal counts, and what each hit shares with the query."""

    language: Language
    mode: Mode
    weights: Mapping[str, float]  # by signal, the names of ``Scores``
    hits: tuple[HitExplanation, ...]


def explain(query: Query, hits: Iterable[Hit], mode: Mode, weights: Mapping[str, float]) -> Explanation:
    """Explain the hits of a query.

    Args:
        query: The query.
        hits: What it found.
        mode: The mode it was searched in.
        weights: The fusion weights that were used, by signal.
    """
    query_terms = list(dict.fromkeys(query.terms))
    explained = tuple(_explain_hit(query_terms, hit) for hit in hits)
    return Explanation(query.language, mode, weights, explained)


def _explain_hit(query_terms: Iterable[str], hit: Hit) -> HitExplanation:
    found = set(terms(f"{hit.article.title}\n{hit.passage.text}"))
    found_folded = {fold(term) for term in found}
    exact = tuple(term for term in query_terms if term in found)
    folded = tuple(term for term in query_terms if term not in found and fold(term) in found_folded)
    return HitExplanation(hit.passage.id, exact, folded)
