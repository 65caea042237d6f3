"""Bytes to text: which encoding a file is in is found out, not believed.

UTF-8 and UTF-16 prove themselves. The one-byte encodings of older Vietnamese files (windows-1258,
TCVN3 alias ABC, VNI-Windows) decode anything, so each is tried and the one whose accented words are
Vietnamese syllables wins. TCVN3 and VNI live in fonts rather than in code pages: the same look-alike
letters also turn up inside Unicode files (Word documents, web pages), where ``repair`` finds them.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable

from ..text import fold, is_syllable

__all__ = ["Undecodable", "decode", "from_tcvn3", "from_vni", "is_binary", "is_utf16", "line_decoder", "repair"]


class Undecodable(ValueError):
    """The bytes are no text in any encoding known here; the message is a clause for the user."""


# windows-1252 with its five holes filled from latin-1: every byte is a character, none fails.
_CP1252 = {code: bytes([code]).decode("cp1252", "replace") for code in range(0x80, 0xA0)}
_CP1252 = {code: char if char != "\ufffd" else chr(code) for code, char in _CP1252.items()}

# TCVN 5712:1993, positions A1 to FF. The font tables called TCVN3 use the small letters and the
# capitals without tone (A1-A7); capitals with a tone come from a second font (.VnTimeH) that shows
# small letters as capitals, so in text without fonts they are small letters.
_TCVN3 = dict(
    zip(
        range(0xA1, 0x100),
        "ĂÂÊÔƠƯĐăâêôơưđẰ"
        "\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴ"
        "ẮẦẨẪẤỀặầẩẫấậèỂẻẽ"
        "éẹềểễếệìỉỄẾỒĩíịò"
        "Ổỏõóọồổỗốộờởỡớợù"
        "ỖủũúụừửữứựỳỷỹýỵỐ",
        strict=True,
    )
)
_SHOUTED = re.compile(r"(?<![^\W\d_])(?=(?:[^\W\d_]*[A-Z]){2})(?![^\W\d_]*[a-z])[^\W\d_]+")

# VNI-Windows writes a letter and then its marks as one more character: "tieáng" is "tiếng".
_TONES = {"ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"}
_ROUND = {"â": "\u0302", "á": "\u0302\u0301", "à": "\u0302\u0300", "å": "\u0302\u0309", "ã": "\u0302\u0303"} | {
    "ä": "\u0302\u0323"
}
_SHORT = {"ê": "\u0306", "é": "\u0306\u0301", "è": "\u0306\u0300", "ú": "\u0306\u0309", "ü": "\u0306\u0303"} | {
    "ë": "\u0306\u0323"
}
_VNI: dict[str, str] = {"æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ", "ñ": "đ", "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì"}
for _letters, _marks in (("a", _TONES | _ROUND | _SHORT), ("eo", _TONES | _ROUND), ("uyôö", _TONES)):
    for _letter in _letters:
        for _mark, _combining in _marks.items():
            _VNI[_letter + _mark] = unicodedata.normalize("NFC", _VNI.get(_letter, _letter) + _combining)
for _key, _value in list(_VNI.items()):
    _VNI[_key.upper()] = _value.upper()
    if len(_key) == 2:  # a capital followed by a small mark, as many typed it
        _VNI[_key[0].upper() + _key[1]] = _value.upper()
_VNI_LETTERS = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))


def from_tcvn3(text: str) -> str:
    """Text whose characters are TCVN3 bytes read as latin-1 or windows-1252 -> Unicode (NFC).

    >>> from_tcvn3("C«ng hoµ x· héi")
    'Công hoà xã hội'
    """
    text = unicodedata.normalize("NFC", text.translate(_TCVN3))
    return _SHOUTED.sub(lambda m: m[0].upper(), text)


def from_vni(text: str) -> str:
    """Text whose characters are VNI-Windows bytes read as windows-1252 -> Unicode (NFC).

    >>> from_vni("Coäng hoøa xaõ hoäi")
    'Cộng hòa xã hội'
    """
    return _VNI_LETTERS.sub(lambda m: _VNI[m[0]], text)


def _from_1258(data: bytes) -> str:
    # Five bytes are unassigned; a replacement character counts against this reading below.
    return unicodedata.normalize("NFC", data.decode("cp1258", "replace"))


def _from_utf8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _from_1252(data: bytes) -> str:
    return data.decode("latin-1").translate(_CP1252)


# The order settles ties. UTF-8 stands here for files with some broken bytes in it.
_READERS: dict[str, Callable[[bytes], str]] = {
    "windows-1258": _from_1258,
    "TCVN3": lambda data: from_tcvn3(_from_1252(data)),
    "VNI": lambda data: from_vni(_from_1252(data)),
    "utf-8": _from_utf8,
}

_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = frozenset("aàáảãạăằắẳẵặâầấẩẫậbcdđeèéẻẽẹêềếểễệghiìíỉĩịklmnoòóỏõọôồốổỗộơờớởỡợpqrstuùúủũụưừứửữựvxyỳýỷỹỵ")
_STOPPED = re.compile(r"(?:c|ch|p|t)$")
_UNSTOPPED_TONES = frozenset("\u0300\u0309\u0303")
_TONE_MARKS = frozenset("\u0300\u0301\u0303\u0309\u0323")
# Signs that Latin-1 readings of TCVN3 leave inside of words, and Vietnamese writing does not have there.
_STRAY = re.compile(r"(?<=[^\W\d_])[¤-©«-¯±-¹»-¿×÷\u00ad\ufffd]|[¤-©«-¯±-¹»-¿×÷\u00ad\ufffd](?=[^\W\d_])")


def _is_vietnamese(word: str) -> bool:
    """A syllable in the letters of the alphabet, with one tone at most, and one that its ending can bear."""
    word = word.lower()
    if not _LETTERS.issuperset(word) or not is_syllable(word):
        return False
    tones = [c for c in unicodedata.normalize("NFD", word) if c in _TONE_MARKS]
    return len(tones) <= 1 and not (tones and tones[0] in _UNSTOPPED_TONES and _STOPPED.search(fold(word)))


def _evidence(text: str) -> tuple[int, int]:
    """How many accented words speak for this reading of the text, and how many against."""
    words = [w for w in _WORD.findall(text) if not w.isascii()]
    good = sum(map(_is_vietnamese, words))
    return good, len(words) - good + len(_STRAY.findall(text))


_SAMPLE = 200_000  # characters looked at when readings are compared


def _share(text: str) -> float:
    """Laplace-smoothed share of accented words that are Vietnamese: two right ones beat one."""
    good, bad = _evidence(text[:_SAMPLE])
    return (good + 0.1) / (good + bad + 1)


_UNICODE_VIETNAMESE = re.compile("[\u0102\u0103\u0110\u0111\u01a0\u01a1\u01af\u01b0\u1ea0-\u1ef9]")


def repair(text: str) -> tuple[str, str]:
    """Undo TCVN3 or VNI letters kept in a Unicode text; ``(text, "")`` if there are none.

    Returns the text and the name of what it was in. Text with a letter only Vietnamese Unicode has
    is left alone.
    """
    if text.isascii() or _UNICODE_VIETNAMESE.search(text):
        return text, ""
    sample = text[:_SAMPLE]
    # In a Unicode file the bytes 80-9F of the fonts have become their windows-1252 characters already.
    shares = [(_share(convert(sample)), name, convert) for name, convert in (("TCVN3", from_tcvn3), ("VNI", from_vni))]
    share, name, convert = max(shares, key=lambda s: s[0])
    if share >= 0.75 and share > _share(sample) and _evidence(convert(sample))[0] >= 3:
        return convert(text), name
    return text, ""


_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL_BYTES = bytes(c for c in range(0x20) if c not in b"\t\n\v\f\r\x1a\x1b")


def _bom(data: bytes) -> str | None:
    return next((name for mark, name in _BOMS if data.startswith(mark)), None)


def _bare_utf16(data: bytes) -> str | None:
    """``utf-16-le`` or ``-be`` for UTF-16 without a mark: zeros in every other byte, mostly."""
    head = data[:4096]
    if len(head) < 4:
        return None
    half = len(head) // 2
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if odd > 0.2 and even < 0.02:
        return "utf-16-le"
    return "utf-16-be" if even > 0.2 and odd < 0.02 else None


def is_utf16(data: bytes) -> str | None:
    """The UTF-16 codec that bytes are in, by their mark or by the zeros between Latin letters."""
    return "utf-16" if _bom(data) == "utf-16" else None if _bom(data) else _bare_utf16(data)


def is_binary(data: bytes) -> bool:
    """True if the first 64 KB hold zeros or many control characters, and are no UTF-16."""
    head = data[:65536]
    if _bom(head) or _bare_utf16(head):
        return False
    controls = len(head) - len(head.translate(None, _CONTROL_BYTES))
    return b"\0" in head or controls > 0.02 * len(head)


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Bytes -> (text, name of the encoding found).

    ``declared`` is what the file says of itself (an HTML page's charset): believed only where nothing
    better is proven. Raises Undecodable. The text is not cleaned yet.
    """
    if marked := _bom(data):
        try:
            return data.decode(marked), marked.removesuffix("-sig")
        except UnicodeDecodeError:
            if marked == "utf-32":
                raise Undecodable("looks like a binary file, not text") from None
            return data.decode(marked, "replace"), marked.removesuffix("-sig")
    if bare := _bare_utf16(data):
        return data.decode(bare, "replace"), bare
    if is_binary(data):
        raise Undecodable("looks like a binary file, not text")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_legacy(data, declared)
    text, legacy = repair(text)
    return text, legacy or "utf-8"


