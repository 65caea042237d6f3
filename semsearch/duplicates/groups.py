"""Groups of duplicates in a whole index: one pass over all articles, then comparisons of those that may be alike."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..filters import Filter
from ..reports import Progress
from ..storage import Store
from ..storage.filtering import filtered_articles
from ..types import Article, Duplicate, Duplicates
from .clustering import FINGERPRINTS_PER_SENTENCE, fingerprints, repeated_values, star_clusters
from .overlap import Overlap, Sentence, folded_sentences, overlap, sentence_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_ARTICLES_PER_SENTENCE", "find_duplicates"]

MAX_ARTICLES_PER_SENTENCE = 100
"""A sentence in more articles is boilerplate and not compared, unless an article consists of little else."""

MIN_REMAINING_SHARE = 0.25
"""If less of an article's words would remain without boilerplate, all of it is compared."""

FINGERPRINT_BATCH = 20_000
"""Sentences that are fingerprinted at once."""

CACHED_ARTICLES = 64
"""Articles whose sentences are kept between comparisons."""

Age = tuple[bool, str, str]


def find_duplicates(store: Store, filters: Filter, min_share: float, progress: Progress) -> list[Duplicates]:
    """Return the groups, those with most places first.

    Needs some 150 bytes of memory for each sentence of the index, and the texts of the groups.

    Args:
        store: The database; call it inside a snapshot.
        filters: Only articles that pass are compared.
        min_share: Minimum share of an article's words that its representative has too, above 0 and at most 1.
        progress: Called as ``progress(stage, done, total)``.

    Raises:
        UsageError: ``min_share`` is out of range.
    """
    if not 0 < min_share <= 1:
        raise UsageError(f"The share must be above 0 and at most 1 (got {min_share:g}).")
    sketch = _Sketch(store, filtered_articles(store, filters), progress)
    overlaps: dict[tuple[int, int], Overlap] = {}

    @lru_cache(maxsize=CACHED_ARTICLES)
    def sentences(row: int) -> list[Sentence]:
        article = store.article(sketch.article_ids[row])
        return [sentence for sentence in _sentences(store, article) if sketch.is_compared(row, sentence)]

    def shared(row: int, centre: int) -> float:
        common = overlap(sentences(row), sentences(centre))
        overlaps[row, centre] = common
        return common.shared[0] / int(sketch.words[row])

    clusters: dict[int, list[int]] = defaultdict(list)
    for row, centre in star_clusters(sketch.weighted_fingerprints(progress), min_share, shared).items():
        clusters[centre].append(row)
    for row in sketch.rows_without_sentences():
        clusters[row] = [row]  # too short to compare, but it may have several sources

    groups = []
    for centre, rows in clusters.items():
        if len(rows) == 1 and sketch.source_counts[centre] == 1:
            continue
        members = []
        for row in rows:
            article = store.article(sketch.article_ids[row])
            members.append(_duplicate(article, overlaps.get((row, centre)), sketch.words[row], sketch.words[centre]))
        members.sort(key=lambda member: _age(member.article))
        groups.append(Duplicates(tuple(members), sketch.article_ids[centre]))
    groups.sort(key=lambda group: (-group.places, -len(group.members), _age(group.original)))
    return groups


def _duplicate(article: Article, common: Overlap | None, words: int, representative_words: int) -> Duplicate:
    if common is None:  # the representative itself
        return Duplicate(article, 1.0, 1.0, 1.0)
    words_shared, representative_words_shared = common.shared
    return Duplicate(
        article,
        share=words_shared / int(words),
        same=common.same / int(words),
        coverage=representative_words_shared / int(representative_words),
    )


def _age(article: Article) -> Age:
    """Sort key: by date, articles without one last."""
    return article.date is None, article.date.isoformat() if article.date else "", min(article.sources)


def _sentences(store: Store, article: Article) -> list[Sentence]:
    spans = [span for passage in store.passages(article) for span in passage.sentences]
    return folded_sentences(article.text, spans)


