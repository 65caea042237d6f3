"""The words of each text in their order, by id: how often a query's terms stand in any text, without its postings.

Two files that only grow, little endian::

    words.rows     28 bytes that begin with "SEMWORDS" and the version; then 28 bytes for each id, from 0 on: where its
                   numbers begin, how far before them those of its title do, how many are its own and how many its
                   title's, how many blocks it has, CRC-32 of all these numbers; all 0 for an id that is not here
    words.numbers  four bytes for each word, in order; 0 after each block. A title stands before the first of the texts
                   that were added together under it

The number of a word: 24 bits that tell its plain form, above them 8 that tell its accents. Among 300,000 plain forms
one in 56 shares its bits with another, so that once in some thousand texts a word counts that is not the one asked for.
"""

from __future__ import annotations

import os
import unicodedata
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..errors import IndexDamaged
from ..text import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids

    Integers = NDArray[np.int64]

__all__ = ["Counts", "Words", "number"]

_FIELDS = ("start", "back", "body", "title", "blocks", "check")
_ROW = np.dtype([(name, "<u8" if name == "start" else "<u4") for name in _FIELDS])
_HEAD = b"SEMWORDS\x02".ljust(_ROW.itemsize, b"\0")
_MARKS = {"\u0300": 1, "\u0301": 2, "\u0309": 3, "\u0303": 4, "\u0323": 5, "\u0302": 6, "\u0306": 12, "\u031b": 24}
_PLAIN = 0xFFFFFF
_CROSSED = 72  # đ; before it: the five tones, â ê ô, ă, and ơ ư, of which a syllable may have two


@dataclass(frozen=True, slots=True)
class Counts:
    """For each text how often each term stands in it, and how long it is."""

    terms: Integers  # shape (n, number of terms)
    of_title: NDArray[np.bool_]  # shape (number of terms,): which are looked for in titles
    words: Integers  # shape (n,), as are those below
    pairs: Integers
    titles: Integers

    def together(self, firsts: Ids) -> Counts:
        """The same for runs of texts that begin at ``firsts``; a title, which all of a run have, counts once."""
        terms, words, pairs = (np.add.reduceat(of, firsts, axis=0) for of in (self.terms, self.words, self.pairs))
        terms[:, self.of_title] = self.terms[np.ix_(firsts, self.of_title)]
        return Counts(terms, self.of_title, words, pairs, self.titles[firsts])


