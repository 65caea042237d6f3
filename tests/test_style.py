"""Paper: wrapping, marks, and what must not reach a terminal."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.cli.terminal import Paper, date, decimal, one_line, safe, where
from semsearch.types import Span


def paper(width: int | None = None, colour: bool = False) -> Paper:
    return Paper(io.StringIO(), width, colour)


def printed(sheet: Paper) -> str:
    assert isinstance(sheet.stream, io.StringIO)
    return sheet.stream.getvalue()


def test_numbers_and_dates_as_vietnamese_readers_write_them() -> None:
    assert decimal(0.873) == "0,87"
    assert decimal(12) == "12,00"
    assert date(dt.date(2018, 8, 7)) == "7/8/2018"
    assert date(None) == ""


def test_sources_below_the_current_folder_are_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert where(f"{tmp_path.as_posix()}/bài/a.txt#3") == "bài/a.txt#3"
    assert where(f"{tmp_path.as_posix()}-other/a.txt") == f"{tmp_path.as_posix()}-other/a.txt"
    assert where("stdin#0123") == "stdin#0123"


def test_control_characters_cannot_drive_the_terminal() -> None:
    assert safe("a\x1b[2Jb\x07\x9b") == "a?[2Jb??"
    assert one_line("một\n hai\t ba ") == "một hai ba"


def test_wrapping_keeps_words_whole_and_indents() -> None:
    sheet = paper(width=12)
    sheet.print("một hai ba bốn năm", first="1. ", indent="   ")
    assert printed(sheet) == "1. một hai\n   ba bốn\n   năm\n"


def test_without_a_width_nothing_is_wrapped() -> None:
    sheet = paper()
    sheet.print("từ " * 100)
    assert printed(sheet).count("\n") == 1


def test_marks_take_no_room_when_wrapping() -> None:
    plain, bold = paper(width=10), paper(width=10, colour=True)
    plain.print("aaaa bbbbb cc")
    bold.print(bold.strong("aaaa bbbbb") + " cc")
    assert printed(bold).replace("\x1b[1m", "").replace("\x1b[0m", "") == printed(plain) == "aaaa bbbbb\ncc\n"


def test_a_word_longer_than_the_line_stands_alone() -> None:
    sheet = paper(width=5)
    sheet.print("a bbbbbbbbb c")
    assert printed(sheet) == "a\nbbbbbbbbb\nc\n"


def test_marked_words_next_to_each_other_are_one_mark() -> None:
    text = "tỉnh có 38 loại\nmô hình."
    marks = [Span(8, 10), Span(11, 15), Span(16, 18), Span(0, 4)]
    assert paper().words(text, Span(0, len(text)), marks) == "**tỉnh** có **38 loại mô** hình."
    assert paper(colour=True).words("a b c", Span(2, 5), [Span(2, 3)]) == "\x1b[4mb\x1b[0m c"


def test_the_sentence_that_matched_is_marked_in_its_passage() -> None:
    text = "Một. Hai.\nBa."
    assert paper().sentence(text, Span(0, 13), Span(5, 9)) == "Một. «Hai.» Ba."
    assert paper(colour=True).sentence(text, Span(5, 13), Span(5, 9)) == "\x1b[1mHai.\x1b[0m Ba."


def test_paragraphs_inside_a_passage_are_told_apart() -> None:
    text = "Tựa\nMột. Hai.\n\nBa."
    assert paper().sentence(text, Span(0, 18), Span(4, 8), [0, 4, 15]) == "Tựa ¶ «Một.» Hai. ¶ Ba."


def test_marks_outside_of_what_is_shown_are_cut() -> None:
    assert paper().words("abcdef", Span(1, 4), [Span(0, 2), Span(3, 6)]) == "**b**c**d**"
    assert paper().words("abcdef", Span(1, 4), [Span(4, 6)]) == "bcd"


@given(st.text(alphabet="ab \n.đ", max_size=80), st.integers(40, 60), st.lists(st.integers(0, 80), max_size=8))
def test_nothing_but_marks_and_line_ends_is_added(text: str, width: int, cuts: list[int]) -> None:
    ends = sorted(min(c, len(text)) for c in cuts)
    marks = [Span(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False)]
    sheet = paper(width=width)
    sheet.print(sheet.words(text, Span(0, len(text)), marks))
    assert printed(sheet).replace("**", "").split() == " ".join(text.split()).split()
    assert all(len(line) <= width or " " not in line for line in printed(sheet).splitlines())
