"""Semantic search and question answering over Vietnamese articles.

>>> from semsearch import Index                                    # doctest: +SKIP
>>> with Index.open_or_create("indexes/default") as index:         # doctest: +SKIP
...     index.sync(["seeds"])
...     print(index.ask("Cầu Bản Lầy dài bao nhiêu mét?").text)

Names are imported when first used, so that ``import semsearch`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .encoders import load_encoder
    from .errors import (
        EncoderUnavailable,
        IndexDamaged,
        IndexLocked,
        IndexMissing,
        IndexStale,
        IndexUnusable,
        IngestError,
        ReaderUnavailable,
        SemsearchError,
        StorageError,
        UsageError,
    )
    from .index import Index
    from .protocols import Encoder
    from .reader import load_reader
    from .reports import Finding, Status, SyncReport
    from .types import Answer, Article, Duplicate, Duplicates, Hit, Passage, Scores, Span

_HOMES = {
    "encoders": ("load_encoder",),
    "errors": (
        "EncoderUnavailable",
        "IndexDamaged",
        "IndexLocked",
        "IndexMissing",
        "IndexStale",
        "IndexUnusable",
        "IngestError",
        "ReaderUnavailable",
        "SemsearchError",
        "StorageError",
        "UsageError",
    ),
    "index": ("Index",),
    "protocols": ("Encoder",),
    "reader": ("load_reader",),
    "reports": ("Finding", "Status", "SyncReport"),
    "types": ("Answer", "Article", "Duplicate", "Duplicates", "Hit", "Passage", "Scores", "Span"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "Article",
    "Duplicate",
    "Duplicates",
    "Encoder",
    "EncoderUnavailable",
    "Finding",
    "Hit",
    "Index",
    "IndexDamaged",
    "IndexLocked",
    "IndexMissing",
    "IndexStale",
    "IndexUnusable",
    "IngestError",
    "Passage",
    "ReaderUnavailable",
    "Scores",
    "SemsearchError",
    "Span",
    "Status",
    "StorageError",
    "SyncReport",
    "UsageError",
    "__version__",
    "load_encoder",
    "load_reader",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
