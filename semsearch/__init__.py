"""Semantic search and question answering over Vietnamese articles.

>>> from semsearch import Index                                    # doctest: +SKIP
>>> with Index.open_or_create("indexes/default") as index:         # doctest: +SKIP
...     index.sync(["seeds"])
...     print(index.ask("Cầu Bản Lầy dài bao nhiêu mét?").text)

Names are imported when they are first used, so that ``import semsearch`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:  # the same names as in the table below; a test compares them
    from .answering import answer as answer
    from .encoders import load_encoder as load_encoder
    from .errors import EncoderUnavailable as EncoderUnavailable
    from .errors import IndexDamaged as IndexDamaged
    from .errors import IndexLocked as IndexLocked
    from .errors import IndexMissing as IndexMissing
    from .errors import IndexStale as IndexStale
    from .errors import IndexUnusable as IndexUnusable
    from .errors import IngestError as IngestError
    from .errors import ReaderUnavailable as ReaderUnavailable
    from .errors import SemsearchError as SemsearchError
    from .errors import StorageError as StorageError
    from .errors import UsageError as UsageError
    from .explain import Explanation as Explanation
    from .explain import HitExplanation as HitExplanation
    from .filters import Filter as Filter
    from .index import Index as Index
    from .protocols import Encoder as Encoder
    from .protocols import Reader as Reader
    from .protocols import Reranker as Reranker
    from .protocols import Retriever as Retriever
    from .reader import load_reader as load_reader
    from .reports import Finding as Finding
    from .reports import Status as Status
    from .reports import SyncReport as SyncReport
    from .types import Answer as Answer
    from .types import Article as Article
    from .types import Duplicate as Duplicate
    from .types import Duplicates as Duplicates
    from .types import Hit as Hit
    from .types import Passage as Passage
    from .types import Query as Query
    from .types import Quote as Quote
    from .types import Scores as Scores
    from .types import Span as Span

_NAMES = {
    "answering": "answer",
    "encoders": "load_encoder",
    "errors": (
        "EncoderUnavailable IndexDamaged IndexLocked IndexMissing IndexStale IndexUnusable IngestError "
        "ReaderUnavailable SemsearchError StorageError UsageError"
    ),
    "explain": "Explanation HitExplanation",
    "filters": "Filter",
    "index": "Index",
    "protocols": "Encoder Reader Reranker Retriever",
    "reader": "load_reader",
    "reports": "Finding Status SyncReport",
    "types": "Answer Article Duplicate Duplicates Hit Passage Query Quote Scores Span",
}
"""The public names by module."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted([*_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
