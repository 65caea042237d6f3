"""Tokens: the syllables and numbers of a text, and the terms that the lexical index counts."""

from __future__ import annotations

import re

from ..types import Span
from .normalize import canonical, fold
from .numbers import normalize_number

__all__ = ["is_syllable", "terms", "tokenize"]

# A number with its separators ("11,5", "37.000", "27/8") or a run of letters and digits ("U23", "đồng"), where a
# combining mark stays with its letter. Not "_", and not the hyphen of "COVID-19": these are two tokens.
_TOKEN = re.compile(r"\d+(?:[.,/]\d+)+|[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")

# A folded Vietnamese syllable: onset, nucleus and coda ("ngh-ie-ng", "khuy-u", "o"). Not "street" or "xyz".
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdghklmnpqrstvx])?"
    r"(?:uyeu|uye|uya|uyu|uoi|uou|ieu|yeu|oai|oay|oao|oeo|uay|uao|ieu|uu|ai|ao|au|ay|eo|eu|ia|ie|iu|ye|oa|oe|oi|oo|ua|ue|ui|uo|uy|ya|a|e|i|o|u|y)"
    r"(?:ch|ng|nh|[cmnpt])?"
)


def tokenize(text: str) -> list[Span]:
    """Return the spans of the syllables and numbers of ``text``, in order."""
    return [Span(match.start(), match.end()) for match in _TOKEN.finditer(text)]


def terms(text: str) -> list[str]:
    """Return the terms of ``text`` for lexical search: canonical syllables and normalised numbers, in order.

    37.000 and 37,000 become 37000, a decimal gets a comma (11,5), and a date is indexed as a whole and by its
    parts (27/8, 27, 8).

    >>> terms("Ngày 27/8: hơn 37.000 người, 11,5 tỷ")
    ['ngày', '27/8', '27', '8', 'hơn', '37000', 'người', '11,5', 'tỷ']
    """
    found: list[str] = []
    for token in _TOKEN.findall(canonical(text)):
        if not token[0].isdigit():
            found.append(token)
            continue
        numbers = [normalize_number(part) for part in token.split("/")]
        found.append("/".join(numbers))
        if len(numbers) > 1:
            found.extend(numbers)
    return found


def is_syllable(word: str) -> bool:
    """Return whether ``word`` has the shape of a Vietnamese syllable, with or without diacritics."""
    return _SYLLABLE.fullmatch(fold(word)) is not None
