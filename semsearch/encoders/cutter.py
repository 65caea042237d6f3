"""Texts cut into pieces word by word, each word looked into once: for a tokenizer that ``unigram`` knows.

The library looks for every piece at every letter of a text. Nearly all pieces of the bundled vocabulary are a word, or
two to four words that belong together, and nearly all words of a text were met before. So what stands between white
space is remembered with its words, each word with the best way to cut it by itself, and only where neighbours may share
a piece the best way through all of them is looked for, and remembered. The pieces are those of the library. Where that
is not certain (letters that Python and the library may take for different things, letters that are no piece) the answer
is None, and the library is to be asked.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain, pairwise
from operator import attrgetter
from typing import Generic, TypeVar

from .unigram import PLAIN, Unigram

__all__ = ["Cutter"]

_KEPT = 100_000  # of each kind: what is remembered
_LONG = 200  # letters between white space; that is no word, and not remembered
_CLOSE = 1e-7  # paths are sums of some thousand 64-bit numbers; what is closer than this, rounding may have made so

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Known(dict[Key, Value], Generic[Key, Value]):
    """What was learnt; whatever is not there is learnt when it is asked for."""

    def __init__(self, learn: Callable[[Key], Value]) -> None:
        self._learn = learn

    def __missing__(self, key: Key) -> Value:
        value = self[key] = self._learn(key)
        return value


Node = dict[str, "_Run"]
"""Words that may follow."""


class _Run:
    """Words one after the other that are a piece (``id`` is not negative) or the beginning of one."""

    __slots__ = ("id", "score", "then")

    def __init__(self) -> None:
        self.id, self.score = -1, 0.0
        self.then: Node = {}


class _Word:
    """The best way to cut a word by itself, and what it may share with its neighbours."""

    __slots__ = ("before", "ends", "letters", "pieces", "run", "score", "then")

    def __init__(self, letters: str, score: float, pieces: bytes) -> None:
        self.letters = letters
        self.score = score
        self.pieces = pieces
        self.run: Node = {}  # what may follow where it is the first word of several
        # After each beginning of it that ends a piece of several words, the best way to go on.
        self.ends: Sequence[tuple[str, float, bytes]] = ()
        # Between two words may be a piece that holds the end of one and the beginning of the next, if
        # ``then`` of the first and ``before`` of the second have anything in common.
        self.then: frozenset[str] = frozenset()
        self.before: frozenset[str] = frozenset()


_UNSURE = _Word("", 0.0, b"")
_STRANGE = (_UNSURE,)
_PIECES, _THEN, _BEFORE = map(attrgetter, ("pieces", "then", "before"))


class Cutter:
    """Pieces as ids of ``width`` bytes each, little-endian. ``unigram`` is one whose words stand ``apart``."""

    def __init__(self, unigram: Unigram, width: int = 2) -> None:
        self._unigram = unigram
        self._width = width
        self._ids, self._scores = unigram.pieces, [float(score) for score in unigram.scores]
        self._longest = max(map(len, self._ids))
        self._sure: set[str] = set()
        self._parts = _Known(self._part)
        self._words = _Known(self._word)
        self._shared = _Known(self._best)
        self._runs: Node = {}
        self._lasts: set[str] = set()
        self._follow: dict[str, set[str]] = {}
        self._usual = unigram.apart
        for piece, id_ in self._ids.items():
            if "▁" in piece[1:]:
                # Should one begin inside of a word, nothing is sure.
                self._usual &= piece[0] == "▁"
                self._put(piece[1:].split("▁"), id_)

    def _put(self, words: list[str], id_: int) -> None:
        node = self._runs
        for word, after in pairwise(words):
            node = node.setdefault(word, _Run()).then
            self._follow.setdefault(word, set()).add(after)
        last = node.setdefault(words[-1], _Run())
        last.id, last.score = id_, self._scores[id_]
        self._lasts.add(words[-1])

    def token_ids(self, text: str) -> bytes | None:
        """What ``Tokenizer.encode(text, add_special_tokens=False).ids`` gives; None if that is not certain."""
        read = self._read(text.split())
        return None if read is None else self._told(text, self._cut(list(chain.from_iterable(read)))[0])

    def token_ids_of_all(self, whole: str, parts: Sequence[str]) -> list[bytes | None]:
        """``pieces`` of a text and of ``parts`` with which it ends, for little more than those of the text."""
        split, own = whole.split(), [part.split() for part in parts]
        first = len(split) - sum(map(len, own))
        read = self._read(split) if first >= 0 and split[first:] == list(chain.from_iterable(own)) else None
        if read is None:
            return [self.token_ids(text) for text in (whole, *parts)]
        words = list(chain.from_iterable(read))
        found, runs = self._cut(words)
        told = [self._told(whole, found)]
        upto = list(accumulate(map(len, read), initial=0))  # words before what stands between white space
        starts = [upto[place] for place in accumulate(map(len, own), initial=first)]
        for place in starts:
            start, end = runs[bisect_right(runs, (place,)) - 1]
            if start < place < end:  # nothing that is shared may go on beyond the end of a part
                for left, right in pairwise(sorted({start, end, *(at for at in starts if start < at < end)})):
                    alone = right - left == 1
                    found[left] = words[left].pieces if alone else self._shared[tuple(words[left:right])]
        return told + [
            self._told(part, found[left:right]) for part, (left, right) in zip(parts, pairwise(starts), strict=True)
        ]

    def _read(self, parts: list[str]) -> list[tuple[_Word, ...]] | None:
        """The words of each of what stands between white space; None if they are not certain."""
        if not self._usual or max(map(len, parts), default=0) > _LONG:
            return None
        for known in (self._parts, self._words, self._shared):
            if len(known) >= _KEPT:
                known.clear()
        read = list(map(self._parts.__getitem__, parts))
        return None if _STRANGE in read else read

    def _cut(self, words: list[_Word]) -> tuple[list[bytes | None], list[tuple[int, int]]]:
        """For each word its pieces; the first of neighbours that may share some has those of all, which are told."""
        found: list[bytes | None] = list(map(_PIECES, words))
        apart = map(frozenset.isdisjoint, map(_THEN, words), map(_BEFORE, words[1:]))
        runs = []
        start = end = 0
        for place in [place for place, alone in enumerate(apart) if not alone]:
            if place == end - 1:
                end += 1
            else:
                runs.append((start, end))
                start, end = place, place + 2
        runs.append((start, end))
        for start, end in runs[1:]:
            found[start] = self._shared[tuple(words[start:end])]
            found[start + 1 : end] = [b""] * (end - start - 1)
        return found, runs

    def _told(self, text: str, found: list[bytes | None]) -> bytes | None:
        if None not in found:
            return b"".join(found)  # type: ignore[arg-type]
        ids = self._unigram.ids(text)  # there are two ways between which rounding decides
        return None if ids is None else self._packed(ids)

    def _packed(self, ids: Iterable[int]) -> bytes:
        return b"".join([id_.to_bytes(self._width, "little") for id_ in ids])

    # What is learnt ------------------------------------------------------------------------

    def _part(self, part: str) -> tuple[_Word, ...]:
        """The words of what stands between white space."""
        new = set(part) - self._sure
        self._sure |= {c for c in new if all(unicodedata.category(low) in PLAIN for low in c + c.lower())}
        if not new <= self._sure or not unicodedata.is_normalized("NFC", part):
            return _STRANGE
        for step in self._unigram.steps:
            part = step(part)
        words = tuple(map(self._words.__getitem__, part.split(" "))) if part else ()
        return _STRANGE if _UNSURE in words else words

    def _word(self, letters: str) -> _Word:
        if "▁" in letters or not all(letter in self._ids for letter in letters):
            return _UNSURE
        whole = self._inside("▁" + letters)
        heads = [head for at in range(1, min(len(letters), self._longest)) if (head := letters[:at]) in self._lasts]
        ends = [(head, self._inside(letters[len(head) :])) for head in heads]
        if not whole or not all(rest for _, rest in ends):
            return _UNSURE
        word = _Word(letters, *whole)
        word.ends = [(head, *rest) for head, rest in ends if rest]
        if letters in self._runs:
            word.run = self._runs[letters].then
        word.then = frozenset(self._follow.get(letters, ()))
        word.before = frozenset((letters, *heads))
        return word

    def _best(self, words: tuple[_Word, ...]) -> bytes | None:
        """The best path, from the end of each word to the next; None if it is not the only best one."""
        size = len(words)
        scores = [0.0] + [-math.inf] * size
        back: list[tuple[int, bytes]] = [(0, b"")] * (size + 1)
        unsure: set[int] = set()
        for start, word in enumerate(words):
            before, end, node = scores[start], start + 1, word.run
            offers = [(end, word.score, word.pieces)]
            while node and end < size:
                for beginning, rest, pieces in words[end].ends:
                    if beginning in node and (run := node[beginning]).id >= 0:
                        offers.append((end + 1, run.score + rest, self._packed([run.id]) + pieces))
                next_ = node.get(words[end].letters)
                if next_ is None:
                    break
                node = next_.then
                end += 1
                if next_.id >= 0:
                    offers.append((end, next_.score, self._packed([next_.id])))
            for end, score, pieces in offers:
                ahead = before + score - scores[end]
                if ahead > _CLOSE:
                    scores[end], back[end] = before + score, (start, pieces)
                    unsure.discard(end)
                elif ahead > -_CLOSE:
                    unsure.add(end)
        path: list[bytes] = []
        while size:
            if size in unsure:
                return None
            size, pieces = back[size]
            path.append(pieces)
        return b"".join(reversed(path))

    def _inside(self, letters: str) -> tuple[float, bytes] | None:
        """The best path through a word or a part of it; None if it is not the only best one."""
        size = len(letters)
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)] + [(-math.inf, 0, 0)] * size
        unsure: set[int] = set()
        for start in range(size):
            for end in range(start + 1, min(size, start + self._longest) + 1):
                id_ = self._ids.get(letters[start:end])
                if id_ is not None:
                    score = best[start][0] + self._scores[id_]
                    ahead = score - best[end][0]
                    if ahead > _CLOSE:
                        best[end] = (score, start, id_)
                        unsure.discard(end)
                    elif ahead > -_CLOSE:
                        unsure.add(end)
        path, at = [], size
        while at:
            if at in unsure or best[at][0] == -math.inf:
                return None
            path.append(best[at][2])
            at = best[at][1]
        return best[size][0], self._packed(reversed(path))
