"""Numbers as they are written in Vietnamese text."""

from __future__ import annotations

import re

__all__ = ["normalize_number"]

# "37.000", "8.500.000", "37,000". Not "37.0000" (no group of three) nor "1.000,000" (two different separators).
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")


def normalize_number(number: str) -> str:
    """Write equal numbers equally: no thousands separators or leading zeros, a comma before decimals.

    >>> [normalize_number(number) for number in ("37.000", "37,000", "007", "11.5")]
    ['37000', '37000', '7', '11,5']
    """
    if _THOUSANDS.fullmatch(number):
        return number.replace(".", "").replace(",", "")
    if number.isdigit():
        return number.lstrip("0") or "0"
    return number.replace(".", ",")
