"""How many hits a reader wants for a question."""

from __future__ import annotations

from ..types import Query
from .items import asks_for_several

__all__ = ["hits_to_read"]

MIN_HITS = 6
"""Minimum number of hits passed to a reader. Ten gave no more correct sentences than six."""

MIN_HITS_FOR_A_LIST = 12
"""The same for a question that asks for several things: each line of a list may be a passage of its own."""


def hits_to_read(query: Query) -> int:
    """Return how many hits to read for ``query``."""
    return MIN_HITS_FOR_A_LIST if asks_for_several(query.text) else MIN_HITS
