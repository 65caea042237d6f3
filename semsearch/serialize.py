"""Results as plain JSON values, the same for every interface.

The shape is ``semsearch/1``, described in ``docs/json.md`` and ``docs/json.schema.json``. Within one version keys are
added, never renamed or removed. Offsets count characters of the article's text and are half-open; lines are counted
from 1; ``null`` stands for "not known" or "not used".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from .errors import IngestError
from .types import Answer, Article, Duplicate, Duplicates, Hit, Quote, Span, Statement

__all__ = ["SCHEMA", "answer", "article", "duplicates", "error", "hit", "plain", "quote", "spans"]

SCHEMA = "semsearch/1"

Json = dict[str, Any]


def plain(value: Any) -> Any:
    """Return dataclasses as objects, sequences as lists, dates in ISO 8601, paths as strings."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
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


def stretch(item: Article, span: Span) -> Json:
    """Return a range of an article's text: its offsets, its first line, and the text."""
    return {"start": span.start, "end": span.end, "line": item.line(span.start), "text": span.of(item.text)}


def spans(item: Article, marks: Iterable[Span]) -> list[Json]:
    """Return several ranges of an article's text."""
    return [stretch(item, mark) for mark in marks]


def article(item: Article, *, text: bool = False) -> Json:
    """Return an article; its whole text only if ``text``."""
    value = {
        "id": item.id,
        "title": item.title,
        "date": plain(item.date),
        "author": item.author,
        "url": item.url,
        "source": item.source,
        "sources": list(item.sources),
    }
    if text:
        value["text"] = item.text
    return value


def hit(item: Hit, *, text: bool = False) -> Json:
    """Return a hit; the whole text of its article only if ``text``."""
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
    """Return a quote, with the other articles that say the same."""
    quoted = item.citation.article
    return {
        **stretch(quoted, item.span),
        "sentence": stretch(quoted, item.sentence),
        "marks": spans(quoted, item.marks),
        "confidence": item.confidence,
        "passage_id": item.citation.passage.id,
        "article": article(quoted),
        "also": [{"passage_id": other.passage.id, "article": article(other.article)} for other in item.also],
    }


def answer(item: Answer) -> Json:
    """Return an answer with its hits; its ``answer`` is null if nothing was found."""
    value = _found_answer(item)
    return {
        "question": item.question,
        "found": value is not None,
        "confidence": item.confidence,
        "answer": value,
        "hits": [hit(each) for each in item.hits],
    }


def _found_answer(item: Answer) -> Json | None:
    if not item.found or item.citation is None or item.span is None or item.sentence is None:
        return None
    quoted = item.citation.article
    return {
        **stretch(quoted, item.span),
        "sentence": stretch(quoted, item.sentence),
        "marks": spans(quoted, item.marks),
        "passage_id": item.citation.passage.id,
        "article": article(quoted),
        "quotes": [quote(each) for each in item.quotes],
        "composed": item.composed or None,
        "statements": [_statement(each) for each in item.statements],
    }


def _statement(item: Statement) -> Json:
    return {"text": item.text, "passage_ids": [cited.passage.id for cited in item.citations]}


def duplicates(groups: Sequence[Duplicates], limit: int | None = None) -> Json:
    """Return the number of groups, and the first ``limit`` of them; ``None`` means all."""
    shown = []
    for group in groups[:limit]:
        members = [_duplicate(member) for member in group.members]
        shown.append({"representative_id": group.representative_id, "articles": members})
    return {"total": len(groups), "groups": shown}


def _duplicate(item: Duplicate) -> Json:
    return {
        "share": item.share,
        "same": item.same,
        "coverage": item.coverage,
        "article": article(item.article),
    }


def error(code: str, message: str) -> Json:
    """Return an error: the code of its class, such as ``index-missing``, and the message shown to people."""
    return {"error": {"code": code, "message": message}}
