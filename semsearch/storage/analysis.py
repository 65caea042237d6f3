"""The terms of a text in each field of the lexical index. ``docs/decisions/lexical.md`` has the reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from ..text import fold, terms

__all__ = ["FIELDS", "AnalyzedText", "Field", "analyze"]

Field = Literal["exact", "plain", "pairs", "title"]

FIELDS: tuple[Field, ...] = ("exact", "plain", "pairs", "title")
"""All fields but the first hold terms without accents."""

MAX_TERM_CHARACTERS = 64
"""Longer terms are cut: they are not words, and tantivy drops terms of 64 KiB."""

_EMPTY_LINE = re.compile(r"\n\s*\n")
_fold = lru_cache(maxsize=100_000)(fold)  # there are few syllables, and folding them is most of the work


@dataclass(frozen=True, slots=True)
class AnalyzedText:
    """The terms of a text.

    ``blocks`` holds the terms of each block with their accents; blocks are separated by empty lines, and those
    without terms are left out. ``exact`` and ``plain`` are all terms, with accents and without. ``pairs`` are
    adjacent plain terms of one block, joined by ``_``.
    """

    blocks: list[list[str]]
    exact: list[str]
    plain: list[str]
    pairs: list[str]


def analyze(text: str) -> AnalyzedText:
    """Return the terms of a cleaned text, in order.

    >>> analyze("Cầu Nậm Cắt").pairs
    ['cau_nam', 'nam_cat']
    """
    analyzed = AnalyzedText([], [], [], [])
    for block in _EMPTY_LINE.split(text):
        exact = [term[:MAX_TERM_CHARACTERS] for term in terms(block)]
        if not exact:
            continue
        plain = [_fold(term) for term in exact]
        analyzed.blocks.append(exact)
        analyzed.exact.extend(exact)
        analyzed.plain.extend(plain)
        analyzed.pairs.extend(map("_".join, pairwise(plain)))
    return analyzed