class Words:
    """One writer, any number of readers; what was added is found by whoever looks afterwards."""

    def __init__(self, path: Path) -> None:
        """What is in the folder ``path``. Raises IndexDamaged, OSError."""
        self._files = _files(path)
        with self._files[0].open("rb") as file:
            if file.read(len(_HEAD)) != _HEAD:
                raise self._damaged()
        self._mapped: tuple[NDArray[Any], NDArray[np.uint32]] | None = None
        self._out: list[BinaryIO] = []

    @classmethod
    def create(cls, path: Path) -> Words:
        for file, head in zip(_files(path), (_HEAD, bytes(4)), strict=True):
            with file.open("wb") as new:
                new.write(head)
                new.flush()
                os.fsync(new.fileno())
        return cls(path)

    # writing

    def add(
        self, ids: Sequence[int], texts: Sequence[Sequence[Sequence[str]]], titles: Sequence[Sequence[str]]
    ) -> None:
        """The words of texts, block by block, and of their titles, instead of those that were there.

        They are durable after ``sync``.
        """
        if not ids:
            return
        self._out = self._out or [file.open("r+b") for file in self._files]
        rows, numbers = self._out
        end = first = (numbers.seek(0, os.SEEK_END) + 3) // 4  # a run that was killed may have left half a number
        made, parts = np.zeros(len(ids), _ROW), []
        held: Sequence[str] | None = None
        at, head = 0, np.empty(0, "<u4")
        for place, (blocks, title) in enumerate(zip(texts, titles, strict=True)):
            if title != held:
                held, at, head = title, end, np.array([*map(number, title)], "<u4")
                parts.append(head)
                end += len(head)
            body = np.array([*chain.from_iterable([*map(number, block), 0] for block in blocks)], "<u4")
            check = zlib.crc32(head.tobytes(), zlib.crc32(body.tobytes()))
            made[place] = (end, end - at if len(head) else 0, len(body), len(head), len(blocks), check)
            parts.append(body)
            end += len(body)
        try:
            numbers.seek(4 * first)
            numbers.write(np.concatenate(parts).tobytes())
            numbers.flush()  # before the rows: whoever finds a row finds its numbers
            breaks = np.flatnonzero(np.diff(np.array(ids, np.int64)) != 1) + 1
            for run in np.split(np.arange(len(ids)), breaks):
                rows.seek(_ROW.itemsize * (1 + ids[run[0]]))
                rows.write(made[run].tobytes())
            rows.flush()
        except OSError:
            self._let_go()
            with suppress(OSError):  # the disk is full: what no row may name shall not keep it so
                os.truncate(self._files[1], 4 * first)
            raise

    def sync(self) -> None:
        for file in reversed(self._out):
            os.fsync(file.fileno())

    def close(self) -> None:
        for file in self._out:
            file.close()
        self._out, self._mapped = [], None

    def _let_go(self) -> None:
        """Closes the files without what could not be written."""
        for file in self._out:
            with suppress(OSError):
                file.close()
        self._out = []

    # reading

    def counts(self, ids: Ids, terms: Sequence[tuple[str, str]]) -> Counts | None:
        """How often each of ``terms``, as (field, term), stands in each of ``ids``; None if one is not here."""
        rows = self._rows(ids)
        if not len(ids) or not rows["start"].all():
            return None
        start, back, body, title, blocks = (rows[name].astype(np.int64) for name in _FIELDS[:-1])
        asked = {field: _Asked(field, terms) for field in ("plain", "title", "exact", "pairs")}
        text, place, read = self._met(start, body, [asked[field] for field in ("plain", "exact", "pairs")])
        plain = read & _PLAIN
        then = np.flatnonzero(np.diff(place) == 1)  # a block ends with a 0
        found = [
            asked["plain"].found(text, plain),
            asked["exact"].found(text, read),
            asked["pairs"].found(text[then], plain[then] << 24 | plain[then + 1]),
        ]
        counted = _counted(found, len(ids), len(terms))
        of_title = np.array([field == "title" for field, _ in terms], np.bool_)
        if of_title.any():
            at = np.where(title > 0, start - back, 0)  # where one title begins, no other does
            heads, first, which = np.unique(at, return_index=True, return_inverse=True)
            text, _, read = self._met(heads, title[first], [asked["title"]])
            counted += _counted([asked["title"].found(text, read & _PLAIN)], len(heads), len(terms))[which]
        return Counts(counted, of_title, body - blocks, body - 2 * blocks, title)

    def _met(self, start: Integers, length: Integers, asked: Sequence[_Asked]) -> tuple[Integers, Integers, Integers]:
        """Of the numbers of texts those that may be asked for: which text's each is, its place among all, itself."""
        numbers = self._numbers(int((start + length).max(initial=0)))
        ends, first = start + length, np.cumsum(length) - length
        cuts = [0, *(np.flatnonzero(start[1:] != ends[:-1]) + 1).tolist(), len(start)]
        runs = [slice(int(start[one]), int(ends[after - 1])) for one, after in pairwise(cuts)]
        read = np.concatenate([numbers[run] for run in runs])
        perhaps = np.zeros(1 << 16, np.bool_)  # by half of a number
        for of in asked:
            perhaps[of.words & 0xFFFF] = True
        place = np.flatnonzero(perhaps[read.view("<u2")[::2]])
        return np.searchsorted(first, place, "right") - 1, place, read[place].astype(np.int64)

    def verify(self, ids: Sequence[int] | None = None) -> list[str]:
        """Reads what there is under ``ids``, or everything; the names of files that are not as they were written.

        Under ids that were never committed there may be anything after a power cut.
        """
        size = self._files[0].stat().st_size // _ROW.itemsize - 1
        try:
            rows = self._rows(np.arange(size) if ids is None else np.array(ids, np.int64))
            numbers = self._numbers(int((rows["start"] + rows["body"]).max(initial=0)))
        except IndexDamaged:
            return [file.name for file in self._files]
        there = rows["start"] > 0
        if ids is not None and not there.all():
            return [self._files[0].name]
        for start, back, length, titles, blocks, check in rows[there].tolist():
            body, head = numbers[start : start + length], numbers[start - back : start - back + titles]
            if zlib.crc32(head.tobytes(), zlib.crc32(body.tobytes())) != check:
                return [file.name for file in self._files]  # either tells the other something else
            if (body == 0).sum() != blocks or (length and body[-1]) or not head.all() or (back and not titles):
                return [self._files[0].name]
        return []

    def _rows(self, ids: Ids) -> NDArray[Any]:
        rows, _ = self._maps()
        if len(ids) and ids.max() + 1 >= len(rows):
            rows, _ = self._maps(anew=True)
        inside = ids + 1 < len(rows)
        found = np.zeros(len(ids), _ROW)
        found[inside] = rows[ids[inside] + 1]
        for less, more in (("back", "start"), ("title", "back"), ("blocks", "body")):
            if (found[less] > found[more]).any():
                raise self._damaged()
        return found

    def _numbers(self, end: int) -> NDArray[np.uint32]:
        _, numbers = self._maps()
        if end > len(numbers):
            _, numbers = self._maps(anew=True)
            if end > len(numbers):
                raise self._damaged()
        return numbers

    def _maps(self, *, anew: bool = False) -> tuple[NDArray[Any], NDArray[np.uint32]]:
        if self._mapped is None or anew:
            try:
                rows, numbers = (
                    np.memmap(file, kind, "r", shape=file.stat().st_size // kind.itemsize)
                    for file, kind in zip(self._files, (_ROW, np.dtype("<u4")), strict=True)
                )
            except (OSError, ValueError) as error:
                raise self._damaged() from error
            self._mapped = rows.view(np.ndarray), numbers.view(np.ndarray)
        return self._mapped

    def _damaged(self) -> IndexDamaged:
        return IndexDamaged(f"{self._files[0].with_suffix('.*')} are not as they were written; run: semsearch rebuild")


def _counted(found: Sequence[Integers], texts: int, terms: int) -> Integers:
    """How often each term stands in each text, shape (texts, terms)."""
    counted: Integers = np.bincount(np.concatenate(found), minlength=texts * terms).reshape(texts, terms)
    return counted


class _Asked:
    """The terms of one field that are asked for, by their numbers."""

    def __init__(self, field: str, terms: Sequence[tuple[str, str]]) -> None:
        columns = [column for column, (of, _) in enumerate(terms) if of == field]
        parts = [[number(word) for word in terms[column][1].split("_")] for column in columns]
        codes = [part[0] << 24 | part[1] if field == "pairs" else part[0] for part in parts]
        self.words = np.array([one for part in parts for one in part], np.int64)
        order = np.argsort(np.array(codes, np.int64), kind="stable")
        self._codes, self._columns = np.array(codes, np.int64)[order], np.array(columns, np.int64)[order]
        self._width = len(terms)

    def found(self, text: Integers, codes: Integers) -> Integers:
        """For each of ``codes`` that is asked for: its text's place times the number of terms, plus its own."""
        if not len(self._codes):
            return self._codes
        place = np.searchsorted(self._codes, codes)
        place[place == len(self._codes)] = 0
        same = self._codes[place] == codes
        cells: Integers = text[same] * self._width + self._columns[place[same]]
        return cells


@lru_cache(maxsize=200_000)
def number(word: str) -> int:
    """The number of a word, with its accents or plain; never 0."""
    plain = fold(word)
    return (zlib.crc32(plain.encode()) & _PLAIN or 1) | (0 if word == plain else _accents(word) << 24)


def _accents(word: str) -> int:
    """1..143 for the accents a Vietnamese syllable can have, all different; for others something from 144 on."""
    marks = [c for c in unicodedata.normalize("NFD", word) if c == "đ" or unicodedata.combining(c)]
    total = sum(_CROSSED if c == "đ" else _MARKS.get(c, 256) for c in marks)
    tones = sum(_MARKS.get(c, 0) in range(1, 6) for c in marks)
    most = (("\u0302", 1), ("\u0306", 1), ("\u031b", 2), ("đ", 1))
    if total < 144 and tones <= 1 and all(marks.count(c) <= times for c, times in most):
        return total
    return 144 + zlib.crc32(word.encode()) % 112


def _files(path: Path) -> tuple[Path, Path]:
    return path / "words.rows", path / "words.numbers"
