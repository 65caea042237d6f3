"""Unicode cleaning, canonical tone placement and accent folding.

``clean`` is applied once, when a text is decoded; everything stored and shown is cleaned text.
``canonical`` and ``fold`` make forms for comparison; they are never stored or shown.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["NEW_TONE_PLACEMENT", "canonical", "clean", "fold", "has_accents"]

# Spaces of every width become a plain space; zero-width characters, direction marks and soft hyphens are removed.
_SPACES = dict.fromkeys([*range(0x2000, 0x200B), *map(ord, "\u00a0\u1680\u202f\u205f\u3000\t\v\f")], " ")
_INVISIBLE = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), *map(ord, "\u00ad\ufeff\ufffc")]
)
_CONTROLS = {code: " " for code in range(0xA0) if (code < 0x20 or code >= 0x7F) and chr(code) not in "\n\r\t\v\f\x85"}
_LINE_ENDS = {0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
# Eth (Ð, ð) and African d (Ɖ, ɖ) look like the Vietnamese letter and are often typed for it.
_D_LOOK_ALIKES = {0x00D0: "Đ", 0x00F0: "đ", 0x0189: "Đ", 0x0256: "đ"}
_CLEAN = _SPACES | _INVISIBLE | _CONTROLS | _LINE_ENDS | _D_LOOK_ALIKES

# "\ud800", half of a surrogate pair: cannot be encoded as UTF-8.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Normalise a decoded text to NFC with plain spaces, ``\\n`` line ends and no invisible characters.

    Idempotent. Offsets count characters of the result. Look-alikes of Đ become Đ, and lone surrogates become
    U+FFFD, so that the result can always be encoded.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CLEAN)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = _LONE_SURROGATE.sub("\ufffd", text)
    return text


def _tone_placements() -> dict[str, str]:
    """Map the old spelling of each open syllable's ending ("oà") to the new one ("òa")."""
    placements = {}
    for vowels, first_letters, second_letters in (
        ("oa", "òóỏõọ", "àáảãạ"),
        ("oe", "òóỏõọ", "èéẻẽẹ"),
        ("uy", "ùúủũụ", "ỳýỷỹỵ"),
    ):
        for first_letter, second_letter in zip(first_letters, second_letters, strict=True):
            placements[vowels[0] + second_letter] = first_letter + vowels[1]
    return placements


NEW_TONE_PLACEMENT = _tone_placements()
"""Endings in the old tone placement (hoà, khoẻ, thuỷ) and in the new one (hòa, khỏe, thủy)."""

# "oà" in "hoà", "uỷ" in "thuỷ". Not in "hoàn" or "thuyền", where a final consonant leaves the mark one place only,
# and not in "quý", where u belongs to the consonant.
_OLD_TONE_PLACEMENT = re.compile("(?<![qQ])(?:" + "|".join(NEW_TONE_PLACEMENT) + r")(?![^\W\d_])")


def canonical(text: str) -> str:
    """Lower-case a text and use the new tone placement, so that two spellings of one word become equal.

    Keeps the length of cleaned Vietnamese text, so offsets stay valid.

    >>> canonical("Hoà bình, THUỶ điện, quý hoá")
    'hòa bình, thủy điện, quý hóa'
    """
    return _OLD_TONE_PLACEMENT.sub(_new_tone_placement, text.lower())


def _new_tone_placement(match: re.Match[str]) -> str:
    return NEW_TONE_PLACEMENT[match[0]]


class _FoldTable(dict[int, str]):
    """A ``str.translate`` table that computes the base letter of each character on its first use."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFD", chr(code))
        base = "".join(char for char in decomposed if not unicodedata.combining(char))
        folded = self[code] = base.replace("đ", "d").replace("Đ", "D")
        return folded


_FOLD = _FoldTable({ord("đ"): "d", ord("Đ"): "D"})


def fold(text: str) -> str:
    """Lower-case a text without its diacritics, đ as d: Vietnamese as it is typed in a hurry.

    >>> fold("Đường Trường Sơn")
    'duong truong son'
    """
    return text.translate(_FOLD).lower()


def has_accents(text: str) -> bool:
    """Return whether any letter has a diacritic, Vietnamese or other, or is đ."""
    return not text.isascii() and text.lower() != fold(text)
