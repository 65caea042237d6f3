"""What two texts have in common, sentence by sentence; pure.

A sentence is its words without case, accents, punctuation and spacing: texts typed without accents, or with a slip in
one, say the same, and whole sentences hardly ever differ by nothing but accents. Two sentences are the same if their
words are; they are nearly the same if most pairs of neighbouring words are, and all figures.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..text import fold
from ..types import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "FINGERPRINTS",
    "MIN_WORDS",
    "NEAR",
    "Overlap",
    "Words",
    "fingerprints",
    "key",
    "overlap",
    "repeated",
    "said",
    "stars",
]

Words = tuple[str, ...]

MIN_WORDS = 5
"""Shorter sentences ("Ảnh: Đức Toàn.") say too little to be compared."""

NEAR = 0.5
"""Sentences that share so much of their pairs of words (Dice) are nearly the same."""

FINGERPRINTS = 4
"""So many of a sentence's runs of ``RUN`` words are kept to find others by."""

RUN = 3

SUSPECT = 0.4
"""Texts are compared in full if their fingerprints have so much of the wanted share in common."""

MEETINGS = 200
"""Two words in a row bring sentences together, unless they stand in so many that more would have to be compared."""

CROWD = 400
"""A fingerprint of more centres than this tells nothing."""

_WORD = re.compile(r"[^\W_]+")


def said(text: str, spans: Iterable[Span]) -> list[Words]:
    """The sentences ``spans`` of ``text`` as words, without those of less than ``MIN_WORDS``.

    >>> said("Ông HOÀ, 62 tuổi, trồng 1.500 gốc chè. Ảnh: A.", [Span(0, 38), Span(39, 46)])
    [('ong', 'hoa', '62', 'tuoi', 'trong', '1', '500', 'goc', 'che')]
    """
    whole = fold(text)
    even = len(whole) == len(text)  # some foreign letters become two
    found = (tuple(_WORD.findall(span.of(whole) if even else fold(span.of(text)))) for span in spans)
    return [words for words in found if len(words) >= MIN_WORDS]


def key(sentence: Words) -> int:
    """64 bits that are equal for sentences that are the same, in every process."""
    return int.from_bytes(hashlib.blake2b(" ".join(sentence).encode(), digest_size=8).digest(), "little")


# Two texts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many words of two texts stand in sentences that both have."""

    same: int = 0  # in sentences that are the same
    near: tuple[int, int] = (0, 0)  # in sentences that are nearly the same; in each text their own words

    def turned(self) -> Overlap:
        """From the other side."""
        return Overlap(self.same, self.near[::-1])


def overlap(one: Sequence[Words], other: Sequence[Words]) -> Overlap:
    """Each sentence of ``one`` with at most one of ``other``, the likest first; the order of sentences is nothing.

    ``overlap(b, a)`` is ``overlap(a, b).turned()``.
    """
    left, right = Counter(one), Counter(other)
    both = left & right
    near = [0, 0]
    rest = (left - both, right - both)
    for a, b, times in _matched(*rest):
        near[0] += len(a) * times
        near[1] += len(b) * times
    return Overlap(sum(len(words) * n for words, n in both.items()), (near[0], near[1]))


def _matched(left: Counter[Words], right: Counter[Words]) -> Iterator[tuple[Words, Words, int]]:
    """Sentences that are nearly the same, how often; greedy."""
    pairs = {words: set(pairwise(words)) for side in (left, right) for words in side}
    with_pair: list[dict[tuple[str, str], list[Words]]] = [defaultdict(list), defaultdict(list)]
    for places, side in zip(with_pair, (left, right), strict=True):
        for words in side:
            for pair in pairs[words]:
                places[pair].append(words)
    met: set[tuple[Words, Words]] = set()
    for pair, here in with_pair[0].items():
        there = with_pair[1].get(pair, ())
        if len(here) * len(there) <= MEETINGS:
            met.update((a, b) for a in here for b in there)
    likeness = ((2 * len(pairs[a] & pairs[b]) / (len(pairs[a]) + len(pairs[b])), a, b) for a, b in met)
    alike = [(dice, a, b) for dice, a, b in likeness if dice >= NEAR and _figures(a) == _figures(b)]
    # Ties are broken by the words, whichever side they stand on: the result is the same from both sides.
    for _, a, b in sorted(alike, key=lambda found: (-found[0], *sorted(found[1:]))):
        times = min(left[a], right[b])
        if times > 0:
            left[a] -= times
            right[b] -= times
            yield a, b, times


