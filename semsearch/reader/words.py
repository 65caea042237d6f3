"""The network's input features: the words of question and passages, and which of them match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lazy_regex import lazy_compile
from ..text import canonical, fold
from .question import Idf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

__all__ = ["MEETINGS", "OVERLAPS", "SHAPES", "Text", "common_form", "cut", "idf_weights", "meetings", "overlaps"]

_WORD = lazy_compile(r"\d+(?:[.,/:]\d+)*|[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*|\S")
_DIGIT = lazy_compile(r"\d")

SHAPES = 5
"""Number of shapes of a word: lower case, capitalised, all capitals, number, punctuation."""

MEETINGS = 6
"""Number of match features of a word in a passage.

Whether it is in the question; whether it is without accents; the latter times its IDF; whether the next word follows it
in the question too; whether it follows the previous word there; its IDF.
"""

OVERLAPS = 8
"""Number of overlap features of a sentence.

Shares of the question's IDF: in the sentence; added by the sentence before; by the one after; by the title; in the
whole passage; in the sentence with the same accents. Then the share of the question's pairs of neighbouring words, and
the log of the sentence's length.
"""


@dataclass(frozen=True, slots=True)
class Text:
    """The words of a text: offsets, canonical forms, forms without accents, and shapes."""

    starts: list[int]
    ends: list[int]
    words: list[str]
    folded: list[str]
    shapes: list[int]

    def __len__(self) -> int:
        return len(self.words)


def cut(text: str, start: int = 0, end: int | None = None) -> Text:
    """Split ``text[start:end]`` into words, numbers and punctuation, with offsets into ``text``."""
    matches = list(_WORD.finditer(text, start, len(text) if end is None else end))
    written = [m[0] for m in matches]
    # Word by word, because lower case may change the length of a word.
    words = [canonical(word) for word in written]
    return Text(
        [m.start() for m in matches], [m.end() for m in matches], words, [*map(fold, words)], [*map(_shape, written)]
    )


def _shape(word: str) -> int:
    if word[0].isdigit():
        return 3
    if not word[0].isalpha():
        return 4
    if not word[0].isupper():
        return 0
    return 2 if len(word) > 1 and word.isupper() else 1


def common_form(word: str) -> str:
    """Return a word as in the table of common words, with # for each digit."""
    return _DIGIT.sub("#", word)


def idf_weights(words: Sequence[str], idf: Idf) -> Floats:
    """Return the IDF of words divided by 8, shape (n,); 0 for punctuation.

    A word without accents has the lowest IDF of the words that it may stand for.
    """
    return np.array([min(idf(w), idf(w, w.isascii())) / 8 if w[0].isalnum() else 0.0 for w in words], np.float32)


def meetings(question: Mapping[str, Any], words: Mapping[str, Any]) -> Floats:
    """Return the match features of a passage's words, shape (n, MEETINGS).

    Both arguments have ``word`` and ``folded`` (ids of forms) and ``idf``.
    """
    exact = np.isin(words["word"], question["word"]) & (words["idf"] > 0)
    near = np.isin(words["folded"], question["folded"]) & (words["idf"] > 0)
    follow = _pairs(words["folded"]), _pairs(question["folded"])
    joined = np.isin(follow[0], follow[1])
    after, before = np.append(joined, False), np.append(False, joined)
    columns = (exact, near, near * words["idf"], after[: len(near)], before[: len(near)], words["idf"])
    return np.stack(columns, axis=1).astype(np.float32)


def _pairs(ids: Ints) -> Ints:
    return ids[:-1] * (1 << 32) + ids[1:] if len(ids) > 1 else np.zeros(0, np.int64)


def overlaps(question: Mapping[str, Any], words: Mapping[str, Any], firsts: Ints, title: int) -> Floats:
    """Return the overlap features of a passage's sentences, shape (sentences, OVERLAPS).

    The first ``title`` words are its title; ``firsts`` are the first words of its sentences.
    """
    weight, places = question["idf"], np.unique(question["folded"], return_index=True)[1]
    ids, weight = question["folded"][places], weight[places]
    total = max(float(weight.sum()), 1e-6)
    there = words["folded"][:, None] == ids[None, :]
    exact = words["word"][:, None] == question["word"][places][None, :]
    in_sentence = np.logical_or.reduceat(there, firsts, axis=0)
    same = np.logical_or.reduceat(exact, firsts, axis=0)
    empty = np.zeros((1, len(ids)), bool)
    headed = there[:title].any(axis=0, keepdims=True) if title else empty
    before, after = np.concatenate([empty, in_sentence[:-1]]), np.concatenate([in_sentence[1:], empty])
    pairs = np.isin(_pairs(words["folded"]), _pairs(question["folded"]))
    joined = np.add.reduceat(np.append(pairs, False)[: len(there)].astype(np.float32), firsts)
    lengths = np.diff(np.append(firsts, len(there)))
    held = in_sentence @ weight / total
    columns = (
        held,
        (in_sentence | before) @ weight / total - held,
        (in_sentence | after) @ weight / total - held,
        (in_sentence | headed) @ weight / total - held,
        np.full(len(firsts), (in_sentence.any(axis=0) | headed[0]) @ weight / total),
        same @ weight / total,
        joined / max(len(question["folded"]) - 1, 1),
        np.log1p(lengths) / 4,
    )
    return np.stack(columns, axis=1).astype(np.float32)
