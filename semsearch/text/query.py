"""The one analysis of a query, made when it comes in and passed down."""

from __future__ import annotations

from ..types import Query
from .language import detect_language
from .normalize import clean
from .tokens import terms

__all__ = ["as_query"]


def as_query(text: str | Query) -> Query:
    """Return ``text`` cleaned and analysed; a ``Query`` is returned as it is. Any text will do, an empty one too."""
    if isinstance(text, Query):
        return text
    cleaned = clean(text).strip()
    return Query(cleaned, detect_language(cleaned), tuple(terms(cleaned)))
