"""Detection of encodings: Vietnamese text, encoded with the tests' own tables, is decoded exactly."""

from __future__ import annotations

import codecs
import doctest
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.ingest import encoding
from semsearch.ingest.encoding import (
    Undecodable,
    decode,
    from_tcvn3,
    from_vni,
    is_binary,
    is_utf16,
    line_decoder,
    repair,
)

TEXT = (
    "Sáng nay, xã Nậm Cắt mở lễ hội đua thuyền độc mộc. Mười chín đội từ bảy bản dọc sông kéo về, "
    "đông nhất là đội của bản Khuổi Lầu với hai mươi tư tay chèo. Nước sông cạn hơn mọi năm nên ban tổ chức "
    "rút đường đua còn sáu trăm mét. Cụ Lường Thị Ẹt, tám mươi ba tuổi, vẫn ngồi trên bờ gõ trống cổ vũ. "
    "Ở bến, phụ nữ bày xôi ngũ sắc, cá nướng, rượu ngô; trẻ em chạy nhảy, hò reo ầm ĩ. Kết quả: đội Nà Lạn về nhất, "
    "được thưởng một con bò. Ông Sùng A Vừ bảo: thuyền nhỏ mà khỏe, quý ở chỗ cả bản cùng góp sức đẽo."
)

# From the charts of the encodings, independent of the tables under test.
TCVN3_CODES = {
    "ă": 0xA8, "â": 0xA9, "ê": 0xAA, "ô": 0xAB, "ơ": 0xAC, "ư": 0xAD, "đ": 0xAE,
    "Ă": 0xA1, "Â": 0xA2, "Ê": 0xA3, "Ô": 0xA4, "Ơ": 0xA5, "Ư": 0xA6, "Đ": 0xA7,
    "à": 0xB5, "ả": 0xB6, "ã": 0xB7, "á": 0xB8, "ạ": 0xB9,
    "ằ": 0xBB, "ẳ": 0xBC, "ẵ": 0xBD, "ắ": 0xBE, "ặ": 0xC6,
    "ầ": 0xC7, "ẩ": 0xC8, "ẫ": 0xC9, "ấ": 0xCA, "ậ": 0xCB,
    "è": 0xCC, "ẻ": 0xCE, "ẽ": 0xCF, "é": 0xD0, "ẹ": 0xD1,
    "ề": 0xD2, "ể": 0xD3, "ễ": 0xD4, "ế": 0xD5, "ệ": 0xD6,
    "ì": 0xD7, "ỉ": 0xD8, "ĩ": 0xDC, "í": 0xDD, "ị": 0xDE,
    "ò": 0xDF, "ỏ": 0xE1, "õ": 0xE2, "ó": 0xE3, "ọ": 0xE4,
    "ồ": 0xE5, "ổ": 0xE6, "ỗ": 0xE7, "ố": 0xE8, "ộ": 0xE9,
    "ờ": 0xEA, "ở": 0xEB, "ỡ": 0xEC, "ớ": 0xED, "ợ": 0xEE,
    "ù": 0xEF, "ủ": 0xF1, "ũ": 0xF2, "ú": 0xF3, "ụ": 0xF4,
    "ừ": 0xF5, "ử": 0xF6, "ữ": 0xF7, "ứ": 0xF8, "ự": 0xF9,
    "ỳ": 0xFA, "ỷ": 0xFB, "ỹ": 0xFC, "ý": 0xFD, "ỵ": 0xFE,
}  # fmt: skip
VNI_BASES = {"ă": "aê", "â": "aâ", "ê": "eâ", "ô": "oâ", "ơ": "ô", "ư": "ö", "đ": "ñ"}
VNI_TONES = dict(zip("\u0301\u0300\u0309\u0303\u0323", "ùøûõï", strict=True))
VNI_ROUND = dict(zip("\u0301\u0300\u0309\u0303\u0323", "áàåãä", strict=True))
VNI_SHORT = dict(zip("\u0301\u0300\u0309\u0303\u0323", "éèúüë", strict=True))
VNI_I = {"í": "í", "ì": "ì", "ỉ": "æ", "ĩ": "ó", "ị": "ò", "ỵ": "î"}


def to_tcvn3(text: str) -> bytes:
    """As typed in .VnTime: a capital with a tone has no code, so its small letter stands for it."""
    return bytes(TCVN3_CODES.get(c) or TCVN3_CODES.get(c.lower()) or ord(c) for c in text)


