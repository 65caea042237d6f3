"""What an index tells about itself: the results of writing, of looking, and of checking."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import IngestError

__all__ = ["Finding", "Progress", "Status", "SyncReport", "no_progress"]

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, total)``: what is being done, how many files or texts of it, of how many
(``total`` is 0 where nobody knows yet).

In the stages "articles" and "unchanged" (of one file, or handed over: what was indexed last, and what was passed over
since the index has it already) the two share one count of what is safely in the index, and ``total`` is an estimate by
the bytes read."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one run of ``sync``, ``add`` or ``rebuild`` did, counted in articles unless said otherwise.

    ``duplicates`` are places where a text stands that another source already brought. ``failed`` are
    the files and records that could not be read (an older version of them stays in the index).
    ``passages`` is how many passages were made, ``encoded`` how many texts went through the encoder.
    ``notes`` are remarks on single files (an encoding that was converted, a row left out), one line each.
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
        """True if the index is the same as before."""
        return not (self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Status:
    """What an index holds and what it was made with."""

    path: Path
    format: int
    made_with: str  # version of semsearch that created the folder
    encoder: str
    fingerprint: str
    dim: int
    articles: int
    passages: int
    sentences: int
    sources: int
    files: int
    roots: tuple[str, ...]  # the paths that ``sync(None)`` goes through
    generation: int  # grows by one with every committed change
    updated: dt.datetime | None  # time of the last committed change, UTC
    bytes: int  # size of the folder on disk
    segments: int  # vector files
    dead_vectors: int  # vectors of removed texts that compaction has not taken away yet
    vectors: Literal["exact", "approximate"]  # how they are compared unless one says otherwise
    writer: str  # who is writing at this moment ("process 123 on host since ..."), else ""
    notes: tuple[str, ...] = ()  # e.g. "made by an older splitter: run rebuild"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that ``doctor`` saw. Findings without ``level`` "error" do not make results wrong."""

    part: str  # the file or table concerned, relative to the index's folder
    problem: str  # one sentence
    cure: str  # what to do, one sentence
    level: str = "error"  # "error" | "warning"
    repaired: bool = False