def line_decoder(sample: bytes) -> tuple[Callable[[bytes], str], str]:
    """For files too large to decode at once: what decodes each line, told from a sample of the file.

    ``sample`` holds whole lines, without UTF-16. Raises Undecodable.
    """
    _, name = decode(sample)
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError:
        return _READERS.get(name, _from_1252), name
    convert = {"TCVN3": from_tcvn3, "VNI": from_vni}.get(name)
    return (lambda line: convert(_from_utf8(line)) if convert else _from_utf8(line)), name


def _decode_legacy(data: bytes, declared: str) -> tuple[str, str]:
    readings = [(name, read(data)) for name, read in _READERS.items()]
    share, name, text = max(((_share(text), name, text) for name, text in readings), key=lambda r: r[0])
    if share >= 0.6 or (share >= 0.35 and _evidence(text)[0] <= 3):
        return text, name
    known = _codec(declared)
    if known:
        return data.decode(known, "replace"), known
    # Western text with a few accents; a text mostly of foreign letters would only be rubbish in it.
    latin = _from_1252(data)
    letters = sum(c.isalpha() for c in latin[:_SAMPLE])
    foreign = sum(not c.isascii() for c in latin[:_SAMPLE])
    if foreign <= 0.15 * letters:
        return latin, "windows-1252"
    raise Undecodable("is in an encoding that could not be told; save it as UTF-8")


def _codec(name: str) -> str:
    """The Python name of a declared charset; empty if unknown, or if it is one that was refuted."""
    try:
        known = codecs.lookup(name).name if name else ""
        b"a".decode(known or "ascii", "replace")  # refuses codecs that are not of text
    except (LookupError, ValueError):  # ValueError: a zero byte in the name
        return ""
    return "" if known.startswith(("utf", "iso8859-1", "latin", "cp1252", "ascii", "cp1258")) else known
