"""Filters: what they accept and refuse. What they let through is tested with the index."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from semsearch.errors import UsageError
from semsearch.filters import NO_FILTER, Filter


def test_a_source_may_be_a_path() -> None:
    assert Filter(source=Path("tin") / "a.txt") == Filter(source=str(Path("tin") / "a.txt"))  # type: ignore[arg-type]


def test_a_time_counts_as_its_day() -> None:
    assert Filter(since=dt.datetime(2024, 4, 30, 23, 59)).since == dt.date(2024, 4, 30)


def test_nothing_is_filtered_by_default() -> None:
    assert NO_FILTER.passes_all
    assert not Filter(until=dt.date(2024, 1, 1)).passes_all


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"source": ""}, "empty"),
        ({"source": "a\0b"}, "NUL"),
        ({"since": "2024-01-01"}, "datetime.date"),
        ({"since": dt.date(2024, 2, 1), "until": dt.date(2024, 1, 1)}, "after"),
    ],
)
def test_what_cannot_match_is_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Filter(**values)  # type: ignore[arg-type]
