"""From the quotes that may answer a question to the Answer that is given."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import Answer, Hit, Quote

__all__ = ["NEAR", "compose"]

NEAR = 0.5
"""A quote of less than this share of the best one's confidence is never shown beside it."""


def compose(question: str, quotes: Sequence[Quote], hits: Sequence[Hit], min_confidence: float) -> Answer:
    """The Answer that ``quotes``, in any order, make to ``question``; ``hits`` are what they were read from.

    It is not ``found`` where there is no quote, or where the best one's confidence lies below ``min_confidence``;
    it keeps that confidence then, so that one can see how near it was.
    """
    ranked = sorted(quotes, key=_order)
    if not ranked:
        return Answer(question, found=False, hits=tuple(hits))
    best = ranked[0]
    if best.confidence < min_confidence:
        return Answer(question, found=False, confidence=best.confidence, hits=tuple(hits))
    return _answer(question, [best], hits)


def _order(quote: Quote) -> tuple[float, int, int, int]:
    return -quote.confidence, quote.citation.passage.id, quote.span.start, quote.span.end


def _answer(question: str, quotes: Sequence[Quote], hits: Sequence[Hit]) -> Answer:
    first = quotes[0]
    return Answer(
        question=question,
        found=True,
        text=first.text,
        citation=first.citation,
        span=first.span,
        sentence=first.sentence,
        confidence=first.confidence,
        marks=first.marks,
        hits=tuple(hits),
        quotes=tuple(quotes),
    )
