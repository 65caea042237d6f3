"""Everything semsearch raises on purpose, and the exit code a command line gives it.

    SemsearchError              2
    ├── UsageError              2   an argument, a path or an option that cannot be meant
    ├── IngestError             1   one file cannot be read (collected, never stops the others)
    ├── IndexUnusable           3
    │   ├── IndexMissing        3   nothing there yet
    │   ├── IndexStale          3   made by another encoder, or by another version of semsearch
    │   ├── IndexDamaged        3   a file is missing, cut or changed
    │   └── IndexLocked         4   another process is writing
    ├── StorageError            4   disk full, no permission, read-only
    ├── EncoderUnavailable      5   a model name that cannot be loaded
    └── ReaderUnavailable       5   the same for a reader; a language model that cannot be reached or understood

Each message is one sentence (two at most) that says what happened and what to do next.
"""

from __future__ import annotations

__all__ = [
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
]


class SemsearchError(Exception):
    """Base of all errors raised on purpose; ``exit_code`` is what the command line returns."""

    exit_code = 2


class UsageError(SemsearchError):
    """The call itself cannot be meant: a missing path, a bad date, an unknown mode."""


class IngestError(SemsearchError):
    """One file or record cannot be read; ``source`` names it, ``reason`` is one clause."""

    exit_code = 1

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


class IndexUnusable(SemsearchError):
    """The index cannot be used as it is."""

    exit_code = 3


class IndexMissing(IndexUnusable):
    """There is no index at the path."""


class IndexStale(IndexUnusable):
    """The index was made by another encoder, normaliser, splitter or version of the format."""


class IndexDamaged(IndexUnusable):
    """A file of the index is missing, cut short or changed."""


class IndexLocked(IndexUnusable):
    """Another process is writing to the index."""

    exit_code = 4


class StorageError(SemsearchError):
    """The disk said no: full, read-only, no permission."""

    exit_code = 4


class EncoderUnavailable(SemsearchError):
    """A model name that can be loaded neither from disk nor from a hub."""

    exit_code = 5


class ReaderUnavailable(SemsearchError):
    """A reader's model that cannot be loaded, or a language model whose server gives no usable reply."""

    exit_code = 5
