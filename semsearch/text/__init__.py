"""Vietnamese strings: cleaning, tone placement, folding, tokens.

``clean`` is applied once, when a text is decoded; everything stored and shown is cleaned text.
``canonical`` and ``fold`` make forms to compare by; they are never stored or shown.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from ..types import Span

__all__ = [
    "VERSION",
    "canonical",
    "clean",
    "fold",
    "has_accents",
    "is_syllable",
    "language",
    "terms",
    "tokens",
]

VERSION = 1
"""Raised when a change here alters stored text or index terms: indexes made before are stale."""

# Spaces of every width become one plain space, what has no width and no meaning goes.
_SPACES = dict.fromkeys([*range(0x2000, 0x200B), *map(ord, "\u00a0\u1680\u202f\u205f\u3000\t\v\f")], " ")
_DROPPED = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), *map(ord, "\u00ad\ufeff\ufffc")]
)
_CONTROLS = {i: " " for i in range(0xA0) if (i < 0x20 or i >= 0x7F) and chr(i) not in "\n\r\t\v\f\x85"}
_LETTERS = {0x00D0: "Đ", 0x00F0: "đ", 0x0189: "Đ", 0x0256: "đ", 0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
_SURROGATES = re.compile("[\ud800-\udfff]")
_CLEAN = _SPACES | _DROPPED | _CONTROLS | _LETTERS


def clean(text: str) -> str:
    """NFC; one kind of line end and of space; Đ for its look-alikes; nothing invisible.

    Idempotent. The result is what offsets count in. Lone surrogates become U+FFFD, so that the
    result can always be encoded.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CLEAN)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = _SURROGATES.sub("\ufffd", text)
    return text


# Tone placement: the old style writes hoà, khoẻ, thuỷ; the new one hòa, khỏe, thủy. Only an open
# syllable differs: with a final consonant (hoàn, thuyền) or after q (quý) the mark has one place.
_OLD_TO_NEW = {}
for _plain, _first, _second in (("oa", "òóỏõọ", "àáảãạ"), ("oe", "òóỏõọ", "èéẻẽẹ"), ("uy", "ùúủũụ", "ỳýỷỹỵ")):
    for _i in range(5):
        _OLD_TO_NEW[_plain[0] + _second[_i]] = _first[_i] + _plain[1]
_OLD_STYLE = re.compile(
    "(?<![qQ])(?:" + "|".join(_OLD_TO_NEW) + r")(?![^\W\d_])",
)


def canonical(text: str) -> str:
    """Lower case, the new tone placement: equal for spellings that are the same word.

    Length-preserving on cleaned Vietnamese text, so offsets stay valid.

    >>> canonical("Hoà bình, THUỶ điện, quý hoá")
    'hòa bình, thủy điện, quý hóa'
    """
    text = text.lower()
    return _OLD_STYLE.sub(lambda m: _OLD_TO_NEW[m[0]], text)


class _FoldTable(dict[int, str]):
    """``str.translate`` table that learns each character's base letter when first met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        base = "".join(c for c in unicodedata.normalize("NFD", char) if not unicodedata.combining(c))
        folded = self[code] = base.replace("đ", "d").replace("Đ", "D")
        return folded


_FOLD = _FoldTable({ord("đ"): "d", ord("Đ"): "D"})


def fold(text: str) -> str:
    """Without diacritics, đ as d, lower case: how Vietnamese is typed in a hurry.

    >>> fold("Đường Trường Sơn")
    'duong truong son'
    """
    return text.translate(_FOLD).lower()


def has_accents(text: str) -> bool:
    """True if any letter carries a Vietnamese (or any other) diacritic, or is đ."""
    return not text.isascii() and text.lower() != fold(text)


# A number keeps its separators (11,5  37.000  27/8  8.500.000); a word is a run of letters or digits.
_TOKEN = re.compile(r"\d+(?:[.,/]\d+)+|[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")


def tokens(text: str) -> list[Span]:
    """Spans of the words (syllables) and numbers of ``text``, in order."""
    return [Span(m.start(), m.end()) for m in _TOKEN.finditer(text)]


def terms(text: str) -> list[str]:
    """What the lexical index counts: canonical syllables and numbers, in order.

    37.000 and 37,000 become 37000, a decimal keeps its comma (11,5), a date is met whole and by its
    parts (27/8, 27, 8).

    >>> terms("Ngày 27/8: hơn 37.000 người, 11,5 tỷ")
    ['ngày', '27/8', '27', '8', 'hơn', '37000', 'người', '11,5', 'tỷ']
    """
    found: list[str] = []
    for term in _TOKEN.findall(canonical(text)):
        if not term[0].isdigit():
            found.append(term)
            continue
        parts = [_number(part) for part in term.split("/")]
        found.append("/".join(parts))
        if len(parts) > 1:
            found.extend(parts)
    return found


def _number(term: str) -> str:
    if _THOUSANDS.fullmatch(term):
        return term.replace(".", "").replace(",", "")
    if term.isdigit():
        return term.lstrip("0") or "0"
    return term.replace(".", ",")


# The shape of a Vietnamese syllable without its marks: onset, nucleus, coda.
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdghklmnpqrstvx])?"
    r"(?:uyeu|uye|uya|uyu|uoi|uou|ieu|yeu|oai|oay|oao|oeo|uay|uao|ieu|uu|ai|ao|au|ay|eo|eu|ia|ie|iu|ye|oa|oe|oi|oo|ua|ue|ui|uo|uy|ya|a|e|i|o|u|y)"
    r"(?:ch|ng|nh|[cmnpt])?"
)
_ENGLISH = frozenset(
    "a about an and any are as at be been but by can did do does for from had has have he her him his how in "
    "into is it its me my no not of on or our she so than that the their them then there these they this to us "
    "was we were what when where which who whom whose why will with would you your".split()
)
# The commonest words of a Vietnamese question that English does not have, without their marks.
_PLAIN = (
    frozenset(
        "ai bao bi cac cho chuc co cua duoc da dau gi giu khi khong la lam mot nam nao nguoi nhieu nhu nhung tai "
        "the trong va vao ve vi voi".split()
    )
    - _ENGLISH
)


def is_syllable(word: str) -> bool:
    """True if ``word`` can be a Vietnamese syllable, with or without its marks."""
    return _SYLLABLE.fullmatch(fold(word)) is not None


def language(text: str) -> Literal["vi", "vi-plain", "en"]:
    """``vi``, ``vi-plain`` (Vietnamese typed without accents) or ``en`` (anything else in Latin letters).

    A rule, not a model: it looks at diacritics, at English function words and at the share of
    words that are possible Vietnamese syllables. Made for queries; a text without any letters is ``vi``.
    """
    written = [word for s in tokens(text) if (word := text[s.start : s.end]).isalpha()]
    words = [word.lower() for word in written]
    if not words:
        return "vi"
    english = sum(w in _ENGLISH for w in words)
    possible = [w for w in written if is_syllable(w) and w.lower() not in _ENGLISH]
    accented = [w for w in possible if has_accents(w)]
    # "Who is Võ Nguyên Giáp?": "who" can be nothing but English, and all that looks Vietnamese is names.
    if any(w in _ENGLISH and not is_syllable(w) for w in words) and all(w[0].isupper() for w in accented or possible):
        return "en"
    if accented and len(accented) >= english:
        return "vi"
    plain = sum(w in _PLAIN for w in words)
    return "vi-plain" if len(possible) >= 0.6 * len(words) or plain > english else "en"
