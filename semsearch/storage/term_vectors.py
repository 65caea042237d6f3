"""Term vectors: the term ids of each passage, in order, to count a query's terms without reading postings.

A term vector is a sequence of 32-bit little-endian integers: the ids of the title's terms, 0, and for each block of the
passage the ids of its terms, 0. It always ends with 0.

A term id has 24 bits for the term without accents and, above them, 8 bits for the accents. Among 300,000 terms
without accents, one in 56 shares its 24 bits with another, so a term that was not asked for is counted about once in
several thousand passages.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from ..text import fold
from .analysis import AnalyzedText, Field, analyze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids

    Integers = NDArray[np.int64]

__all__ = ["PassageTerms", "TermCounts", "TermVectors", "is_term_vector", "passage_terms", "term_id"]

_PLAIN_BITS = 24
_PLAIN_MASK = (1 << _PLAIN_BITS) - 1
_END = b"\0\0\0\0"
_EMPTY = _END  # the vector of a passage without title and terms

# Accents of a Vietnamese syllable as a number: the five tones, then â ê ô, ă, and ơ ư, which may occur twice, then đ.
_ACCENTS = {"\u0300": 1, "\u0301": 2, "\u0309": 3, "\u0303": 4, "\u0323": 5, "\u0302": 6, "\u0306": 12, "\u031b": 24}
_D_WITH_STROKE = 72
_TONES = range(1, 6)
_MAX_COUNTS = {"\u0302": 1, "\u0306": 1, "\u031b": 2, "đ": 1}
_FIRST_OTHER = 144  # numbers of combinations of accents that no Vietnamese syllable has
_OTHERS = 256 - _FIRST_OTHER


@lru_cache(maxsize=200_000)
def term_id(term: str) -> int:
    """Return the id of a term, with accents or without: 1 to 2**32 - 1, the same on every machine."""
    plain = fold(term)
    plain_id = zlib.crc32(plain.encode()) & _PLAIN_MASK or 1
    if term == plain:
        return plain_id
    return plain_id | _accents(term) << _PLAIN_BITS


def _accents(term: str) -> int:
    """Return a number for the accents of a term: a different one for each combination that a syllable can have."""
    accents = [char for char in unicodedata.normalize("NFD", term) if char == "đ" or unicodedata.combining(char)]
    total = 0
    tones = 0
    for accent in accents:
        number = _D_WITH_STROKE if accent == "đ" else _ACCENTS.get(accent, _FIRST_OTHER)
        total += number
        tones += number in _TONES
    possible = tones <= 1 and all(accents.count(accent) <= count for accent, count in _MAX_COUNTS.items())
    if possible and total < _FIRST_OTHER:
        return total
    return _FIRST_OTHER + zlib.crc32(term.encode()) % _OTHERS


# Passages --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassageTerms:
    """What is indexed of a passage: the terms of each field, separated by spaces, and its term vector."""

    exact: str
    plain: str
    pairs: str
    title: str
    vector: bytes


def passage_terms(text: str, title: str) -> PassageTerms:
    """Compute the terms of a passage.

    Args:
        text: The cleaned text of the passage.
        title: The title of its article, which counts in a field of its own.
    """
    analyzed = analyze(text)
    title_terms = _title_terms(title)
    return PassageTerms(
        exact=" ".join(analyzed.exact),
        plain=" ".join(analyzed.plain),
        pairs=" ".join(analyzed.pairs),
        title=" ".join(title_terms),
        vector=_pack(analyzed, title_terms),
    )


@lru_cache(maxsize=2048)  # the passages of an article follow one another
def _title_terms(title: str) -> tuple[str, ...]:
    return tuple(analyze(title).plain)


def _pack(text: AnalyzedText, title_terms: Sequence[str]) -> bytes:
    ids = [term_id(term) for term in title_terms]
    ids.append(0)
    for block in text.blocks:
        ids.extend(map(term_id, block))
        ids.append(0)
    return np.array(ids, "<u4").tobytes()


def is_term_vector(blob: object) -> TypeGuard[bytes]:
    """Return whether ``blob`` has the shape of a term vector. Its ids are not checked."""
    return isinstance(blob, bytes) and len(blob) % 4 == 0 and blob.endswith(_END)


# Counting --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TermCounts:
    """How often each of some terms occurs in each of ``n`` texts, and the lengths of the texts in terms.

    Attributes:
        frequencies: Shape (n, number of terms).
        in_title: Shape (number of terms,); whether the term is one of the field "title".
        text_lengths: Shape (n,); also the lengths of the field "exact" and "plain".
        pair_lengths: Shape (n,).
        title_lengths: Shape (n,).
    """

    frequencies: Integers
    in_title: NDArray[np.bool_]
    text_lengths: Integers
    pair_lengths: Integers
    title_lengths: Integers

    def lengths(self, field: Field) -> Integers:
        """Return the lengths of one field, shape (n,)."""
        if field == "title":
            return self.title_lengths
        return self.pair_lengths if field == "pairs" else self.text_lengths

    def sum_groups(self, starts: Ids) -> TermCounts:
        """Return the counts of groups of texts, each taken as one text under the title of its first.

        Args:
            starts: Where each group begins, ascending; the first is 0.
        """
        frequencies = np.add.reduceat(self.frequencies, starts, axis=0)
        frequencies[:, self.in_title] = self.frequencies[np.ix_(starts, self.in_title)]
        return TermCounts(
            frequencies,
            self.in_title,
            np.add.reduceat(self.text_lengths, starts),
            np.add.reduceat(self.pair_lengths, starts),
            self.title_lengths[starts],
        )


class TermVectors:
    """The term vectors of some passages, in memory."""

    def __init__(self, blobs: Sequence[bytes | None]) -> None:
        """Join term vectors.

        Args:
            blobs: The term vector of each passage. One that is missing (``None``) or does not have the shape of a
                term vector counts as a passage without terms.
        """
        vectors = [blob if is_term_vector(blob) else _EMPTY for blob in blobs]
        sizes = np.fromiter(map(len, vectors), np.int64, len(vectors)) // 4
        self._ids = np.frombuffer(b"".join(vectors), "<u4")
        self._starts: Integers = np.cumsum(sizes) - sizes
        ends = np.flatnonzero(self._ids == 0)  # of titles and of blocks
        first_ends = np.searchsorted(ends, self._starts)
        self._title_ends: Integers = ends[first_ends]
        self._title_lengths: Integers = self._title_ends - self._starts
        blocks = np.diff(first_ends, append=len(ends)) - 1
        self._text_lengths: Integers = sizes - self._title_lengths - 1 - blocks
        self._pair_lengths: Integers = np.maximum(self._text_lengths - blocks, 0)

    def __len__(self) -> int:
        return len(self._starts)

    def count(self, terms: Sequence[tuple[Field, str]]) -> TermCounts:
        """Count terms in every passage.

        Args:
            terms: The field and the term itself; a pair is joined by ``_``.
        """
        exact, plain, pairs, title = (_Lookup(field, terms) for field in ("exact", "plain", "pairs", "title"))
        places = self._places_of(np.concatenate([exact.ids, plain.ids, pairs.ids, title.ids]))
        ids = self._ids[places].astype(np.int64)
        plain_ids = ids & _PLAIN_MASK
        passages = np.searchsorted(self._starts, places, "right") - 1
        of_title = places < self._title_ends[passages]
        of_text = ~of_title
        # The 0 after each title and each block keeps their terms from being adjacent to others.
        adjacent = np.flatnonzero((np.diff(places) == 1) & of_text[:-1])
        cells = np.concatenate(
            [
                exact.cells(passages[of_text], ids[of_text]),
                plain.cells(passages[of_text], plain_ids[of_text]),
                pairs.cells(passages[adjacent], plain_ids[adjacent] << _PLAIN_BITS | plain_ids[adjacent + 1]),
                title.cells(passages[of_title], plain_ids[of_title]),
            ]
        )
        shape = (len(self), len(terms))
        frequencies: Integers = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        in_title = np.array([field == "title" for field, _ in terms], np.bool_)
        return TermCounts(frequencies, in_title, self._text_lengths, self._pair_lengths, self._title_lengths)

    def _places_of(self, wanted: Integers) -> Integers:
        """Return where ``wanted`` ids may stand in the joined vectors: a fast test by the lower half of the id."""
        possible = np.zeros(1 << 16, np.bool_)
        possible[wanted & 0xFFFF] = True
        return np.flatnonzero(possible[self._ids.view("<u2")[::2]])


class _Lookup:
    """The terms of one field that are counted, by their ids."""

    def __init__(self, field: Field, terms: Sequence[tuple[Field, str]]) -> None:
        columns: list[int] = []
        codes: list[int] = []
        ids: list[int] = []
        for column, (term_field, term) in enumerate(terms):
            if term_field != field:
                continue
            parts = [term_id(part) for part in term.split("_")]
            columns.append(column)
            codes.append(parts[0] << _PLAIN_BITS | parts[1] if field == "pairs" else parts[0])
            ids.extend(parts)
        self.ids: Integers = np.array(ids, np.int64)
        order = np.argsort(np.array(codes, np.int64), kind="stable")
        self._codes: Integers = np.array(codes, np.int64)[order]
        self._columns: Integers = np.array(columns, np.int64)[order]
        self._width = len(terms)

    def cells(self, passages: Integers, codes: Integers) -> Integers:
        """Return the cell in the table of frequencies of each code that is counted."""
        if not len(self._codes):
            return self._codes
        places = np.searchsorted(self._codes, codes)
        places[places == len(self._codes)] = 0
        found = self._codes[places] == codes
        cells: Integers = passages[found] * self._width + self._columns[places[found]]
        return cells
