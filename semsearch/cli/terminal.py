"""Paper for text: marks, wrapped lines, numbers and dates as Vietnamese readers know them."""

from __future__ import annotations

import datetime as dt
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

__all__ = ["Paper", "date", "decimal", "grouped", "one_line", "safe", "where"]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_BOLD, _LINE, _DIM, _OFF = "\x1b[1m", "\x1b[4m", "\x1b[2m", "\x1b[0m"


def safe(text: str) -> str:
    """Without control characters: a title or a file name must not be able to drive the terminal."""
    return _CONTROLS.sub("?", text)


def one_line(text: str) -> str:
    return " ".join(safe(text).split())


def decimal(number: float) -> str:
    """0.873 is written 0,87."""
    return f"{number:.2f}".replace(".", ",")


def grouped(number: int) -> str:
    """150000 is written 150.000."""
    return f"{number:,}".replace(",", ".")


def date(day: dt.date | None) -> str:
    return f"{day.day}/{day.month}/{day.year}" if day else ""


def where(source: str) -> str:
    """A source as one would type it here: relative to the current folder where it lies below it."""
    here = Path.cwd().as_posix().rstrip("/") + "/"
    return safe(source.removeprefix(here))


@dataclass(frozen=True, slots=True)
class Paper:
    """Where lines go: how wide it is (None: do not wrap) and whether it shows bold."""

    stream: TextIO
    width: int | None
    colour: bool

    @classmethod
    def for_stdout(cls) -> Paper:
        """A terminal wraps at its width and shows bold, unless NO_COLOR; a pipe does neither unless COLUMNS is set."""
        stream = sys.stdout
        terminal = stream.isatty()
        wrap = terminal or os.environ.get("COLUMNS", "").isdigit()
        width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 120)) if wrap else None
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(stream, width, colour)

    def strong(self, text: str) -> str:
        return f"{_BOLD}{text}{_OFF}" if self.colour else text

    def faint(self, text: str) -> str:
        return f"{_DIM}{text}{_OFF}" if self.colour else text

    def words(self, text: str, within: Span, marks: Iterable[Span]) -> str:
        """``text[within]`` on one line, the marked words underlined, or between ``**`` where nothing can be."""
        on, off = (_LINE, _OFF) if self.colour else ("**", "**")
        return one_line_keeping(_insert(text, within, _joined(text, marks), on, off))

    def sentence(self, text: str, within: Span, sentence: Span, breaks: Iterable[int] = ()) -> str:
        """``text[within]`` on one line, the sentence in bold, or between « and » where nothing can be.

        At ``breaks`` (where paragraphs start) stands a ¶.
        """
        on, off = (_BOLD, _OFF) if self.colour else ("«", "»")
        return one_line_keeping(_insert(text, within, [sentence], on, off, breaks))

    def print(self, text: str = "", *, indent: str = "", first: str | None = None) -> None:
        """One paragraph: wrapped, every line after ``indent``, the first one after ``first``."""
        start = indent if first is None else first
        for line in self._lines(text, start, indent):
            self.stream.write(line.rstrip() + "\n")

    def _lines(self, text: str, first: str, indent: str) -> Iterator[str]:
        if self.width is None:
            yield first + text
            return
        line, used = first, _visible(first)
        empty = True
        for word in text.split(" "):
            size = _visible(word)
            if not empty and used + 1 + size > self.width:
                yield line
                line, used, empty = indent, _visible(indent), True
            line, used = (line + word, used + size) if empty else (f"{line} {word}", used + 1 + size)
            empty = False
        yield line


def one_line_keeping(text: str) -> str:
    """As ``one_line``, for text that carries marks of our own."""
    parts = _ANSI.split(text)
    codes = [*_ANSI.findall(text), ""]
    return " ".join("".join(safe(p) + c for p, c in zip(parts, codes, strict=True)).split())


def _visible(text: str) -> int:
    """Columns on a terminal: marks take none, East Asian wide letters two."""
    bare = _ANSI.sub("", text)
    return len(bare) if bare.isascii() else sum(_columns(c) for c in bare)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _joined(text: str, marks: Iterable[Span]) -> list[Span]:
    """Marks in order; those with nothing but spaces between them become one."""
    joined: list[Span] = []
    for mark in sorted(marks):
        if joined and not text[joined[-1].end : mark.start].strip():
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, mark.end))
        else:
            joined.append(mark)
    return joined


def _insert(text: str, within: Span, marks: Iterable[Span], on: str, off: str, breaks: Iterable[int] = ()) -> str:
    """``text[within]`` with each mark between ``on`` and ``off``, and a ¶ at the breaks inside."""
    cut = (Span(max(mark.start, within.start), min(mark.end, within.end)) for mark in marks)
    events = [(at, 1, "¶ ") for at in breaks if within.start < at < within.end]
    for mark in cut:
        if mark.start < mark.end:
            events += [(mark.start, 2, on), (mark.end, 0, off)]
    pieces: list[str] = []
    at = within.start
    for place, _, put in sorted(events):
        pieces += [text[at:place], put]
        at = place
    return "".join([*pieces, text[at : within.end]])
