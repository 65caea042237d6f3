"""Which articles a search may find."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError

__all__ = ["NO_FILTER", "Filter", "as_date"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Restricts a search to some articles; a field that is ``None`` restricts nothing.

    Args:
        source: Only articles from this source, file or folder; a ``Path`` is accepted too. A name that the index
            does not know is taken as a pattern if it contains ``*``, ``?`` or ``[``, otherwise as part of a path or
            URL.
        since: Only articles dated on or after this day. Articles without a date do not pass.
        until: Only articles dated on or before this day.

    Raises:
        UsageError: ``source`` is empty, a bound is not a date, or ``since`` is after ``until``.
    """

    source: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None

    def __post_init__(self) -> None:
        if isinstance(self.source, Path):
            object.__setattr__(self, "source", str(self.source))
        object.__setattr__(self, "since", as_date("since", self.since))
        object.__setattr__(self, "until", as_date("until", self.until))
        if self.source is not None and (not self.source or "\0" in self.source):
            raise UsageError("Invalid source: empty or containing a NUL byte.")
        if self.since and self.until and self.since > self.until:
            raise UsageError(f"`since` ({self.since}) is after `until` ({self.until}): no article can match.")

    @property
    def passes_all(self) -> bool:
        """True if nothing is filtered."""
        return self.source is None and self.since is None and self.until is None


def as_date(name: str, value: dt.date | None) -> dt.date | None:
    """Return ``value`` as a date without a time.

    Args:
        name: What the date is called in the error message.

    Raises:
        UsageError: ``value`` is not a date.
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if value is not None and not isinstance(value, dt.date):
        raise UsageError(f"`{name}` must be a datetime.date, not {value!r}.")
    return value


NO_FILTER = Filter()
"""Lets every article pass."""
