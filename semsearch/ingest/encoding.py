"""Decoding: the encoding of a file is detected from its bytes.

UTF-8 and UTF-16 prove themselves. The one-byte encodings of older Vietnamese files (windows-1258, TCVN3 alias ABC,
VNI-Windows) decode any bytes, so each is tried, and the one whose accented words are Vietnamese syllables wins.
TCVN3 and VNI belong to fonts rather than to code pages: the same look-alike letters also occur inside Unicode files
(Word documents, web pages), where ``repair`` converts them.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable

from ..text import fold, is_syllable

__all__ = ["Undecodable", "decode", "from_tcvn3", "from_vni", "is_binary", "is_utf16", "line_decoder", "repair"]

_SAMPLE_CHARACTERS = 200_000  # compared between encodings
_BINARY_SAMPLE_BYTES = 65_536
_UTF16_SAMPLE_BYTES = 4096
_WEAK_EVIDENCE_WORDS = 3  # this many Vietnamese words are weak evidence
_MIN_SHARE = 0.6  # of accented words that are Vietnamese, for a one-byte encoding
_MIN_SHARE_WEAK_EVIDENCE = 0.35
_MIN_SHARE_REPAIR = 0.75  # for look-alike letters inside a Unicode text
_MAX_FOREIGN_SHARE = 0.15  # of letters outside ASCII, in a text taken as windows-1252


class Undecodable(ValueError):
    """The bytes are not text in a known encoding; the message is a clause without a subject."""


# ---- tables


def _cp1252_table() -> dict[int, str]:
    """windows-1252 for ``str.translate`` after latin-1, its five unassigned bytes kept as latin-1 reads them."""
    table = {}
    for code in range(0x80, 0xA0):
        char = bytes([code]).decode("cp1252", "replace")
        table[code] = chr(code) if char == "\ufffd" else char
    return table


_CP1252 = _cp1252_table()

# TCVN 5712:1993, positions A1 to FF. The TCVN3 fonts use the small letters and the capitals without tone (A1-A7). A
# second font (.VnTimeH) shows small letters as capitals, so without fonts capitals with a tone are small letters.
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
# A converted word of at least two capitals and accented small letters, typed in the font of capitals: "CộNG", "HOà".
# Not "Cộng".
_WORD_IN_CAPITALS_FONT = re.compile(r"(?<![^\W\d_])(?=(?:[^\W\d_]*[A-Z]){2})(?![^\W\d_]*[a-z])[^\W\d_]+")

# VNI-Windows writes a letter and then its marks as one more character: "tieáng" is "tiếng".
_TONE_MARKS = {"ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"}
_CIRCUMFLEX_MARKS = {
    "â": "\u0302",
    "á": "\u0302\u0301",
    "à": "\u0302\u0300",
    "å": "\u0302\u0309",
    "ã": "\u0302\u0303",
    "ä": "\u0302\u0323",
}
_BREVE_MARKS = {
    "ê": "\u0306",
    "é": "\u0306\u0301",
    "è": "\u0306\u0300",
    "ú": "\u0306\u0309",
    "ü": "\u0306\u0303",
    "ë": "\u0306\u0323",
}


def _vni_table() -> dict[str, str]:
    """Every VNI letter, of one character or two, with its Unicode letter."""
    table = {"æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ", "ñ": "đ", "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì"}
    for letters, marks in (
        ("a", _TONE_MARKS | _CIRCUMFLEX_MARKS | _BREVE_MARKS),
        ("eo", _TONE_MARKS | _CIRCUMFLEX_MARKS),
        ("uyôö", _TONE_MARKS),
    ):
        for letter in letters:
            for mark, combining in marks.items():
                table[letter + mark] = unicodedata.normalize("NFC", table.get(letter, letter) + combining)
    for written, letter in list(table.items()):
        table[written.upper()] = letter.upper()
        if len(written) == 2:  # a capital followed by a small mark, as many typed it
            table[written[0].upper() + written[1]] = letter.upper()
    return table


_VNI = _vni_table()
# A VNI letter, the longest first: "eá", "ñ".
_VNI_LETTER = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))


# ---- conversions


def from_tcvn3(text: str) -> str:
    """Convert TCVN3 bytes that were read as latin-1 or windows-1252 to Unicode (NFC).

    >>> from_tcvn3("C«ng hoµ x· héi")
    'Công hoà xã hội'
    """
    text = unicodedata.normalize("NFC", text.translate(_TCVN3))
    return _WORD_IN_CAPITALS_FONT.sub(lambda match: match[0].upper(), text)


def from_vni(text: str) -> str:
    """Convert VNI-Windows bytes that were read as windows-1252 to Unicode (NFC).

    >>> from_vni("Coäng hoøa xaõ hoäi")
    'Cộng hòa xã hội'
    """
    return _VNI_LETTER.sub(lambda match: _VNI[match[0]], text)


def _decode_1258(data: bytes) -> str:
    # Five bytes are unassigned; a replacement character counts as evidence against this encoding.
    return unicodedata.normalize("NFC", data.decode("cp1258", "replace"))


def _decode_1252(data: bytes) -> str:
    return data.decode("latin-1").translate(_CP1252)


def _decode_tcvn3(data: bytes) -> str:
    return from_tcvn3(_decode_1252(data))


def _decode_vni(data: bytes) -> str:
    return from_vni(_decode_1252(data))


def _decode_utf8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# In order of preference. UTF-8 is among them for files with some broken bytes.
_DECODERS: dict[str, Callable[[bytes], str]] = {
    "windows-1258": _decode_1258,
    "TCVN3": _decode_tcvn3,
    "VNI": _decode_vni,
    "utf-8": _decode_utf8,
}
_CONVERTERS: dict[str, Callable[[str], str]] = {"TCVN3": from_tcvn3, "VNI": from_vni}


# ---- evidence

_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = frozenset("aàáảãạăằắẳẵặâầấẩẫậbcdđeèéẻẽẹêềếểễệghiìíỉĩịklmnoòóỏõọôồốổỗộơờớởỡợpqrstuùúủũụưừứửữựvxyỳýỷỹỵ")
_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
# Syllables that end in a stop consonant ("các", "một") have the tones sắc and nặng only.
_STOP_CODA = re.compile(r"(?:c|ch|p|t)$")
_TONES_WITHOUT_STOP_CODA = frozenset("\u0300\u0309\u0303")
# A sign inside or beside a word, as TCVN3 read as latin-1 has many: the "«" of "C«ng". Vietnamese has none there.
_SIGN_IN_WORD = re.compile(r"(?<=[^\W\d_])[¤-©«-¯±-¹»-¿×÷\u00ad\ufffd]|[¤-©«-¯±-¹»-¿×÷\u00ad\ufffd](?=[^\W\d_])")
# A letter that only Vietnamese Unicode text has: ă, đ, ơ, ư, ạ to ỹ.
_UNICODE_VIETNAMESE = re.compile("[\u0102\u0103\u0110\u0111\u01a0\u01a1\u01af\u01b0\u1ea0-\u1ef9]")


def _is_vietnamese(word: str) -> bool:
    """Whether a word is a syllable of Vietnamese letters with at most one tone, and one that its coda can have."""
    word = word.lower()
    if not _LETTERS.issuperset(word) or not is_syllable(word):
        return False
    tones = [char for char in unicodedata.normalize("NFD", word) if char in _TONES]
    if not tones:
        return True
    wrong_tone = tones[0] in _TONES_WITHOUT_STOP_CODA and _STOP_CODA.search(fold(word)) is not None
    return len(tones) == 1 and not wrong_tone


def _evidence(text: str) -> tuple[int, int]:
    """The number of accented words for and against this decoding of a text."""
    accented = [word for word in _WORD.findall(text) if not word.isascii()]
    vietnamese_count = sum(map(_is_vietnamese, accented))
    return vietnamese_count, len(accented) - vietnamese_count + len(_SIGN_IN_WORD.findall(text))


def _vietnamese_share(text: str) -> float:
    """The share of accented words that are Vietnamese, smoothed: two right words out of two beat one out of one."""
    good, bad = _evidence(text[:_SAMPLE_CHARACTERS])
    return (good + 0.1) / (good + bad + 1)


def repair(text: str) -> tuple[str, str]:
    """Convert TCVN3 or VNI look-alike letters inside a Unicode text.

    A text with a letter that only Vietnamese Unicode text has is left alone.

    Returns:
        The text, and ``"TCVN3"`` or ``"VNI"`` if it was converted, else ``""``.
    """
    if text.isascii() or _UNICODE_VIETNAMESE.search(text):
        return text, ""
    sample = text[:_SAMPLE_CHARACTERS]
    best_share, best_name = -1.0, ""
    # In a Unicode file the bytes 80-9F of the fonts are windows-1252 characters already.
    for name, convert in _CONVERTERS.items():
        share = _vietnamese_share(convert(sample))
        if share > best_share:
            best_share, best_name = share, name
    convert = _CONVERTERS[best_name]
    if best_share < _MIN_SHARE_REPAIR or best_share <= _vietnamese_share(sample):
        return text, ""
    if _evidence(convert(sample))[0] < _WEAK_EVIDENCE_WORDS:
        return text, ""
    return convert(text), best_name


# ---- detection

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL_BYTES = bytes(code for code in range(0x20) if code not in b"\t\n\v\f\r\x1a\x1b")
_MAX_CONTROL_SHARE = 0.02


def _codec_of_bom(data: bytes) -> str | None:
    """The codec named by a byte order mark."""
    return next((codec for mark, codec in _BOMS if data.startswith(mark)), None)


def _utf16_without_bom(data: bytes) -> str | None:
    """``utf-16-le`` or ``utf-16-be`` if mostly every other byte is zero, as in UTF-16 of Latin letters."""
    head = data[:_UTF16_SAMPLE_BYTES]
    if len(head) < 4:
        return None
    half = len(head) // 2
    even_zeros, odd_zeros = head[0::2].count(0) / half, head[1::2].count(0) / half
    if odd_zeros > 0.2 and even_zeros < 0.02:
        return "utf-16-le"
    return "utf-16-be" if even_zeros > 0.2 and odd_zeros < 0.02 else None


def is_utf16(data: bytes) -> str | None:
    """Return the UTF-16 codec of a file, by its byte order mark or by the zeros between Latin letters."""
    marked = _codec_of_bom(data)
    if marked:
        return marked if marked == "utf-16" else None
    return _utf16_without_bom(data)


def is_binary(data: bytes) -> bool:
    """Return whether the first 64 KiB hold zeros or many control characters, and are not UTF-16 or UTF-32."""
    head = data[:_BINARY_SAMPLE_BYTES]
    if _codec_of_bom(head) or _utf16_without_bom(head):
        return False
    control_count = len(head) - len(head.translate(None, _CONTROL_BYTES))
    return b"\0" in head or control_count > _MAX_CONTROL_SHARE * len(head)


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Decode the bytes of a text file.

    Args:
        data: The whole file.
        declared: The charset that the file declares, as an HTML page does. Used only if no better one is detected.

    Returns:
        The text, not yet cleaned, and the name of the encoding.

    Raises:
        Undecodable: A binary file, or an unknown encoding.
    """
    marked = _codec_of_bom(data)
    if marked:
        return _decode_marked(data, marked), marked.removesuffix("-sig")
    utf16 = _utf16_without_bom(data)
    if utf16:
        return data.decode(utf16, "replace"), utf16
    if is_binary(data):
        raise Undecodable("looks like a binary file, not text")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_legacy(data, declared)
    text, legacy = repair(text)
    return text, legacy or "utf-8"


