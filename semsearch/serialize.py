"""What semsearch knows, as plain JSON values: one form for every door.

The shape is ``semsearch/1``, described in ``docs/json.md`` and ``docs/json.schema.json``. Within one
version keys are added, never renamed or removed. Offsets count characters of the article's text and
are half-open; lines are 1-based lines of the same text; ``null`` stands for "not known" or "not asked".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from .errors import IngestError
from .types import Answer, Article, Duplicates, Hit, Quote, Span

__all__ = ["SCHEMA", "answer", "article", "duplicates", "error", "hit", "plain", "quote", "spans"]

SCHEMA = "semsearch/1"

Json = dict[str, Any]


def plain(value: Any) -> Any:
    """Dataclasses as objects, tuples as lists, dates in ISO 8601, paths as strings."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, IngestError):
        return {"source": value.source, "reason": value.reason}
    if isinstance(value, dt.date):  # a datetime is a date too
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str | int | float) or value is None:
        return value
    return [plain(item) for item in value]


def stretch(article: Article, span: Span) -> Json:
    """A stretch of an article: where it stands and what it says."""
    return {"start": span.start, "end": span.end, "line": article.line(span.start), "text": span.of(article.text)}


def spans(article: Article, marks: Iterable[Span]) -> list[Json]:
    return [stretch(article, mark) for mark in marks]


def article(item: Article, *, text: bool = False) -> Json:
    """Where an article comes from; with ``text``, the whole of it."""
    told = {
        "id": item.id,
        "title": item.title,
        "date": plain(item.date),
        "author": item.author,
        "url": item.url,
        "source": item.source,
        "sources": list(item.sources),
    }
    return told | {"text": item.text} if text else told


def hit(item: Hit, *, text: bool = False) -> Json:
    """A passage found; with ``text``, its whole article inside."""
    passage = item.passage
    return {
        "rank": item.rank,
        "score": item.score,
        "scores": plain(item.scores),
        "passage": {"id": passage.id, "position": passage.position, **stretch(item.article, passage.span)},
        "sentence": stretch(item.article, item.sentence),
        "article": article(item.article, text=text),
    }


def quote(item: Quote) -> Json:
    """An answer as one article gives it, and where else the same is said."""
    own = item.citation.article
    return {
        **stretch(own, item.span),
        "sentence": stretch(own, item.sentence),
        "marks": spans(own, item.marks),
        "confidence": item.confidence,
        "passage_id": item.citation.passage.id,
        "article": article(own),
        "also": [{"passage_id": h.passage.id, "article": article(h.article)} for h in item.also],
    }


def answer(item: Answer) -> Json:
    """``found``, ``confidence``, the ``answer`` (null if not found) and the ``hits`` behind it."""
    told = None
    if item.found and item.citation is not None and item.span is not None and item.sentence is not None:
        told = {
            **stretch(item.citation.article, item.span),
            "sentence": stretch(item.citation.article, item.sentence),
            "marks": spans(item.citation.article, item.marks),
            "passage_id": item.citation.passage.id,
            "article": article(item.citation.article),
            "quotes": [quote(q) for q in item.quotes],
            "composed": item.composed or None,
            "statements": [
                {"text": s.text, "passage_ids": [h.passage.id for h in s.citations]} for s in item.statements
            ],
        }
    return {
        "question": item.question,
        "found": told is not None,
        "confidence": item.confidence,
        "answer": told,
        "hits": [hit(h) for h in item.hits],
    }


def duplicates(groups: Sequence[Duplicates], limit: int | None = None) -> Json:
    """How many ``groups`` of articles that say the same there are, and the first ``limit`` of them."""
    told = [
        {
            "longest": group.longest,
            "articles": [
                {
                    "share": member.share,
                    "same": member.same,
                    "covers": member.covers,
                    "article": article(member.article),
                }
                for member in group.members
            ],
        }
        for group in groups[:limit]
    ]
    return {"total": len(groups), "groups": told}


def error(code: str, message: str) -> Json:
    """An error: the ``code`` of its class (``index-missing``) and the message shown to people."""
    return {"error": {"code": code, "message": message}}
