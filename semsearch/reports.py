"""What an index reports about itself: results of changes, its status, and findings of a check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import IngestError

__all__ = ["Finding", "Progress", "Status", "SyncReport", "no_progress"]

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, total)``; ``total`` is 0 if it is unknown.

The stages "articles" (just indexed) and "unchanged" (already in the index) share one count of what is safely in the
index; their ``total`` is an estimate by the bytes read.
"""


def no_progress(stage: str, done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one run of ``sync``, ``add`` or ``rebuild`` did.

    Attributes:
        added: New articles.
        changed: Articles that were replaced.
        removed: Articles that were removed.
        unchanged: Articles that stayed as they are.
        duplicates: Sources of a text that another source already had.
        failed: Files and records that could not be read; what the index held of them stays.
        passages: Passages that were made.
        encoded: Texts that were encoded.
        notes: Remarks on single files, such as a converted encoding; one line each.
        seconds: Duration.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    failed: tuple[IngestError, ...] = ()
    passages: int = 0
    encoded: int = 0
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def nothing_done(self) -> bool:
        """True if no article was added, changed or removed."""
        return not (self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Status:
    """What an index contains and what it was made with.

    Attributes:
        path: The folder.
        format: Version of its layout.
        made_with: Version of semsearch that created it.
        encoder: Name of the encoder.
        fingerprint: Fingerprint of the encoder.
        dim: Dimension of the vectors.
        articles: Number of articles.
        passages: Number of passages.
        sentences: Number of sentences in them.
        sources: Number of sources.
        files: Number of files.
        roots: The paths that ``sync`` without arguments goes through.
        generation: Number of committed changes.
        updated: Time of the last one (UTC).
        bytes: Size on disk.
        segments: Number of vector segments.
        tombstones: Vectors of removed passages that no merge has dropped yet.
        vectors: How vectors are searched unless ``Index.open`` is told otherwise.
        writer: Who is writing now, such as "process 123 on host since ..."; empty if nobody is.
        notes: What should be done, such as a rebuild after an update.
    """

    path: Path
    format: int
    made_with: str
    encoder: str
    fingerprint: str
    dim: int
    articles: int
    passages: int
    sentences: int
    sources: int
    files: int
    roots: tuple[str, ...]
    generation: int
    updated: dt.datetime | None
    bytes: int
    segments: int
    tombstones: int
    vectors: Literal["exact", "approximate"]
    writer: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that ``doctor`` saw. Findings without ``level`` "error" do not make results wrong."""

    part: str  # the file or table concerned, relative to the index's folder
    problem: str  # one sentence
    cure: str  # what to do, one sentence
    level: str = "error"  # "error" | "warning"
    repaired: bool = False
