"""Days as a program may give them."""

from __future__ import annotations

import datetime as dt

from ..errors import UsageError

__all__ = ["as_date"]


def as_date(name: str, value: dt.date | None) -> dt.date | None:
    """``value`` without its time, if it has one. Raises UsageError for what is no date; ``name`` says whose it is."""
    if isinstance(value, dt.datetime):
        return value.date()
    if value is not None and not isinstance(value, dt.date):
        raise UsageError(f"{name} must be a datetime.date, not {value!r}")
    return value
