"""The sentence of a passage to show for a query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from ..text import fold, terms
from ..types import Article, Passage, Span

__all__ = ["best_sentence"]

COSINE_WEIGHT = 0.5
"""Weight of the cosine in choosing the sentence; the rest is the share of the query's terms in it."""


def best_sentence(query: str, article: Article, passage: Passage, cosines: Sequence[float] = ()) -> Span:
    """Return the sentence of ``passage`` that fits the query best; ties go to the first.

    Args:
        query: The text of the query.
        article: The article of the passage.
        passage: The passage.
        cosines: Those of its sentences with the query, in order; if there are none, only terms count.
    """
    query_terms, query_pairs = _query_terms(query)
    has_cosines = len(cosines) == len(passage.sentences)

    best, best_score = passage.sentences[0], float("-inf")
    for place, sentence in enumerate(passage.sentences):
        sentence_terms, sentence_pairs = _folded_terms(sentence.of(article.text))
        shares = []
        if query_terms:
            shares.append(len(query_terms & sentence_terms) / len(query_terms))
        if query_pairs:
            shares.append(len(query_pairs & sentence_pairs) / len(query_pairs))
        score = sum(shares) / len(shares) if shares else 0.0
        if has_cosines:
            score = COSINE_WEIGHT * cosines[place] + (1.0 - COSINE_WEIGHT) * score
        if score > best_score:
            best, best_score = sentence, score
    return best


def _folded_terms(text: str) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the folded terms of ``text``, and the pairs of neighbouring ones."""
    folded = fold(" ".join(terms(text))).split()
    return set(folded), set(pairwise(folded))


_query_terms = lru_cache(maxsize=8)(_folded_terms)  # the same for each hit of a query
