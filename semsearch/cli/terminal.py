"""The terminal: wrapped lines, highlighted text, and nothing that could control it from inside a text."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..types import Span
from .language import Locale

__all__ = ["Console", "display_path", "escape_controls", "one_line"]

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ANSI_CODES = re.compile(r"\x1b\[[0-9;]*m")
_BOLD, _UNDERLINE, _DIM, _RESET = "\x1b[1m", "\x1b[4m", "\x1b[2m", "\x1b[0m"

_MIN_WIDTH, _MAX_WIDTH, _DEFAULT_WIDTH = 40, 120, 100


def escape_controls(text: str) -> str:
    """Replace control characters, so that a title or a file name cannot control the terminal."""
    return _CONTROL_CHARACTERS.sub("?", text)


def one_line(text: str) -> str:
    """Put a text on one line, without control characters."""
    return " ".join(escape_controls(text).split())


def display_path(source: str) -> str:
    """Return a source as one would type it: relative to the current folder if it lies below it."""
    current_folder = Path.cwd().as_posix().rstrip("/") + "/"
    return escape_controls(source.removeprefix(current_folder))


@dataclass(frozen=True, slots=True)
class Console:
    """A stream for people.

    Args:
        stream: Where lines are written.
        width: Columns to wrap lines at; None does not wrap.
        colour: Whether the stream shows bold, dim and underlined text.
        locale: The language, and how it writes numbers and dates.
    """

    stream: TextIO
    width: int | None
    colour: bool
    locale: Locale

    @classmethod
    def for_stdout(cls, locale: Locale) -> Console:
        """Return the console of stdout.

        A terminal wraps at its width and shows bold, unless NO_COLOR is set or it is ``dumb``. A pipe shows no
        bold, and wraps only if COLUMNS is set.
        """
        stream = sys.stdout
        is_terminal = stream.isatty()
        width = None
        if is_terminal or os.environ.get("COLUMNS", "").isdigit():
            columns = shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns
            width = max(_MIN_WIDTH, min(columns, _MAX_WIDTH))
        colour = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(stream, width, colour, locale)

    def bold(self, text: str) -> str:
        """Return ``text`` in bold if the output has colours."""
        return f"{_BOLD}{text}{_RESET}" if self.colour else text

    def dim(self, text: str) -> str:
        """Return ``text`` dimmed if the output has colours."""
        return f"{_DIM}{text}{_RESET}" if self.colour else text

    def marked_words(self, text: str, within: Span, marks: Iterable[Span]) -> str:
        """Return ``text[within]`` on one line with its marks underlined, or between ``**`` without colours."""
        opening, closing = (_UNDERLINE, _RESET) if self.colour else ("**", "**")
        return _one_line_with_codes(_insert_marks(text, within, _merge_marks(text, marks), opening, closing))

    def marked_sentence(self, text: str, within: Span, sentence: Span, breaks: Iterable[int] = ()) -> str:
        """Return ``text[within]`` on one line with the sentence in bold, or between « and » without colours.

        Args:
            text: The article's text.
            within: The part of it to return.
            sentence: The part to mark.
            breaks: Where paragraphs start; a ¶ is put there.
        """
        opening, closing = (_BOLD, _RESET) if self.colour else ("«", "»")
        return _one_line_with_codes(_insert_marks(text, within, [sentence], opening, closing, breaks))

    def print(self, text: str = "", *, indent: str = "", first: str | None = None) -> None:
        """Print one paragraph, wrapped.

        Args:
            text: The paragraph.
            indent: Stands before every line.
            first: Stands before the first line instead of ``indent``.
        """
        start = indent if first is None else first
        for line in self._wrap(text, start, indent):
            self.stream.write(line.rstrip() + "\n")

    def _wrap(self, text: str, first: str, indent: str) -> Iterator[str]:
        if self.width is None:
            yield first + text
            return
        line, columns = first, _columns(first)
        is_empty = True
        for word in text.split(" "):
            word_columns = _columns(word)
            if not is_empty and columns + 1 + word_columns > self.width:
                yield line
                line, columns = indent, _columns(indent)
                is_empty = True
            if not is_empty:
                line += " "
                columns += 1
            line += word
            columns += word_columns
            is_empty = False
        yield line


def _one_line_with_codes(text: str) -> str:
    """Do what ``one_line`` does, but keep our own ANSI codes."""
    texts = _ANSI_CODES.split(text)
    codes = [*_ANSI_CODES.findall(text), ""]
    escaped = [escape_controls(part) + code for part, code in zip(texts, codes, strict=True)]
    return " ".join("".join(escaped).split())


def _columns(text: str) -> int:
    """Return how many columns a terminal needs for the text: none for ANSI codes, two for East Asian wide letters."""
    shown = _ANSI_CODES.sub("", text)
    if shown.isascii():
        return len(shown)
    return sum(_columns_of_character(character) for character in shown)


def _columns_of_character(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _merge_marks(text: str, marks: Iterable[Span]) -> list[Span]:
    """Return the marks in order, merging those with only spaces between them."""
    merged: list[Span] = []
    for mark in sorted(marks):
        if merged and not text[merged[-1].end : mark.start].strip():
            last = merged.pop()
            mark = Span(last.start, max(last.end, mark.end))
        merged.append(mark)
    return merged


def _insert_marks(
    text: str, within: Span, marks: Iterable[Span], opening: str, closing: str, breaks: Iterable[int] = ()
) -> str:
    """Return ``text[within]`` with each mark between ``opening`` and ``closing``, and a ¶ at each break inside."""
    insertions = [(offset, 1, "¶ ") for offset in breaks if within.start < offset < within.end]
    for mark in marks:
        start, end = max(mark.start, within.start), min(mark.end, within.end)
        if start < end:
            insertions.append((start, 2, opening))
            insertions.append((end, 0, closing))

    parts: list[str] = []
    position = within.start
    for offset, _, insertion in sorted(insertions):
        parts += [text[position:offset], insertion]
        position = offset
    parts.append(text[position : within.end])
    return "".join(parts)