def vni_letter(letter: str) -> str:
    if letter in VNI_I or letter in VNI_BASES:
        return VNI_I.get(letter) or VNI_BASES[letter]
    parts = unicodedata.normalize("NFD", letter)
    tone = next((p for p in parts if p in VNI_TONES), "")
    base = unicodedata.normalize("NFC", parts.replace(tone, "")) if tone else letter
    if not tone:
        return letter
    if base in "âêô":
        return VNI_BASES[base][0] + VNI_ROUND[tone]
    if base == "ă":
        return "a" + VNI_SHORT[tone]
    return VNI_BASES.get(base, base) + VNI_TONES[tone]


def to_vni(text: str) -> bytes:
    return "".join(vni_letter(c) if c.islower() else vni_letter(c.lower()).upper() for c in text).encode("cp1252")


def to_1258(text: str) -> bytes:
    out = b""
    for char in text:
        try:
            out += char.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", char)
            tone = next(p for p in parts if p in VNI_TONES)
            out += unicodedata.normalize("NFC", parts.replace(tone, "")).encode("cp1258") + tone.encode("cp1258")
    return out


ENCODED = {
    "utf-8": TEXT.encode(),
    "utf-8 with mark": codecs.BOM_UTF8 + TEXT.encode(),
    "utf-16": TEXT.encode("utf-16"),
    "utf-16-le": TEXT.encode("utf-16-le"),
    "utf-16-be": TEXT.encode("utf-16-be"),
    "utf-32": TEXT.encode("utf-32"),
    "windows-1258": to_1258(TEXT),
    "TCVN3": to_tcvn3(TEXT),
    "VNI": to_vni(TEXT),
}


@pytest.mark.parametrize("name", ENCODED)
def test_round_trip(name: str) -> None:
    text, encoding = decode(ENCODED[name])
    expected = TEXT.replace("Ẹ", "ẹ").replace("Ở", "ở") if name == "TCVN3" else TEXT
    assert text == expected
    assert encoding == name.removesuffix(" with mark")


def test_literal_bytes() -> None:
    """Independent oracles."""
    assert from_tcvn3("C«ng hoµ x· héi chñ nghÜa ViÖt Nam") == "Công hoà xã hội chủ nghĩa Việt Nam"
    assert from_vni("Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam") == "Cộng hòa xã hội chủ nghĩa Việt Nam"
    tcvn3 = b"C\xabng ho\xb5 x\xb7 h\xe9i ch\xf1 ngh\xdca Vi\xd6t Nam"
    assert decode(tcvn3) == ("Công hoà xã hội chủ nghĩa Việt Nam", "TCVN3")
    assert decode(b"Co\xe4ng ho\xf8a xa\xf5 ho\xe4i chu\xfb ngh\xf3a Vie\xe4t Nam") == (
        "Cộng hòa xã hội chủ nghĩa Việt Nam",
        "VNI",
    )
    assert decode(b"Ti\xea\xecng Vi\xea\xf2t c\xf3 d\xe2\xecu, \xf0\xfd\xf5\xf2c vi\xea\xect") == (
        "Tiếng Việt có dấu, được viết",
        "windows-1258",
    )


def test_every_letter_of_the_alphabet() -> None:
    vowels = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵđ"
    assert len(vowels) == 73
    assert from_tcvn3(to_tcvn3(vowels).decode("latin-1")) == vowels
    assert from_vni(to_vni(" ".join(vowels)).decode("cp1252")) == " ".join(vowels)
    assert from_vni(to_vni(" ".join(vowels.upper())).decode("cp1252")) == " ".join(vowels.upper())
    assert unicodedata.normalize("NFC", to_1258(vowels).decode("cp1258")) == vowels


def test_tcvn3_words_in_capitals() -> None:
    """A second font shows small letters as capitals: a word typed half in capitals was one."""
    assert from_tcvn3(to_tcvn3("CộNG HòA").decode("latin-1")) == "CỘNG HÒA"
    assert from_tcvn3(to_tcvn3("Hà Nội").decode("latin-1")) == "Hà Nội"
    assert from_tcvn3("§iÖn Biªn") == "Điện Biên"


def test_vni_capital_with_a_small_mark() -> None:
    assert from_vni("Aùnh Ñaø Naüng") == "Ánh Đà Nẵng"


def test_plain_ascii_and_western_text() -> None:
    assert decode(b"plain words") == ("plain words", "utf-8")
    western = "Le café de la gare est fermé depuis hier, dit le garçon."
    assert decode(western.encode("cp1252")) == (western, "windows-1252")


