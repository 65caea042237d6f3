"""The exceptions that semsearch raises on purpose.

    class                       code                  exit code
    SemsearchError              error                 2
    ├── UsageError              usage-error           2   an invalid argument, path or option
    ├── IngestError             ingest-error          1   a file that cannot be read; does not stop the others
    ├── IndexUnusable           index-unusable        3
    │   ├── IndexMissing        index-missing         3   there is no index at the path
    │   ├── IndexStale          index-stale           3   made with another encoder or version of semsearch
    │   ├── IndexDamaged        index-damaged         3   a file is missing, truncated or changed
    │   └── IndexLocked         index-locked          4   another process is writing
    ├── StorageError            storage-error         4   disk full, read-only or not permitted
    ├── EncoderUnavailable      encoder-unavailable   5   the model cannot be loaded
    └── ReaderUnavailable       reader-unavailable    5   the same for a reader or a language model's server

A message is one sentence, or two, that says what happened and what to do. ``code`` names the kind of error in JSON
and does not change between versions; ``exit_code`` is the status with which the command line exits.
"""

from __future__ import annotations

from typing import ClassVar

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
    """Base class of all errors that semsearch raises on purpose.

    Attributes:
        code: Stable name of the kind of error in JSON, in kebab case.
        exit_code: Exit status of the command line.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2


class UsageError(SemsearchError):
    """The request is invalid: a missing path, a bad date, an unknown mode."""

    code = "usage-error"


class IngestError(SemsearchError):
    """A file or record cannot be read.

    Args:
        source: The file or record.
        reason: What is wrong with it, as a clause without a subject ("is empty: it contains no text").
    """

    code = "ingest-error"
    exit_code = 1

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason

    def __reduce__(self) -> tuple[type[IngestError], tuple[str, str]]:
        return type(self), (self.source, self.reason)


class IndexUnusable(SemsearchError):
    """The index cannot be used in its present state."""

    code = "index-unusable"
    exit_code = 3


class IndexMissing(IndexUnusable):
    """There is no index at the path."""

    code = "index-missing"


class IndexStale(IndexUnusable):
    """The index was made with another encoder, or another version of semsearch or of its rules for text."""

    code = "index-stale"


class IndexDamaged(IndexUnusable):
    """A file of the index is missing, truncated or changed."""

    code = "index-damaged"


class IndexLocked(IndexUnusable):
    """Another process is writing to the index."""

    code = "index-locked"
    exit_code = 4


class StorageError(SemsearchError):
    """Storage error: disk full, read-only or not permitted."""

    code = "storage-error"
    exit_code = 4


class EncoderUnavailable(SemsearchError):
    """The encoder cannot be loaded, neither from disk nor from the hub."""

    code = "encoder-unavailable"
    exit_code = 5


class ReaderUnavailable(SemsearchError):
    """The reader's model cannot be loaded, or the server of its language model gives no usable reply."""

    code = "reader-unavailable"
    exit_code = 5
