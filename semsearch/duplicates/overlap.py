"""What two texts have in common, sentence by sentence.

A sentence is compared by its words without case, accents, punctuation and spacing. So texts typed without accents, or
with a typing error in one, are alike, and whole sentences hardly ever differ by nothing but accents. Two sentences are
the same if their words are, and nearly the same if most of their bigrams and all their numbers are.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..text import fold
from ..types import Span

__all__ = ["MIN_DICE", "MIN_WORDS", "Overlap", "Sentence", "folded_sentences", "overlap", "sentence_hash"]

Sentence = tuple[str, ...]
"""The folded words of a sentence."""

Bigram = tuple[str, str]

MIN_WORDS = 5
"""Shorter sentences ("Ảnh: Đức Toàn.") are not compared."""

MIN_DICE = 0.5
"""Minimum Dice coefficient of the bigrams of two sentences that are nearly the same."""

MAX_PAIRS_PER_BIGRAM = 200
"""A bigram makes sentences candidates for each other unless these would be more pairs than this."""

_WORD = re.compile(r"[^\W_]+")


def folded_sentences(text: str, spans: Iterable[Span]) -> list[Sentence]:
    """Return the sentences ``spans`` of ``text`` as folded words, without those of fewer than ``MIN_WORDS``.

    >>> folded_sentences("Ông HOÀ, 62 tuổi, trồng 1.500 gốc chè. Ảnh: A.", [Span(0, 38), Span(39, 46)])
    [('ong', 'hoa', '62', 'tuoi', 'trong', '1', '500', 'goc', 'che')]
    """
    folded_text = fold(text)
    spans_fit = len(folded_text) == len(text)  # folding makes two letters of some foreign ones
    sentences = []
    for span in spans:
        folded = span.of(folded_text) if spans_fit else fold(span.of(text))
        words = tuple(_WORD.findall(folded))
        if len(words) >= MIN_WORDS:
            sentences.append(words)
    return sentences


def sentence_hash(sentence: Sentence) -> int:
    """Return 64 bits that are equal for equal sentences, in every process."""
    digest = hashlib.blake2b(" ".join(sentence).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many words of two texts are in sentences that both contain.

    Attributes:
        same: In sentences that are the same; equal for both texts.
        near: In sentences that are nearly the same: words of the first text, and words of the second.
    """

    same: int = 0
    near: tuple[int, int] = (0, 0)

    @property
    def shared(self) -> tuple[int, int]:
        """Words in sentences that are the same or nearly the same: of the first text, and of the second."""
        return self.same + self.near[0], self.same + self.near[1]

    def swapped(self) -> Overlap:
        """Return the overlap of the second text with the first."""
        return Overlap(self.same, self.near[::-1])


def overlap(first: Sequence[Sentence], second: Sequence[Sentence]) -> Overlap:
    """Match each sentence of ``first`` with at most one of ``second``, the most similar first.

    The order of sentences does not matter, and ``overlap(b, a)`` is ``overlap(a, b).swapped()``.
    """
    first_counts, second_counts = Counter(first), Counter(second)
    common = first_counts & second_counts
    same = sum(len(sentence) * count for sentence, count in common.items())

    near_first, near_second = 0, 0
    for left, right, count in _near_matches(first_counts - common, second_counts - common):
        near_first += len(left) * count
        near_second += len(right) * count
    return Overlap(same, (near_first, near_second))


def _near_matches(first: Counter[Sentence], second: Counter[Sentence]) -> Iterator[tuple[Sentence, Sentence, int]]:
    """Yield pairs of sentences that are nearly the same, and how often; greedy, each occurrence once."""
    bigrams = {sentence: set(pairwise(sentence)) for sentence in (*first, *second)}
    similar: list[tuple[float, Sentence, Sentence]] = []
    for left, right in _pairs_with_common_bigrams(first, second, bigrams):
        common = len(bigrams[left] & bigrams[right])
        dice = 2 * common / (len(bigrams[left]) + len(bigrams[right]))
        if dice >= MIN_DICE and _numbers(left) == _numbers(right):
            similar.append((dice, left, right))

    # Ties are broken by the words whichever text they are from, so that the result is symmetric.
    similar.sort(key=lambda match: (-match[0], *sorted(match[1:])))
    for _, left, right in similar:
        count = min(first[left], second[right])
        if count > 0:
            first[left] -= count
            second[right] -= count
            yield left, right, count


def _pairs_with_common_bigrams(
    first: Iterable[Sentence], second: Iterable[Sentence], bigrams: Mapping[Sentence, set[Bigram]]
) -> set[tuple[Sentence, Sentence]]:
    second_by_bigram = _by_bigram(second, bigrams)
    pairs: set[tuple[Sentence, Sentence]] = set()
    for bigram, lefts in _by_bigram(first, bigrams).items():
        rights = second_by_bigram.get(bigram, [])
        if len(lefts) * len(rights) <= MAX_PAIRS_PER_BIGRAM:
            pairs.update((left, right) for left in lefts for right in rights)
    return pairs


def _by_bigram(sentences: Iterable[Sentence], bigrams: Mapping[Sentence, set[Bigram]]) -> dict[Bigram, list[Sentence]]:
    found: dict[Bigram, list[Sentence]] = defaultdict(list)
    for sentence in sentences:
        for bigram in bigrams[sentence]:
            found[bigram].append(sentence)
    return found


def _numbers(sentence: Sentence) -> list[str]:
    return sorted(word for word in sentence if word[0].isdigit())
