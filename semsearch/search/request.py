"""What is searched for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..filters import NO_FILTER, Filter
from ..types import Mode, Query

if TYPE_CHECKING:
    from ..types import Vectors

__all__ = ["SearchRequest"]


@dataclass(frozen=True, slots=True, eq=False)
class SearchRequest:
    """A query with its vector, and what may be found.

    Attributes:
        query: The text that the lexical index is searched for.
        vector: The vector to compare with, shape (dim,); ``None`` in lexical mode.
        k: How many hits.
        mode: Which signals are used.
        filters: Only passages of articles that pass are found.
        excluded: Ids of passages that must not be found.
        with_maxsim: Whether the best candidates are compared with the query token by token.
    """

    query: Query
    vector: Vectors | None
    k: int
    mode: Mode
    filters: Filter = NO_FILTER
    excluded: Collection[int] = ()
    with_maxsim: bool = False

    @property
    def uses_terms(self) -> bool:
        """True if the lexical index is searched."""
        return self.mode != "dense"
