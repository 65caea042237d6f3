"""Long texts cut into pieces word by word, each word looked into once: for a tokenizer that ``unigram`` knows.

The library looks for every piece at every letter of a text. Nearly all pieces of the bundled vocabulary are a word, or
two to four words that belong together, and nearly all words of a text were met before. So the best way to cut a word by
itself is remembered, and in a text only those pieces are compared that begin where a word begins: some four times less
work than the library's, though in one thread. The pieces are the same. Where that is not certain (letters that Python
and the library may take for different things, letters that are no piece, two ways of cutting that rounding decides) the
answer is None, and the library is to be asked.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from .unigram import _PLAIN as PLAIN
from .unigram import Unigram

__all__ = ["Cutter"]

_KEPT = 200_000  # words that are remembered
_CLOSE = 1e-7  # paths are sums of some thousand 64-bit numbers; what is closer than this, rounding may have made so

Node = dict[str, "Run"]
"""Words that may follow."""


class Run(NamedTuple):
    """Words one after the other that are a piece (``id`` is not negative) or the beginning of one."""

    id: int
    score: float
    then: Node


class Word(NamedTuple):
    """The best way to cut a word by itself, and after each beginning of it that ends a piece of several words."""

    score: float
    ids: tuple[int, ...]
    run: Node  # what may follow where it is the first word of several
    ends: tuple[tuple[str, float, tuple[int, ...]], ...]


class Cutter:
    """``ids(text)``: the pieces of a text, or None."""

    def __init__(self, unigram: Unigram) -> None:
        ids, scores = unigram._ids, [float(score) for score in unigram._scores]
        self._ids, self._scores, self._steps = ids, scores, unigram._steps
        self._longest = max(map(len, ids))
        self._sure: set[str] = {"\n"}
        self._words: dict[str, Word | None] = {}
        self._runs: Node = {}
        self._lasts: set[str] = set()
        self._usual = True
        for piece, id_ in ids.items():
            if "▁" in piece[1:]:
                # Should one begin inside of a word, nothing is sure: no word is ever learnt then.
                self._usual &= piece[0] == "▁"
                *before, last = piece[1:].split("▁")
                node = self._runs
                for word in before:
                    node = node.setdefault(word, Run(-1, 0.0, {})).then
                node[last] = Run(id_, scores[id_], node[last].then if last in node else {})
                self._lasts.add(last)

    def ids(self, text: str) -> list[int] | None:
        """As ``Tokenizer.encode(text, add_special_tokens=False).ids``."""
        if not self._is_sure(text):
            return None
        for step in self._steps:
            text = step(text)
        if not text:
            return []
        words, known = text.split(" "), self._words
        if len(known) >= _KEPT:
            known.clear()
        for word in words:  # a difference of sets would go through all that are known
            if word not in known:
                self._learn(word)
        found = [word for word in map(known.get, words) if word]
        return self._best(words, found) if len(found) == len(words) else None

    def _is_sure(self, text: str) -> bool:
        new = set(text) - self._sure
        self._sure |= {c for c in new if all(unicodedata.category(low) in PLAIN for low in c + c.lower())}
        return new <= self._sure and unicodedata.is_normalized("NFC", text)

    def _best(self, words: Sequence[str], found: Sequence[Word]) -> list[int] | None:
        """The best path, from the end of each word to the next; None if it is not the only best one."""
        size = len(words)
        scores = [0.0] + [-math.inf] * size
        back: list[tuple[int, tuple[int, ...]]] = [(0, ())] * (size + 1)
        unsure: set[int] = set()
        for start, (score, ids, node, _) in enumerate(found):
            before, end = scores[start], start + 1
            offers = [(end, score, ids)]
            while node and end < size:
                for beginning, rest, ids in found[end].ends:
                    if beginning in node and (run := node[beginning]).id >= 0:
                        offers.append((end + 1, run.score + rest, (run.id, *ids)))
                if words[end] not in node:
                    break
                id_, score, node = node[words[end]]
                end += 1
                if id_ >= 0:
                    offers.append((end, score, (id_,)))
            for end, score, ids in offers:
                ahead = before + score - scores[end]
                if ahead > _CLOSE:
                    scores[end], back[end] = before + score, (start, ids)
                    if unsure:
                        unsure.discard(end)
                elif ahead > -_CLOSE:
                    unsure.add(end)
        path: list[tuple[int, ...]] = []
        while size:
            if size in unsure:
                return None
            size, ids = back[size]
            path.append(ids)
        return [id_ for ids in reversed(path) for id_ in ids]

    def _learn(self, word: str) -> None:
        """Remembers a word; None for one of which this is not sure."""
        made = None
        if self._usual and word and "▁" not in word and all(letter in self._ids for letter in word):
            run = self._runs.get(word)
            ends = [(word[:at], self._inside(word[at:])) for at in range(1, len(word)) if word[:at] in self._lasts]
            whole = self._inside("▁" + word)
            if whole and all(rest for _, rest in ends):
                made = Word(*whole, run.then if run else {}, tuple((head, *rest) for head, rest in ends if rest))
        self._words[word] = made

    def _inside(self, letters: str) -> tuple[float, tuple[int, ...]] | None:
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
        return best[size][0], tuple(reversed(path))
