"""The language of the output, and how it writes numbers, dates and counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Count", "Locale", "Message", "OutputLanguage", "language_of"]

OutputLanguage = Literal["vi", "en"]

_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""In the order of POSIX: the first that is set decides."""

_UNSPECIFIC_LOCALES = ("C", "POSIX")
_ENGLISH_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def language_of(environment: Mapping[str, str]) -> OutputLanguage:
    """Return the language that the locale variables ask for.

    Vietnamese if they are unset, ``C``, ``POSIX`` or Vietnamese; English for any other language.
    """
    for variable in _LOCALE_VARIABLES:
        value = environment.get(variable, "")
        if not value:
            continue
        name = value.partition(".")[0].partition("@")[0]
        is_vietnamese = name.partition("_")[0].lower() == "vi"
        return "vi" if is_vietnamese or name in _UNSPECIFIC_LOCALES else "en"
    return "vi"


@dataclass(frozen=True, slots=True)
class Message:
    """A text in both languages, with the same ``{placeholders}`` in each."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Count:
    """A number of things; each form has ``{count}``. Vietnamese needs one form, English two."""

    vi: str
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Locale:
    """Writes messages, numbers and dates in one language."""

    language: OutputLanguage

    def text(self, message: Message, **values: str) -> str:
        """Return the message with its placeholders filled in."""
        template = message.vi if self.language == "vi" else message.en
        return template.format(**values)

    def count(self, count: Count, number: int) -> str:
        """Return how many things there are: ``1.234 đoạn``, ``1,234 passages``."""
        if self.language == "vi":
            template = count.vi
        elif number == 1:
            template = count.one
        else:
            template = count.other
        return template.format(count=self.integer(number))

    def integer(self, number: int) -> str:
        """Return the number with its digits grouped: ``1.234`` or ``1,234``."""
        return self._localize(f"{number:,}")

    def decimal(self, number: float, digits: int = 2) -> str:
        """Return the number with a fixed number of decimals: ``1.234,50`` or ``1,234.50``."""
        return self._localize(f"{number:,.{digits}f}")

    def date(self, day: dt.date) -> str:
        """Return the day as readers of the language write it: ``31/12/2024`` or ``31 Dec 2024``."""
        if self.language == "vi":
            return f"{day.day}/{day.month}/{day.year}"
        return f"{day.day} {_ENGLISH_MONTHS[day.month - 1]} {day.year}"

    def time(self, moment: dt.datetime) -> str:
        """Return the moment in this computer's time zone, to the minute."""
        local = moment.astimezone()
        return f"{local:%H:%M} {self.date(local)}" if self.language == "vi" else f"{self.date(local)} {local:%H:%M}"

    def size(self, number: int) -> str:
        """Return a number of bytes with its unit: ``2,4 GiB`` or ``2.4 GiB``."""
        size = float(number)
        for unit in ("B", "KiB", "MiB"):
            if size < 1024:
                return f"{self.decimal(size, 0 if unit == 'B' else 1)} {unit}"
            size /= 1024
        return f"{self.decimal(size, 1)} GiB"

    def _localize(self, number: str) -> str:
        """Exchange the comma and the point of an English number, if the language does."""
        return number.translate(str.maketrans(",.", ".,")) if self.language == "vi" else number