def test_windows_quotes_survive_in_all_three() -> None:
    quoted = f"“{TEXT}” – 5…"
    for name, encoded in (("TCVN3", to_tcvn3(TEXT)), ("VNI", to_vni(TEXT)), ("windows-1258", to_1258(TEXT))):
        text, encoding = decode(b"\x93" + encoded + b"\x94 \x96 5\x85")
        assert encoding == name
        assert text[0] == quoted[0] and text.endswith("” – 5…")


def test_font_encodings_inside_unicode_files() -> None:
    assert repair(to_tcvn3(TEXT).decode("latin-1"))[1] == "TCVN3"
    assert repair(to_vni(TEXT).decode("cp1252")) == (TEXT, "VNI")
    assert decode(to_vni(TEXT).decode("cp1252").encode()) == (TEXT, "VNI")
    french = "Le café de la gare, où l’on mange; à côté, l’hôtel est fermé."
    for innocent in (TEXT, "plain", french, "© 2019 – 5 °C, 3 m²"):
        assert repair(innocent) == (innocent, "")


def test_a_declared_charset_is_used_only_if_none_is_detected() -> None:
    assert decode(TEXT.encode(), "windows-1258") == (TEXT, "utf-8")
    assert decode(to_vni(TEXT), "iso-8859-1") == (TEXT, "VNI")
    russian = "Москва столица России и самый большой город страны"
    assert decode(russian.encode("cp1251"), "windows-1251") == (russian, "cp1251")
    with pytest.raises(Undecodable, match="save it as UTF-8"):
        decode(russian.encode("cp1251"))
    with pytest.raises(Undecodable):
        decode(russian.encode("cp1251"), "no-such-charset\0")


def test_a_few_broken_bytes_do_not_change_the_encoding() -> None:
    broken = TEXT.encode()
    text, encoding = decode(broken[:400] + b"\xff" + broken[400:])
    assert encoding == "utf-8" and text.count("\ufffd") >= 1
    cut = TEXT.encode()[: TEXT.encode().index("ộ".encode()) + 1]
    assert decode(cut)[1] == "utf-8"


@pytest.mark.parametrize("data", [b"\x00\x01\x02" * 50, bytes(range(256)) * 4, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"])
def test_binary(data: bytes) -> None:
    assert is_binary(data)
    with pytest.raises(Undecodable, match="binary"):
        decode(data)


def test_utf16_is_not_binary() -> None:
    assert not is_binary(TEXT.encode("utf-16")) and not is_binary(TEXT.encode("utf-16-be"))
    assert is_utf16(TEXT.encode("utf-16")) == "utf-16"
    assert is_utf16(TEXT.encode("utf-16-le")) == "utf-16-le"
    assert is_utf16(TEXT.encode()) is None and is_utf16(TEXT.encode("utf-32")) is None


@pytest.mark.parametrize("name", ["utf-8", "windows-1258", "TCVN3", "VNI"])
def test_lines_of_large_files(name: str) -> None:
    read, found = line_decoder(ENCODED[name])
    assert found == name
    first = ENCODED[name].split(b".")[0]  # no cut inside of a letter
    assert read(first) == TEXT.split(".")[0]


def test_lines_of_large_utf8_files_in_font_encodings() -> None:
    read, found = line_decoder(to_vni(TEXT).decode("cp1252").encode())
    assert found == "VNI"
    assert read("Vieät Nam".encode()) == "Việt Nam"


@given(st.binary(max_size=300), st.sampled_from(["", "utf-8", "gb2312", "hex", "x" * 30]))
def test_any_bytes_are_text_or_undecodable(data: bytes, declared: str) -> None:
    try:
        text, encoding = decode(data, declared)
    except Undecodable:
        return
    assert isinstance(text, str) and encoding


@given(st.text(max_size=200))
def test_utf8_is_never_mistaken(text: str) -> None:
    """Unless the text itself is made of the letters that TCVN3 and VNI leave in Unicode."""
    data = text.encode("utf-8", "surrogatepass")
    if b"\0" in data or any(ord(c) < 32 for c in text) or "\ufeff" in text[:1]:
        return
    try:
        decoded, encoding = decode(data)
    except Undecodable:
        return
    if encoding == "utf-8" and not any("\ud800" <= c <= "\udfff" for c in text):
        assert decoded == text


def test_the_examples_in_the_docstrings() -> None:
    result = doctest.testmod(encoding)
    assert result.attempted and not result.failed
