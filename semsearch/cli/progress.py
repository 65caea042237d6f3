"""A one-line progress bar on stderr; silent when stderr is not a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

from . import messages
from .language import Locale

__all__ = ["ProgressBar"]

_MIN_RATE_TIME_S = 2.0
"""Seconds of work before a rate and a remaining time are shown."""

_REDRAW_INTERVAL_S = 0.1
_BAR_WIDTH = 24


class ProgressBar:
    """Shows what an index reports to ``progress``, as a line that replaces itself.

    Articles that an earlier run has indexed ("unchanged") count as done but not as work: they would make the rest look
    faster than it is.
    """

    def __init__(
        self, locale: Locale, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._locale = locale
        self._stream = stream or sys.stderr
        self._clock = clock
        self._is_terminal = self._stream.isatty()
        self._unit = ""
        self._done = 0
        self._worked = 0
        self._work_began = 0.0
        self._drawn_at = 0.0
        self._line_length = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done; ``total`` is 0 if it is unknown."""
        if not self._is_terminal:
            return
        now = self._clock()
        unit = "articles" if stage == "unchanged" else stage
        if unit != self._unit:
            self._unit, self._done, self._worked = unit, 0, 0
            self._work_began = now
        if stage != "unchanged":
            self._worked += done - self._done
        elif self._worked == 0:
            self._work_began = now
        self._done = done

        is_last = done == total
        if (done or total) and (is_last or now - self._drawn_at >= _REDRAW_INTERVAL_S):
            self._drawn_at = now
            self._draw(self._line(done, total, now - self._work_began))

    def clear(self) -> None:
        """Remove the line."""
        if self._line_length:
            self._stream.write(f"\r{' ' * self._line_length}\r")
            self._line_length = 0

    def _line(self, done: int, total: int, seconds: float) -> str:
        """Return the line: what is done, how fast, and how long the rest will take."""
        line = self._articles(done, total) if self._unit == "articles" else self._bar(done, total)
        if seconds < _MIN_RATE_TIME_S or not self._worked:
            return line
        rate = self._worked / seconds
        digits = 0 if rate >= 9.5 else 1
        per_second = self._locale.text(messages.PER_SECOND, rate=self._locale.decimal(rate, digits))
        line += f" · {per_second}"
        if total > done:
            line += f" · {self._time_left((total - done) / rate)}"
        return line

    def _articles(self, done: int, total: int) -> str:
        """Return the count of articles; their total is an estimate."""
        unit = self._locale.text(messages.STAGES["articles"])
        count = self._locale.integer(done)
        if total > done:
            count += f"/~{self._locale.integer(_round_estimate(total))}"
        if not self._worked:
            return f"{count} {unit}, {self._locale.text(messages.ALL_UNCHANGED)}"
        return f"{count} {unit}"

    def _bar(self, done: int, total: int) -> str:
        message = messages.STAGES.get(self._unit)
        stage = self._locale.text(message) if message else self._unit
        if not total:
            return f"{stage}: {self._locale.integer(done)}"
        filled = _BAR_WIDTH * min(done, total) // total
        bar = "#" * filled + "." * (_BAR_WIDTH - filled)
        return f"{stage} [{bar}] {self._locale.integer(done)}/{self._locale.integer(total)}"

    def _time_left(self, seconds: float) -> str:
        if seconds < 55:
            return self._locale.text(messages.SECONDS_LEFT, seconds=str(max(5, 5 * round(seconds / 5))))
        minutes = round(seconds / 60)
        if minutes < 60:
            return self._locale.text(messages.MINUTES_LEFT, minutes=str(minutes))
        hours, minutes = divmod(5 * round(minutes / 5), 60)
        return self._locale.text(messages.HOURS_LEFT, hours=self._locale.integer(hours), minutes=str(minutes))

    def _draw(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]  # a line that wraps could not be replaced
        self._stream.write(f"\r{line.ljust(self._line_length)}")
        self._stream.flush()
        self._line_length = len(line)


def _round_estimate(number: int) -> int:
    """Round to three significant digits."""
    step = int(10 ** max(0, len(str(number)) - 3))
    return round(number / step) * step
