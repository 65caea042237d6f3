"""Console: wrapping, marks, and what must not reach a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.cli.language import Locale
from semsearch.cli.terminal import Console, display_path, escape_controls, one_line
from semsearch.types import Span


def console(width: int | None = None, colour: bool = False) -> Console:
    return Console(io.StringIO(), width, colour, Locale("vi"))


def printed(target: Console) -> str:
    assert isinstance(target.stream, io.StringIO)
    return target.stream.getvalue()


def test_sources_below_the_current_folder_are_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert display_path(f"{tmp_path.as_posix()}/bài/a.txt#3") == "bài/a.txt#3"
    assert display_path(f"{tmp_path.as_posix()}-other/a.txt") == f"{tmp_path.as_posix()}-other/a.txt"
    assert display_path("stdin#0123") == "stdin#0123"


def test_control_characters_cannot_drive_the_terminal() -> None:
    assert escape_controls("a\x1b[2Jb\x07\x9b") == "a?[2Jb??"
    assert one_line("một\n hai\t ba ") == "một hai ba"


def test_wrapping_keeps_words_whole_and_indents() -> None:
    target = console(width=12)
    target.print("một hai ba bốn năm", first="1. ", indent="   ")
    assert printed(target) == "1. một hai\n   ba bốn\n   năm\n"


def test_without_a_width_nothing_is_wrapped() -> None:
    target = console()
    target.print("từ " * 100)
    assert printed(target).count("\n") == 1


def test_marks_take_no_room_when_wrapping() -> None:
    plain, bold = console(width=10), console(width=10, colour=True)
    plain.print("aaaa bbbbb cc")
    bold.print(bold.bold("aaaa bbbbb") + " cc")
    assert printed(bold).replace("\x1b[1m", "").replace("\x1b[0m", "") == printed(plain) == "aaaa bbbbb\ncc\n"


def test_a_word_longer_than_the_line_stands_alone() -> None:
    target = console(width=5)
    target.print("a bbbbbbbbb c")
    assert printed(target) == "a\nbbbbbbbbb\nc\n"


def test_marked_words_next_to_each_other_are_one_mark() -> None:
    text = "tỉnh có 38 loại\nmô hình."
    marks = [Span(8, 10), Span(11, 15), Span(16, 18), Span(0, 4)]
    assert console().marked_words(text, Span(0, len(text)), marks) == "**tỉnh** có **38 loại mô** hình."
    assert console(colour=True).marked_words("a b c", Span(2, 5), [Span(2, 3)]) == "\x1b[4mb\x1b[0m c"


def test_the_sentence_that_matched_is_marked_in_its_passage() -> None:
    text = "Một. Hai.\nBa."
    assert console().marked_sentence(text, Span(0, 13), Span(5, 9)) == "Một. «Hai.» Ba."
    assert console(colour=True).marked_sentence(text, Span(5, 13), Span(5, 9)) == "\x1b[1mHai.\x1b[0m Ba."


def test_paragraphs_inside_a_passage_are_told_apart() -> None:
    text = "Tựa\nMột. Hai.\n\nBa."
    assert console().marked_sentence(text, Span(0, 18), Span(4, 8), [0, 4, 15]) == "Tựa ¶ «Một.» Hai. ¶ Ba."


def test_marks_outside_of_what_is_shown_are_cut() -> None:
    assert console().marked_words("abcdef", Span(1, 4), [Span(0, 2), Span(3, 6)]) == "**b**c**d**"
    assert console().marked_words("abcdef", Span(1, 4), [Span(4, 6)]) == "bcd"


@given(st.text(alphabet="ab \n.đ", max_size=80), st.integers(40, 60), st.lists(st.integers(0, 80), max_size=8))
def test_nothing_but_marks_and_line_ends_is_added(text: str, width: int, cuts: list[int]) -> None:
    ends = sorted(min(c, len(text)) for c in cuts)
    marks = [Span(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False)]
    target = console(width=width)
    target.print(target.marked_words(text, Span(0, len(text)), marks))
    assert printed(target).replace("**", "").split() == " ".join(text.split()).split()
    assert all(len(line) <= width or " " not in line for line in printed(target).splitlines())
