"""What the network is told of a question and of the passages: words, and how they meet."""

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
"""Of a word: small letters, a capital first, all capitals, a number, a mark."""

MEETINGS = 6
"""Of a word of a passage: said in the question; said there but for its marks; the same by IDF; the word after it
follows it in the question too; the word before; its own IDF."""

OVERLAPS = 8
"""Of a sentence, shares of the question's IDF: held by itself; more with the sentence before; more with the one
after; more with the title; by the whole passage; held with the same marks; neighbouring words; log of its length."""


@dataclass(frozen=True, slots=True)
class Text:
    """The words of a text: offsets, canonical forms, forms without marks, shapes."""

    starts: list[int]
    ends: list[int]
    words: list[str]
    folded: list[str]
    shapes: list[int]

    def __len__(self) -> int:
        return len(self.words)


def cut(text: str, start: int = 0, end: int | None = None) -> Text:
    """The words, numbers and marks of ``text[start:end]``, with offsets into ``text``."""
    matches = list(_WORD.finditer(text, start, len(text) if end is None else end))
    written = [m[0] for m in matches]
    # Word by word, so that every word keeps its place whatever lower case does to its length.
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
    """A word as the table of common words knows it: digits are alike."""
    return _DIGIT.sub("#", word)


def idf_weights(words: Sequence[str], idf: Idf) -> Floats:
    """``(n,)``, in 0..about 1; a mark has none, a word without accents that of the words it may stand for."""
    return np.array([min(idf(w), idf(w, w.isascii())) / 8 if w[0].isalnum() else 0.0 for w in words], np.float32)


def meetings(question: Mapping[str, Any], words: Mapping[str, Any]) -> Floats:
    """``(n, MEETINGS)`` for a passage's words; either side holds ``word``, ``folded`` (ids of forms), ``idf``."""
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
    """``(sentences, OVERLAPS)`` of a passage: ``title`` words of its title, then sentences beginning at ``firsts``."""
    weight, places = question["idf"], np.unique(question["folded"], return_index=True)[1]
    ids, weight = question["folded"][places], weight[places]
    total = max(float(weight.sum()), 1e-6)
    there = words["folded"][:, None] == ids[None, :]
    exact = words["word"][:, None] == question["word"][places][None, :]
    own = np.logical_or.reduceat(there, firsts, axis=0)
    same = np.logical_or.reduceat(exact, firsts, axis=0)
    empty = np.zeros((1, len(ids)), bool)
    headed = there[:title].any(axis=0, keepdims=True) if title else empty
    before, after = np.concatenate([empty, own[:-1]]), np.concatenate([own[1:], empty])
    pairs = np.isin(_pairs(words["folded"]), _pairs(question["folded"]))
    joined = np.add.reduceat(np.append(pairs, False)[: len(there)].astype(np.float32), firsts)
    lengths = np.diff(np.append(firsts, len(there)))
    held = own @ weight / total
    columns = (
        held,
        (own | before) @ weight / total - held,
        (own | after) @ weight / total - held,
        (own | headed) @ weight / total - held,
        np.full(len(firsts), (own.any(axis=0) | headed[0]) @ weight / total),
        same @ weight / total,
        joined / max(len(question["folded"]) - 1, 1),
        np.log1p(lengths) / 4,
    )
    return np.stack(columns, axis=1).astype(np.float32)
