"""How far the work is and how long it will take: one line on stderr, where that is a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from .terminal import grouped

__all__ = ["Bar"]

WINDOW = 60.0
"""Seconds of the past that the rate is taken from: long enough to be steady, short enough to be true."""

SETTLED = 2.0
"""Seconds of work before a rate is told."""

_OFTEN = 0.1  # seconds between two lines, at least


class Bar:
    """What ``progress`` of an index is told, as a line that replaces itself; nothing where there is no terminal.

    Articles that are passed over, since an earlier run indexed them, count as done but not as work: neither they nor
    the time they took say how long the rest will take.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._shown = self._stream.isatty()
        self._unit = ""
        self._done = self._worked = 0
        self._past: deque[tuple[float, int]] = deque()  # when how much was worked, the oldest first
        self._told = self._end = 0.0
        self._width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not self._shown:
            return
        now, unit = self._clock(), "articles" if stage == "unchanged" else stage
        if unit != self._unit:
            self._unit, self._done, self._worked = unit, 0, 0
            self._past.clear()
            self._end = 0.0
        if stage == "unchanged":
            self._end = 0.0
        else:
            self._worked += done - self._done
        self._done = done
        if not self._past or (stage == "unchanged" and not self._worked):
            self._past.clear()
            self._past.append((now, self._worked))
        elif now - self._told < _OFTEN and done != total:
            return
        else:
            self._past.append((now, self._worked))
            while now - self._past[1][0] >= WINDOW:  # the first is always as old as that, if anything is
                self._past.popleft()
        if (done or total) and (now - self._told >= _OFTEN or done == total):
            self._told = now
            self._write(self._line(stage, done, total, self._rate(now)))

    def _rate(self, now: float) -> float:
        """Things a second; 0 as long as nobody can tell."""
        began, worked = self._past[0]
        return (self._worked - worked) / (now - began) if now - began >= SETTLED else 0.0

    def _line(self, stage: str, done: int, total: int, rate: float) -> str:
        if self._unit == "articles":  # of which the total is an estimate
            line = f"{grouped(done)}{f'/~{grouped(_rounded(total))}' if total > done else ''} articles"
            if stage == "unchanged" and not self._worked:
                return f"{line}, all unchanged so far"
        elif total:
            filled = 24 * min(done, total) // total
            line = f"{stage} [{'#' * filled}{'.' * (24 - filled)}] {grouped(done)}/{grouped(total)}"
        else:
            line = f"{stage} {grouped(done)}"
        if rate:
            line += f" · {_pace(rate)}{' articles' if self._unit == 'articles' else ''}/s"
            line += f" · {_left(self._to_end((total - done) / rate))}" if total > done else ""
        return line

    def _to_end(self, left: float) -> float:
        """Seconds left, if they are to go by steadily: each new estimate moves the end a quarter of the way."""
        end = self._clock() + left
        self._end = self._end + (end - self._end) / 4 if self._end else end
        return max(0.0, self._end - self._clock())

    def _write(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]  # a line that wraps cannot be taken back
        self._stream.write(f"\r{line.ljust(self._width)}")
        self._stream.flush()
        self._width = len(line)

    def clear(self) -> None:
        """Take the line away, so that what follows starts at the margin."""
        if self._width:
            self._stream.write(f"\r{' ' * self._width}\r")
            self._width = 0


def _rounded(number: int) -> int:
    """To three digits that count: an estimate has no more."""
    step = int(10 ** max(0, len(str(number)) - 3))
    return round(number / step) * step


def _pace(rate: float) -> str:
    return grouped(round(rate)) if rate >= 9.5 else f"{rate:.1f}".replace(".", ",")


def _left(seconds: float) -> str:
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5))} s left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min left"
    minutes = 5 * round(minutes / 5)
    return f"about {minutes // 60} h {f'{minutes % 60} min ' if minutes % 60 else ''}left"