def _figures(sentence: Words) -> list[str]:
    return sorted(word for word in sentence if word[0].isdigit())


# Many texts ----------------------------------------------------------------------------------


def fingerprints(sentences: Sequence[Words]) -> NDArray[np.uint32]:
    """The ``FINGERPRINTS`` least hashes of each sentence's runs of ``RUN`` words; shape (n, FINGERPRINTS).

    A sentence that is the same has the same; one with some other words has some of them (min-wise sampling: A. Broder,
    "On the resemblance and containment of documents", SEQUENCES 1997). Every sentence has at least ``MIN_WORDS``.
    """
    if not sentences:
        return np.empty((0, FINGERPRINTS), np.uint32)
    words = np.fromiter((zlib.crc32(w.encode()) for s in sentences for w in s), np.uint64)
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    owner = np.repeat(np.arange(len(sentences)), lengths)
    runs = np.zeros(len(words) - RUN + 1, np.uint64)
    for place in range(RUN):  # numbers of 64 bits overflow, as they should
        runs = (runs ^ words[place : len(words) - RUN + 1 + place]) * np.uint64(0x9E3779B97F4A7C15)
        runs ^= runs >> np.uint64(29)
    inside = owner[: len(runs)] == owner[RUN - 1 :]
    runs, owner = (runs[inside] >> np.uint64(32)).astype(np.uint32), owner[: len(runs)][inside]
    order = np.lexsort((runs, owner))
    counts = lengths - (RUN - 1)
    starts = np.cumsum(counts) - counts
    # A sentence with fewer runs than that repeats its last.
    at = starts[:, None] + np.minimum(np.arange(FINGERPRINTS), counts[:, None] - 1)
    marks: NDArray[np.uint32] = runs[order][at]
    return marks


def repeated(marks: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The values that stand in ``marks`` (any shape) more than once, each once, ascending; shape (n,)."""
    ordered = np.sort(marks, axis=None)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def stars(
    texts: Iterable[tuple[int, Mapping[int, float]]],
    least: float,
    shared: Callable[[int, int], float],
    tries: int = 20,
) -> dict[int, int]:
    """Each text to the longest of its group, itself if it is that; the longest is the centre of a star.

    ``texts``, the longest first, are numbers, each with its fingerprints and the share of the text that each speaks
    for. In this order a text joins the centre it shares most with, at least ``least``, or becomes a centre. So all
    of a group share that much with one text. (Chains of pairs would put together what has nothing in common.)

    ``shared(text, centre)`` is what is compared in full, for the ``tries`` centres with most fingerprints in common.
    """
    centre_of: dict[int, int] = {}
    holders: dict[int, tuple[int, ...]] = {}  # most have one: a tuple is half as large as a list
    place: dict[int, int] = {}
    for text, marks in texts:
        votes: dict[int, float] = defaultdict(float)
        for mark, weight in marks.items():
            if len(held := holders.get(mark, ())) <= CROWD:
                for centre in held:
                    votes[centre] += weight
        likely = [centre for centre, vote in votes.items() if vote >= SUSPECT * least]
        likely.sort(key=lambda centre: (-votes[centre], place[centre]))
        found = [(-shared(text, centre), place[centre], centre) for centre in likely[:tries]]
        best = min(found, default=None)
        if best is not None and -best[0] >= least:
            centre_of[text] = best[2]
            continue
        centre_of[text] = text
        place[text] = len(place)
        for mark in marks:
            if len(held := holders.get(mark, ())) <= CROWD:
                holders[mark] = (*held, text)
    return centre_of
