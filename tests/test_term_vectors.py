"""Term vectors: counts against counting by hand, ids, and blobs that are missing or damaged."""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.storage.analysis import Field
from semsearch.storage.term_vectors import TermVectors, is_term_vector, passage_terms, term_id
from semsearch.text import fold

WORDS = "là lá la lạ của cua cứ mưa bão hà nội 27 8 11,5 ai đi di thuở thưở".split()
TERMS: list[tuple[Field, str]] = [
    ("plain", "la"),
    ("exact", "là"),
    ("exact", "la"),
    ("title", "la"),
    ("pairs", "ha_noi"),
    ("pairs", "la_la"),
]
BLOCK = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)
PASSAGE = st.tuples(st.lists(BLOCK, max_size=3), st.lists(st.sampled_from(WORDS), max_size=3))
"""The blocks of a text, and a title."""

Words = list[str]


def vector(blocks: list[Words], title: Words) -> bytes:
    return passage_terms("\n\n".join(map(" ".join, blocks)), " ".join(title)).vector


def by_hand(blocks: list[Words], title: Words, field: Field, term: str) -> int:
    if field == "title":
        return Counter(map(fold, title))[term]
    if field == "exact":
        return sum(block.count(term) for block in blocks)
    plain = [[fold(word) for word in block] for block in blocks]
    if field == "plain":
        return sum(block.count(term) for block in plain)
    return sum(Counter("_".join(pair) for pair in pairwise(block))[term] for block in plain)


@given(st.lists(PASSAGE))
def test_counts_are_those_of_counting(passages: list[tuple[list[Words], Words]]) -> None:
    counts = TermVectors([vector(*passage) for passage in passages]).count(TERMS)
    expected = [[by_hand(*passage, field, term) for field, term in TERMS] for passage in passages]
    assert counts.frequencies.tolist() == expected
    assert counts.in_title.tolist() == [field == "title" for field, _ in TERMS]
    lengths = [sum(map(len, blocks)) for blocks, _ in passages]
    assert counts.lengths("exact").tolist() == counts.lengths("plain").tolist() == lengths
    assert counts.lengths("pairs").tolist() == [sum(len(block) - 1 for block in blocks) for blocks, _ in passages]
    assert counts.lengths("title").tolist() == [len(title) for _, title in passages]


def test_a_group_counts_as_one_text_under_the_first_title() -> None:
    passages = [([["là", "la"]], ["la"]), ([["hà", "nội"], ["là"]], ["la"]), ([["ai"]], [])]
    counts = TermVectors([vector(*passage) for passage in passages]).count(TERMS)
    groups = counts.sum_groups(np.array([0, 2]))
    assert groups.frequencies.tolist() == [[3, 2, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]]
    assert groups.lengths("plain").tolist() == [5, 1]
    assert groups.lengths("pairs").tolist() == [2, 0]
    assert groups.lengths("title").tolist() == [1, 0]


def test_accents_make_different_ids_with_the_same_24_bits() -> None:
    tones, vowels = ["", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"], ["a", "ă", "â"]
    syllables = [unicodedata.normalize("NFC", f"{d}{v}{tone}n") for d in "dđ" for v in vowels for tone in tones]
    assert len({term_id(syllable) for syllable in syllables}) == len(syllables)
    assert {term_id(syllable) & 0xFFFFFF for syllable in syllables} == {term_id("dan")}
    assert term_id("thuở") != term_id("thưở")


@given(st.text(max_size=10))
def test_an_id_is_never_0_and_has_32_bits(term: str) -> None:
    assert 0 < term_id(term) < 1 << 32


def test_ids_do_not_change() -> None:
    """They are stored: with other ids, ``lexical.FORMAT`` has to be raised."""
    assert [term_id(term) for term in ("dan", "đàn", "37000", "müller")] == [
        7580759,
        1232317527,
        11212444,
        2837850005,
    ]


DAMAGED = [None, b"", b"\1\0\0\0", b"\1\0\0", b"\1\0\0\0\0\0\0\0\0", "\0\0\0\0", 7]


@pytest.mark.parametrize("blob", DAMAGED)
def test_a_missing_or_damaged_vector_counts_as_no_terms(blob: bytes | None) -> None:
    assert not is_term_vector(blob)
    intact = vector([["là", "la"]], ["la"])
    assert is_term_vector(intact)
    counts = TermVectors([blob, intact, blob]).count(TERMS)
    assert counts.frequencies.tolist() == [[0] * 6, [2, 1, 1, 1, 0, 1], [0] * 6]
    assert counts.lengths("plain").tolist() == [0, 2, 0]
    assert counts.lengths("title").tolist() == [0, 1, 0]


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20), st.data())
def test_a_vector_of_any_ids_is_counted(ids: list[int], data: st.DataObject) -> None:
    """Bits of a blob may change on disk: that must not affect other blobs or give impossible lengths."""
    changed = np.array([*ids, 0], "<u4").tobytes()
    intact = vector([["là", "la"]], ["la"])
    place = data.draw(st.integers(0, 2))
    blobs = [intact, intact]
    blobs.insert(place, changed)
    counts = TermVectors(blobs).count(TERMS)
    others = [row for row in range(3) if row != place]
    assert counts.frequencies[others].tolist() == [[2, 1, 1, 1, 0, 1]] * 2
    for field in ("exact", "pairs", "title"):
        assert counts.lengths(field).min() >= 0
