"""Star clusters of many texts, found by fingerprints of their sentences."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .overlap import Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Fingerprints = NDArray[np.uint32]  # shape (n, FINGERPRINTS_PER_SENTENCE)

__all__ = ["FINGERPRINTS_PER_SENTENCE", "fingerprints", "repeated_values", "star_clusters"]

FINGERPRINTS_PER_SENTENCE = 4
"""How many of a sentence's shingles are kept to find similar sentences by."""

SHINGLE_WORDS = 3

CANDIDATE_SHARE = 0.4
"""Texts are compared in full if the fingerprints they share stand for this part of the wanted share."""

MAX_CENTRES_PER_FINGERPRINT = 400
"""A fingerprint of more centres than this is ignored."""

MAX_COMPARISONS_PER_TEXT = 20
"""A text is compared in full with this many centres at most, those with most fingerprints in common."""

_GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)  # of 64-bit multiplicative hashing


def fingerprints(sentences: Sequence[Sentence]) -> Fingerprints:
    """Return the least hashes of each sentence's shingles, shape (n, FINGERPRINTS_PER_SENTENCE).

    Equal sentences have equal fingerprints, and one with some other words shares some of them (min-wise sampling:
    A. Broder, "On the resemblance and containment of documents", SEQUENCES 1997).

    Args:
        sentences: Each of at least ``SHINGLE_WORDS`` words.
    """
    if not sentences:
        return np.empty((0, FINGERPRINTS_PER_SENTENCE), np.uint32)
    word_hashes = [zlib.crc32(word.encode()) for sentence in sentences for word in sentence]
    words = np.array(word_hashes, np.uint64)
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    sentence_of_word = np.repeat(np.arange(len(sentences)), lengths)

    count = len(words) - SHINGLE_WORDS + 1
    shingles = np.zeros(count, np.uint64)
    for place in range(SHINGLE_WORDS):  # 64-bit overflow is intended
        shingles = (shingles ^ words[place : count + place]) * _GOLDEN_RATIO
        shingles ^= shingles >> np.uint64(29)

    is_inside = sentence_of_word[:count] == sentence_of_word[SHINGLE_WORDS - 1 :]
    hashes = (shingles[is_inside] >> np.uint64(32)).astype(np.uint32)
    owners = sentence_of_word[:count][is_inside]
    order = np.lexsort((hashes, owners))

    counts = lengths - (SHINGLE_WORDS - 1)
    starts = np.cumsum(counts) - counts
    # A sentence with fewer shingles repeats its last.
    places = starts[:, None] + np.minimum(np.arange(FINGERPRINTS_PER_SENTENCE), counts[:, None] - 1)
    least: Fingerprints = hashes[order][places]
    return least


def repeated_values(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the values that occur more than once in ``values`` (any shape), ascending, shape (n,)."""
    ordered = np.sort(values, axis=None)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def star_clusters(
    texts: Iterable[tuple[int, Mapping[int, float]]],
    min_share: float,
    shared: Callable[[int, int], float],
) -> dict[int, int]:
    """Assign each text to the centre of its cluster; a centre is assigned to itself.

    Texts are taken in the given order. Each joins the centre it shares most with, or becomes a centre itself. So every
    text of a cluster shares that much with one text; chains of similar pairs would join texts without anything in
    common.

    Args:
        texts: (text, fingerprints), the longest text first; each fingerprint with the share of the text it stands for.
        min_share: Minimum share of a text in its centre.
        shared: Called as ``shared(text, centre)``; compares two texts in full and returns the share.
    """
    centre_of: dict[int, int] = {}
    centres_with: dict[int, tuple[int, ...]] = {}  # by fingerprint; most have one centre, and tuples are small
    rank: dict[int, int] = {}  # of centres, in the order of texts
    for text, weights in texts:
        likely = _likely_centres(weights, centres_with, CANDIDATE_SHARE * min_share)
        likely.sort(key=lambda item: (-item[1], rank[item[0]]))
        compared = [(-shared(text, centre), rank[centre], centre) for centre, _ in likely[:MAX_COMPARISONS_PER_TEXT]]
        best = min(compared, default=None)
        if best is not None and -best[0] >= min_share:
            centre_of[text] = best[2]
            continue

        centre_of[text] = text
        rank[text] = len(rank)
        for fingerprint in weights:
            known = centres_with.get(fingerprint, ())
            if len(known) <= MAX_CENTRES_PER_FINGERPRINT:
                centres_with[fingerprint] = (*known, text)
    return centre_of


def _likely_centres(
    weights: Mapping[int, float], centres_with: Mapping[int, tuple[int, ...]], min_weight: float
) -> list[tuple[int, float]]:
    """Return the centres whose common fingerprints weigh at least ``min_weight``, with that weight."""
    totals: dict[int, float] = defaultdict(float)
    for fingerprint, weight in weights.items():
        centres = centres_with.get(fingerprint, ())
        if len(centres) <= MAX_CENTRES_PER_FINGERPRINT:
            for centre in centres:
                totals[centre] += weight
    return [(centre, total) for centre, total in totals.items() if total >= min_weight]
