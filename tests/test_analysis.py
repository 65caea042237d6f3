"""The terms of a text in each field."""

from __future__ import annotations

from semsearch.storage.analysis import MAX_TERM_CHARACTERS, analyze


def test_terms_with_accents_without_and_in_pairs() -> None:
    analyzed = analyze("Xã Nậm Cắt.\n\n…\n\nCầu dài 186 m")
    assert analyzed.blocks == [["xã", "nậm", "cắt"], ["cầu", "dài", "186", "m"]]
    assert analyzed.exact == ["xã", "nậm", "cắt", "cầu", "dài", "186", "m"]
    assert analyzed.plain == ["xa", "nam", "cat", "cau", "dai", "186", "m"]
    assert analyzed.pairs == ["xa_nam", "nam_cat", "cau_dai", "dai_186", "186_m"]


def test_a_text_without_terms() -> None:
    analyzed = analyze(" …\n\n!")
    assert (analyzed.blocks, analyzed.exact, analyzed.plain, analyzed.pairs) == ([], [], [], [])


def test_long_terms_are_cut() -> None:
    assert analyze("a" * 1000).exact == ["a" * MAX_TERM_CHARACTERS]
