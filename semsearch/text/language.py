"""Language identification of short texts: Vietnamese, Vietnamese without accents, or English."""

from __future__ import annotations

from ..types import Language
from .normalize import has_accents
from .tokens import is_syllable, tokenize

__all__ = ["detect_language"]

_ENGLISH_WORDS = frozenset(
    "a about an and any are as at be been but by can did do does for from had has have he her him his how in "
    "into is it its me my no not of on or our she so than that the their them then there these they this to us "
    "was we were what when where which who whom whose why will with would you your".split()
)
# The most frequent words of Vietnamese questions, folded, that are not English words too.
_VIETNAMESE_WORDS = (
    frozenset(
        "ai bao bi cac cho chuc co cua duoc da dau gi giu khi khong la lam mot nam nao nguoi nhieu nhu nhung tai "
        "the trong va vao ve vi voi".split()
    )
    - _ENGLISH_WORDS
)
_MIN_SYLLABLE_SHARE = 0.6
"""Share of possible Vietnamese syllables from which a text without accents is Vietnamese."""


def detect_language(text: str) -> Language:
    """Return ``vi``, ``vi-plain`` (Vietnamese without accents) or ``en`` (anything else in Latin letters).

    A rule, made for queries: it looks at diacritics, English function words and the share of words that are
    possible Vietnamese syllables. A text without letters is ``vi``.
    """
    words = [word for word in (span.of(text) for span in tokenize(text)) if word.isalpha()]
    if not words:
        return "vi"
    lowered = [word.lower() for word in words]
    english_count = sum(word in _ENGLISH_WORDS for word in lowered)
    syllables = [word for word in words if is_syllable(word) and word.lower() not in _ENGLISH_WORDS]
    accented = [word for word in syllables if has_accents(word)]

    # "Who is Võ Nguyên Giáp?": "who" can only be English, and all that looks Vietnamese is capitalised like a name.
    only_english = any(word in _ENGLISH_WORDS and not is_syllable(word) for word in lowered)
    if only_english and all(word[0].isupper() for word in accented or syllables):
        return "en"

    if accented and len(accented) >= english_count:
        return "vi"
    vietnamese_count = sum(word in _VIETNAMESE_WORDS for word in lowered)
    if len(syllables) >= _MIN_SYLLABLE_SHARE * len(words) or vietnamese_count > english_count:
        return "vi-plain"
    return "en"
