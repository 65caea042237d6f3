"""Normalisation, tokens, terms and languages: values written by hand, and properties."""

from __future__ import annotations

import doctest
import importlib
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.text import canonical, clean, detect_language, fold, has_accents, is_syllable, terms, tokenize

ACCENTED = (
    "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"
    "ÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬÈÉẺẼẸÊỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢÙÚỦŨỤƯỪỨỬỮỰỲÝỶỸỴĐ"
)
BASES = "a" * 17 + "e" * 11 + "i" * 5 + "o" * 17 + "u" * 11 + "y" * 5 + "d"
EVERY = "".join(map(chr, range(sys.maxunicode + 1)))

vietnamese = st.text(st.sampled_from(ACCENTED + "abcghiklmnopqrstuvxy AQU.,/0123456789\n"))
anything = st.text(st.characters(exclude_categories=())) | vietnamese  # lone surrogates too


def words(text: str) -> list[str]:
    return [text[span.start : span.end] for span in tokenize(text)]


@pytest.mark.parametrize("module", ["normalize", "numbers", "tokens"])
def test_the_examples_in_the_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"semsearch.text.{module}"))
    assert result.attempted and not result.failed


# ---- clean


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Tie\u0302\u0301ng Vie\u0323\u0302t", "Tiếng Việt"),  # combining marks after their letters, in both orders
        ("Ti\u1ebfng Vi\u1ec7t", "Tiếng Việt"),
        ("Thu\u031b\u0309 Đu\u031bc", "Thử Đưc"),
        ("Vie\u200b\u0323\u0302t", "Việt"),  # a dropped character does not separate a letter from its mark
        ("Hà\u200b Nội\ufeff\u2060\u00ad\u200d", "Hà Nội"),
        ("\u202aHuế\u202c \u2066Vinh\u2069 \u200eLào Cai\u200f", "Huế Vinh Lào Cai"),
        ("5\u00a0tỷ\u202f\u3000đồng\u2003ạ\tà\x0b\x0c", "5 tỷ  đồng ạ à  "),
        ("Ðà Nẵng, ðường, Ɖỗ, ɖó", "Đà Nẵng, đường, Đỗ, đó"),  # eth and African d
        ("một\r\nhai\rba\n\rbốn", "một\nhai\nba\n\nbốn"),
        ("một\x85hai\u2028ba\u2029bốn", "một\nhai\nba\nbốn"),
        ("a\x00b\x07c\x1bd\x7fe\x9ff", "a b c d e f"),
        ("à\ud800b\udfff", "à\ufffdb\ufffd"),
        ("“Chè” – 5 °C…", "“Chè” – 5 °C…"),
        ("", ""),
    ],
)
def test_clean(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_clean_keeps_every_vietnamese_letter_however_it_is_composed() -> None:
    assert clean(ACCENTED) == ACCENTED
    assert clean(unicodedata.normalize("NFD", ACCENTED)) == ACCENTED


def test_clean_leaves_no_control_character_but_the_line_break() -> None:
    cleaned = clean(EVERY)
    assert {c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")} == {"\n"}
    assert {c for c in cleaned if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF")} == set()
    assert {c for c in cleaned if unicodedata.bidirectional(c) in ("LRI", "RLI", "FSI", "PDI")} == set()


@given(anything)
def test_cleaned_text_is_composed_encodable_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned


# ---- canonical


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hoà", "hòa"),
        ("HOÀ BÌNH", "hòa bình"),
        ("thuỷ", "thủy"),
        ("khoẻ", "khỏe"),
        ("xoã", "xõa"),
        ("hoạ", "họa"),
        ("loé", "lóe"),
        ("uỷ ban", "ủy ban"),
        ("luỹ", "lũy"),
        ("huỵ", "hụy"),
        ("toá,", "tóa,"),
        ("hoà2", "hòa2"),
        ("hòa thủy khỏe", "hòa thủy khỏe"),
        # One place only: after q, before another letter, or in other vowels.
        ("quý quỳ quỷ QUỸ quỵ", "quý quỳ quỷ quỹ quỵ"),
        ("qoè", "qoè"),
        ("hoàn thuyền khoét toàn", "hoàn thuyền khoét toàn"),
        ("ngoái huýt", "ngoái huýt"),
        ("của mía lúa", "của mía lúa"),
        ("Đường", "đường"),
    ],
)
def test_canonical(old: str, new: str) -> None:
    assert canonical(old) == new


def test_canonical_knows_all_fifteen_open_syllables() -> None:
    old = "oà oá oả oã oạ oè oé oẻ oẽ oẹ uỳ uý uỷ uỹ uỵ"
    assert canonical(old) == "òa óa ỏa õa ọa òe óe ỏe õe ọe ùy úy ủy ũy ụy"


@given(vietnamese)
def test_canonical_keeps_the_length_and_the_letters(text: str) -> None:
    assert len(canonical(text)) == len(text)
    assert fold(canonical(text)) == fold(text)


@given(anything)
def test_canonical_twice_is_canonical(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


# ---- fold and has_accents


def test_fold_of_all_134_accented_letters() -> None:
    assert len(set(ACCENTED)) == 134
    assert fold(ACCENTED) == BASES + BASES
    assert fold(unicodedata.normalize("NFD", ACCENTED)) == BASES + BASES


def test_fold() -> None:
    assert fold("Đường Trường Sơn, QUÝ 3/2024: 5 tỷ") == "duong truong son, quy 3/2024: 5 ty"
    assert fold("plain TEXT") == "plain text"


def test_fold_of_every_character_is_its_own_fold() -> None:
    assert fold(fold(EVERY)) == fold(EVERY)


@given(anything)
def test_fold_twice_is_fold(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("letter", ACCENTED)
def test_each_accented_letter_is_an_accent(letter: str) -> None:
    assert has_accents(letter)
    assert has_accents(f"x {letter}y")


@pytest.mark.parametrize("text", ["", "Ha Noi 2024", "“Ha Noi” – 5 °C…", "HANOI"])
def test_no_accents(text: str) -> None:
    assert not has_accents(text)


# ---- tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hà Nội, ngày 27/8.", ["Hà", "Nội", "ngày", "27/8"]),
        ("37.000 người; 11,5%", ["37.000", "người", "11,5"]),
        ("Năm 2024.", ["Năm", "2024"]),
        ("COVID-19 U23 snake_case", ["COVID", "19", "U23", "snake", "case"]),
        ("5.000đ/kg", ["5.000", "đ", "kg"]),
        ("xe\u0300 ta", ["xe\u0300", "ta"]),  # a mark that was not composed stays with its letter
        ("¶ … –", []),
        ("", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(anything)
def test_tokens_are_in_order_in_range_and_hold_every_letter_and_digit(text: str) -> None:
    spans = tokenize(text)
    ends = [0, *(place for span in spans for place in (span.start, span.end)), len(text)]
    assert ends == sorted(ends)
    assert all(span.start < span.end for span in spans)
    covered = {at for span in spans for at in range(span.start, span.end)}
    assert all(at in covered for at, char in enumerate(text) if char.isalnum())
    assert all(any(char.isalnum() for char in word) for word in words(text))


# ---- terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("37.000", ["37000"]),
        ("37,000", ["37000"]),
        ("8.500.000", ["8500000"]),
        ("11,5", ["11,5"]),
        ("11.5", ["11,5"]),
        ("0,5", ["0,5"]),
        ("27/8", ["27/8", "27", "8"]),
        ("27/08/2024", ["27/8/2024", "27", "8", "2024"]),
        ("1.200/2.500 hộ", ["1200/2500", "1200", "2500", "hộ"]),
        ("37.0000", ["37,0000"]),  # no group of three
        ("1.000,000", ["1,000,000"]),  # groups by two different signs are not thousands
        ("007 0 00", ["7", "0", "0"]),
        ("Thuỷ điện HOÀ BÌNH", ["thủy", "điện", "hòa", "bình"]),
        ("5.000đ", ["5000", "đ"]),
        ("2 m²", ["2", "m²"]),
        ("", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@given(st.integers(min_value=1000, max_value=10**12))
def test_thousands_are_the_number_however_they_are_grouped(number: int) -> None:
    assert terms(f"{number:,}") == terms(f"{number:,}".replace(",", ".")) == terms(str(number)) == [str(number)]


@given(st.dates())
def test_a_date_is_the_same_with_and_without_leading_zeros(day: object) -> None:
    year, month, date = map(int, str(day).split("-"))
    plain = [f"{date}/{month}/{year}", str(date), str(month), str(year)]
    assert terms(f"{date}/{month}/{year}") == terms(f"{date:02}/{month:02}/{year:04}") == plain


@given(vietnamese)
def test_terms_do_not_know_case(text: str) -> None:
    assert terms(text.upper()) == terms(text)


# ---- is_syllable and language


@pytest.mark.parametrize("word", "nghiêng khuỷu quyết gì ăn Đường truong thuở ở uống yêu quý giếng khoeo".split())
def test_syllables(word: str) -> None:
    assert is_syllable(word)


@pytest.mark.parametrize("word", ["world", "who", "street", "of", "2024", "", "xyz", "covid", "hà nội", "đzương"])
def test_not_syllables(word: str) -> None:
    assert not is_syllable(word)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cầu dài bao nhiêu mét?", "vi"),
        ("Ai là chủ tịch xã?", "vi"),
        ("bão Yagi", "vi"),
        ("Tại sao Apple tăng giá iPhone?", "vi"),
        ("WHO khuyến cáo điều gì?", "vi"),
        ("Nguyễn Văn Linh", "vi"),
        ("2024", "vi"),
        ("", "vi"),
        ("cau dai bao nhieu met", "vi-plain"),
        ("ai la chu tich xa", "vi-plain"),
        ("World Cup 2022 to chuc o dau", "vi-plain"),
        ("Samsung Galaxy S25 gia bao nhieu", "vi-plain"),
        ("WHO khuyen cao dieu gi", "vi-plain"),
        ("Ha Noi", "vi-plain"),
        ("How long is the bridge?", "en"),
        ("Vietnam economy growth", "en"),
        # Names in English questions, with their accents and without.
        ("Who is Võ Nguyên Giáp?", "en"),
        ("Who is Vo Nguyen Giap?", "en"),
        ("When was the Đổi Mới policy adopted?", "en"),
        ("How many people live in Đà Nẵng?", "en"),
        ("population of Huế", "en"),
        ("What did Phạm Minh Chính say about Long Thành airport?", "en"),
        ("Who won the match between Hoàng Anh Gia Lai and Hà Nội?", "en"),
    ],
)
def test_language(text: str, expected: str) -> None:
    assert detect_language(text) == expected


@given(anything)
def test_every_text_has_a_language(text: str) -> None:
    assert detect_language(text) in ("vi", "vi-plain", "en")
