"""BM25 scores of passages and of whole articles, computed from term vectors.

S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", Foundations and Trends in
Information Retrieval 3(4), 2009, with the IDF of Lucene and tantivy, which is never negative:

    idf = ln(1 + (N - n + 0.5) / (n + 0.5))
    score = boost * idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average length))

N is the number of texts, n how many of them contain the term, tf how often it occurs in the text that is scored. The
scores are those of a tantivy search, which keeps lengths in one byte. How N, n and the average length are estimated for
articles, of which only the passages are indexed: ``docs/decisions/lexical.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .analysis import Field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids
    from .term_vectors import TermCounts, TermVectors

    Scores = NDArray[np.float64]  # shape (n,)

__all__ = ["SCORE_DECIMALS", "AnalyzedQuery", "FieldStatistics", "QueryTerm", "score_passages", "score_with_articles"]

K1 = 1.2
B = 0.75
SCORE_DECIMALS = 4
"""Decimals of a score: tantivy's 32-bit sums differ beyond them with the order of addition."""


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A term of a query in one field.

    ``boost`` is a factor on its score; ``document_frequency`` is the number of passages that contain it in this field.
    """

    field: Field
    term: str
    boost: float
    document_frequency: int


@dataclass(frozen=True, slots=True)
class FieldStatistics:
    """How many passages a field is indexed of, and its average length in terms."""

    passages: float
    average_length: float


@dataclass(frozen=True, slots=True)
class AnalyzedQuery:
    """The terms of a query, with the statistics of the index that their scores depend on.

    A field has statistics if any passage contains one of the query's terms in it.
    """

    terms: tuple[QueryTerm, ...]
    statistics: Mapping[Field, FieldStatistics]


def score_passages(vectors: TermVectors, query: AnalyzedQuery) -> Scores:
    """Return the BM25 score of each passage, shape (n,); 0.0 if it contains no term of the query."""
    return _score(_count(vectors, query), query)


def score_with_articles(
    vectors: TermVectors, articles: Ids, query: AnalyzedQuery, passages_per_article: float
) -> tuple[Scores, Scores]:
    """Return the BM25 scores of passages, and for each passage the score of its whole article.

    Args:
        vectors: The term vectors of all passages of some articles, article by article.
        articles: The article of each passage, shape (n,).
        query: The terms to score by.
        passages_per_article: The average in the index, 1.0 or more.
    """
    counts = _count(vectors, query)
    starts = np.flatnonzero(np.diff(articles, prepend=-1))
    sizes = np.diff(starts, append=len(articles))
    of_articles = _score(counts.sum_groups(starts), query, passages_per_article)
    return _score(counts, query), np.repeat(of_articles, sizes)


def _count(vectors: TermVectors, query: AnalyzedQuery) -> TermCounts:
    return vectors.count([(term.field, term.term) for term in query.terms])


def _score(counts: TermCounts, query: AnalyzedQuery, passages_per_text: float = 1.0) -> Scores:
    """Return the scores of texts that consist of ``passages_per_text`` passages on average."""
    columns: list[int] = []
    factors: list[float] = []
    norms: list[Scores] = []
    norm_of_field: dict[Field, Scores] = {}
    for column, term in enumerate(query.terms):
        statistics = query.statistics.get(term.field)
        if statistics is None or not term.document_frequency:
            continue
        if term.field not in norm_of_field:
            norm_of_field[term.field] = _length_norm(counts, term.field, statistics, passages_per_text)
        columns.append(column)
        factors.append(term.boost * (K1 + 1.0) * _idf(term, statistics, passages_per_text))
        norms.append(norm_of_field[term.field])
    if not columns:
        return np.zeros(len(counts.frequencies))
    frequencies = counts.frequencies[:, columns]
    saturated = frequencies / (frequencies + np.column_stack(norms))
    scores: Scores = (saturated @ np.array(factors)).round(SCORE_DECIMALS)
    return scores


def _idf(term: QueryTerm, statistics: FieldStatistics, passages_per_text: float) -> float:
    """Return the IDF of a term among texts of ``passages_per_text`` passages, to which passages belong at random."""
    texts = statistics.passages / passages_per_text
    if term.field == "title":  # which all passages of a text have in common
        containing = term.document_frequency / passages_per_text
    else:
        share = min(1.0, term.document_frequency / statistics.passages)
        containing = texts * (1.0 - (1.0 - share) ** passages_per_text)
    return math.log(1.0 + (texts - containing + 0.5) / (containing + 0.5))


def _length_norm(counts: TermCounts, field: Field, statistics: FieldStatistics, passages_per_text: float) -> Scores:
    average_length = statistics.average_length
    if field != "title":
        average_length *= passages_per_text
    lengths = counts.lengths(field)
    indexed_lengths = _INDEXED_LENGTHS[np.searchsorted(_INDEXED_LENGTHS, lengths, "right") - 1]
    norm: Scores = K1 * (1.0 - B + B * indexed_lengths / average_length)
    return norm


def _lengths_of_one_byte() -> Iterator[int]:
    """Yield the lengths that tantivy can store: exact up to 40, then in steps that double after every eight."""
    start, step = 40, 2
    yield from range(start)
    while start < 1 << 32:
        yield from range(start, start + 8 * step, step)
        start, step = start + 8 * step, 2 * step


_INDEXED_LENGTHS = np.array([*_lengths_of_one_byte()], np.float64)
"""A length is indexed as the largest of these that is not above it."""
