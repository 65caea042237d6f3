"""Why these hits: what the query looks like to the index, and which of its words stand in each passage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..search.ranking import weights
from ..text import detect_language, fold, terms
from ..types import Hit, Mode

if TYPE_CHECKING:
    from ..index import Index

__all__ = ["explained"]

_SIDES = {
    "hybrid": ("dense", "sentence", "article_dense", "lexical", "article", "maxsim"),
    "dense": ("dense", "sentence", "article_dense"),
    "lexical": ("lexical", "article"),
}


def explained(index: Index, query: str, hits: Iterable[Hit], mode: Mode) -> dict[str, Any]:
    """``language``, ``mode``, ``weights`` of the fusion, and for each hit the terms that it shares with the query.

    ``terms`` are met as typed, ``folded_terms`` only without their accents.
    """
    spoken = detect_language(query)
    own = asdict(weights(index.encoder, spoken, mode))
    wanted = list(dict.fromkeys(terms(query)))
    return {
        "language": spoken,
        "mode": mode,
        "weights": {side: weight for side, weight in own.items() if side in _SIDES[mode]},
        "hits": [{"passage_id": hit.passage.id, **_shared(wanted, hit)} for hit in hits],
    }


def _shared(wanted: list[str], hit: Hit) -> dict[str, list[str]]:
    there = set(terms(f"{hit.article.title}\n{hit.passage.text}"))
    plain = {fold(term) for term in there}
    exact = [term for term in wanted if term in there]
    return {"terms": exact, "folded_terms": [t for t in wanted if t not in there and fold(t) in plain]}