def _decode_marked(data: bytes, codec: str) -> str:
    """Decode bytes with a byte order mark. Raises Undecodable."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        if codec == "utf-32":
            raise Undecodable("looks like a binary file, not text") from None
        return data.decode(codec, "replace")


def line_decoder(sample: bytes) -> tuple[Callable[[bytes], str], str]:
    """Choose how to decode each line of a file that is too large to decode at once.

    Args:
        sample: Whole lines of the file, not in UTF-16.

    Returns:
        A function that decodes a line, and the name of the encoding.

    Raises:
        Undecodable: A binary file, or an unknown encoding.
    """
    _, name = decode(sample)
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError:
        return _DECODERS.get(name, _decode_1252), name
    convert = _CONVERTERS.get(name)
    if convert is None:
        return _decode_utf8, name
    return lambda line: convert(_decode_utf8(line)), name


def _decode_legacy(data: bytes, declared: str) -> tuple[str, str]:
    """Decode bytes that are not valid UTF-8. Raises Undecodable."""
    best_share, best_name, best_text = -1.0, "", ""
    for name, decode_all in _DECODERS.items():
        text = decode_all(data)
        share = _vietnamese_share(text)
        if share > best_share:
            best_share, best_name, best_text = share, name, text
    few_words = _evidence(best_text)[0] <= _WEAK_EVIDENCE_WORDS
    if best_share >= _MIN_SHARE or (best_share >= _MIN_SHARE_WEAK_EVIDENCE and few_words):
        return best_text, best_name

    codec = _declared_codec(declared)
    if codec:
        return data.decode(codec, "replace"), codec

    # Western text with a few accents; a text mostly of foreign letters would be garbled.
    text = _decode_1252(data)
    sample = text[:_SAMPLE_CHARACTERS]
    letter_count = sum(map(str.isalpha, sample))
    foreign_count = sum(not char.isascii() for char in sample)
    if foreign_count <= _MAX_FOREIGN_SHARE * letter_count:
        return text, "windows-1252"
    raise Undecodable("has an unknown encoding; save it as UTF-8")


def _declared_codec(name: str) -> str:
    """The Python codec of a declared charset; empty if it is unknown or was ruled out already."""
    try:
        codec = codecs.lookup(name).name if name else ""
        b"a".decode(codec or "ascii", "replace")  # fails for codecs that are not of text
    except (LookupError, ValueError):  # ValueError: a zero byte in the name
        return ""
    ruled_out = codec.startswith(("utf", "iso8859-1", "latin", "cp1252", "ascii", "cp1258"))
    return "" if ruled_out else codec