class _Sketch:
    """What is kept of every article: of each distinct sentence its hash, its fingerprints and how many words it has.

    A row is the position of an article in ``article_ids``.
    """

    def __init__(self, store: Store, article_ids: Sequence[int], progress: Progress) -> None:
        self.article_ids = article_ids
        self.source_counts: list[int] = []
        self._ages: list[Age] = []
        hashes, sentence_counts, word_counts = array("Q"), array("I"), array("I")
        batches: list[NDArray[np.uint32]] = []
        waiting: list[Sentence] = []
        for done, article_id in enumerate(article_ids):
            progress("reading", done, len(article_ids))
            article = store.article(article_id)
            self.source_counts.append(len(article.sources))
            self._ages.append(_age(article))
            sentences = Counter(_sentences(store, article))
            sentence_counts.append(len(sentences))
            for sentence, occurrences in sentences.items():
                hashes.append(sentence_hash(sentence))
                word_counts.append(len(sentence) * occurrences)
            waiting += sentences
            if len(waiting) >= FINGERPRINT_BATCH:
                batches.append(fingerprints(waiting))
                waiting = []
        progress("reading", len(article_ids), len(article_ids))
        batches.append(fingerprints(waiting))

        self._fingerprints = np.concatenate(batches)
        self._word_counts = np.array(word_counts, np.uint32)
        self._row_of_sentence = np.repeat(np.arange(len(article_ids)), np.array(sentence_counts, np.int64))
        self._leave_out_boilerplate(np.array(hashes, np.uint64))

    def _leave_out_boilerplate(self, hashes: NDArray[np.uint64]) -> None:
        """Decide which sentences are compared, and count their words in each article."""
        values, article_counts = np.unique(hashes, return_counts=True)
        boilerplate = values[article_counts > MAX_ARTICLES_PER_SENTENCE]
        self._boilerplate = frozenset(boilerplate.tolist())
        is_own = ~np.isin(hashes, boilerplate)
        all_words = self._sum_words(np.ones(len(hashes), bool))
        own_words = self._sum_words(is_own)
        self._is_kept_whole = own_words < MIN_REMAINING_SHARE * all_words
        self._is_compared = is_own | self._is_kept_whole[self._row_of_sentence]
        self.words = self._sum_words(self._is_compared)

    def _sum_words(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the words of the chosen sentences by row."""
        sums = np.bincount(self._row_of_sentence[chosen], self._word_counts[chosen], len(self.article_ids))
        return sums.astype(np.int64)

    def is_compared(self, row: int, sentence: Sentence) -> bool:
        """Return whether a sentence of an article is compared."""
        if not self._boilerplate or self._is_kept_whole[row]:
            return True
        return sentence_hash(sentence) not in self._boilerplate

    def rows_without_sentences(self) -> list[int]:
        """Return the articles that have nothing to compare."""
        return np.flatnonzero(self.words == 0).tolist()

    def weighted_fingerprints(self, progress: Progress) -> Iterator[tuple[int, dict[int, float]]]:
        """Yield each row, the longest article first, with its fingerprints and the share that each stands for.

        Fingerprints that occur only once in the index are left out.
        """
        row_of_sentence = self._row_of_sentence[self._is_compared]
        all_fingerprints = self._fingerprints[self._is_compared]
        word_counts = self._word_counts[self._is_compared]
        repeated = repeated_values(all_fingerprints)
        bounds = np.searchsorted(row_of_sentence, np.arange(len(self.article_ids) + 1))

        rows = [row for row in range(len(self.article_ids)) if self.words[row]]
        rows.sort(key=lambda row: (-self.words[row], self._ages[row]))
        for done, row in enumerate(rows):
            progress("comparing", done, len(rows))
            sentences = slice(bounds[row], bounds[row + 1])
            flat = all_fingerprints[sentences].ravel()
            shares = word_counts[sentences] / (FINGERPRINTS_PER_SENTENCE * self.words[row])
            flat_shares = np.repeat(shares, FINGERPRINTS_PER_SENTENCE)
            is_repeated = _is_in_sorted(flat, repeated)
            weights: dict[int, float] = defaultdict(float)
            for value, share in zip(flat[is_repeated].tolist(), flat_shares[is_repeated].tolist(), strict=True):
                weights[value] += share
            yield row, weights
        progress("comparing", len(rows), len(rows))


def _is_in_sorted(values: NDArray[np.uint32], ascending: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which of ``values`` are in ``ascending``, shape (n,)."""
    if not len(ascending):
        return np.zeros(len(values), bool)
    places = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[places] == values
    return found
