"""What an index reports about itself: results of changes, its status, and findings of a check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from .errors import IngestError

__all__ = [
    "FINDING_KINDS",
    "REMEDIES",
    "Finding",
    "FindingCode",
    "FindingKind",
    "Progress",
    "RemedyCode",
    "Status",
    "StatusNote",
    "SyncReport",
    "no_progress",
]

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


StatusNote = Literal["other-version", "rebuild-interrupted"]
"""What ``status`` remarks: the articles were split by another version of semsearch and need a rebuild; a rebuild with
another encoder was interrupted and should be run again."""


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
        vectors: How vectors are searched, unless ``Index.open`` names another way.
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
    notes: tuple[StatusNote, ...] = ()


FindingCode = Literal[
    "article-damaged",
    "database-inconsistent",
    "database-unreadable",
    "encoder-changed",
    "encoder-unavailable",
    "leftover-file",
    "manifest-damaged",
    "manifest-missing",
    "manifest-outdated",
    "newer-version",
    "next-id-wrong",
    "pending-deletes-wrong",
    "rebuild-advised",
    "rebuild-required",
    "repair-incomplete",
    "repair-needs-encoder",
    "segment-damaged",
    "term-vectors-missing",
    "terms-damaged",
    "terms-missing",
    "terms-orphaned",
    "terms-pending",
    "tombstones-wrong",
    "vectors-missing",
    "vectors-orphaned",
    "writer-active",
]
"""Every kind of finding. A code keeps its meaning; ``FINDING_KINDS`` describes it."""

RemedyCode = Literal[
    "create-again",
    "index-again",
    "next-run",
    "rebuild",
    "rebuild-with-encoder",
    "repair",
    "repair-and-index",
    "repair-or-create-again",
    "restore-encoder",
    "update",
    "wait",
]

REMEDIES: Mapping[RemedyCode, str] = {
    "create-again": "Delete the folder of the index and create it again.",
    "index-again": "It was removed; index its path again.",
    "next-run": "The next run that writes will do it.",
    "rebuild": "Run: semsearch rebuild",
    "rebuild-with-encoder": "Run: semsearch rebuild --encoder {encoder}",
    "repair": "Run: semsearch doctor --repair",
    "repair-and-index": "Run: semsearch doctor --repair; then index its path again.",
    "repair-or-create-again": "Run: semsearch doctor --repair; if that fails, delete the folder and create it again.",
    "restore-encoder": "Make the encoder available again, or run: semsearch rebuild --encoder bundled",
    "update": "Update semsearch, or create another index.",
    "wait": "Check again later.",
}


@dataclass(frozen=True, slots=True)
class FindingKind:
    """What all findings with one code have in common.

    Attributes:
        level: "error" if results may be wrong or missing, otherwise "warning".
        is_repairable: Whether ``doctor --repair`` may repair it.
        problem: A sentence with placeholders for the details of the finding.
        remedy: What to do.
        remedy_when_repaired: What is left to do after the repair; ``None`` means nothing.
    """

    level: Literal["error", "warning"]
    is_repairable: bool
    problem: str
    remedy: RemedyCode
    remedy_when_repaired: RemedyCode | None = None


FINDING_KINDS: Mapping[FindingCode, FindingKind] = {
    "article-damaged": FindingKind(
        "error", True, "Article {article} is damaged.", "repair-and-index", remedy_when_repaired="index-again"
    ),
    "database-inconsistent": FindingKind(
        "error", True, "SQLite finds errors in the database.", "repair-or-create-again"
    ),
    "database-unreadable": FindingKind("error", False, "The database is damaged beyond repair.", "create-again"),
    "encoder-changed": FindingKind(
        "error", False, "The vectors were not computed by {encoder} as it is now.", "rebuild-with-encoder"
    ),
    "encoder-unavailable": FindingKind("error", False, "The encoder {encoder} cannot be loaded.", "restore-encoder"),
    "leftover-file": FindingKind("warning", True, "An interrupted run left this file.", "next-run"),
    "manifest-damaged": FindingKind("error", True, "The manifest is damaged.", "repair"),
    "manifest-missing": FindingKind("warning", True, "The manifest is missing.", "next-run"),
    "manifest-outdated": FindingKind("warning", True, "The manifest differs from the database.", "next-run"),
    "newer-version": FindingKind("error", False, "A later version of semsearch wrote the index.", "update"),
    "next-id-wrong": FindingKind("error", True, "The counter {counter} does not follow the ids in use.", "repair"),
    "pending-deletes-wrong": FindingKind(
        "error", True, "Terms of existing passages are marked for deletion.", "repair"
    ),
    "rebuild-advised": FindingKind(
        "warning", False, "semsearch {version} split the texts differently; nothing new can be added.", "rebuild"
    ),
    "rebuild-required": FindingKind(
        "error", False, "semsearch {version} analysed the texts differently; they cannot be searched.", "rebuild"
    ),
    "repair-incomplete": FindingKind("error", False, "The repair failed.", "create-again"),
    "repair-needs-encoder": FindingKind(
        "error", False, "Only {encoder}, unchanged, can compute the lost vectors.", "restore-encoder"
    ),
    "segment-damaged": FindingKind("error", True, "A file of vectors is damaged or missing.", "repair"),
    "term-vectors-missing": FindingKind("error", True, "Passages without a term vector: {count}.", "repair"),
    "terms-damaged": FindingKind("error", True, "The lexical index is damaged.", "repair"),
    "terms-missing": FindingKind("error", True, "Passages missing from the lexical index: {count}.", "repair"),
    "terms-orphaned": FindingKind("error", True, "Unknown passages in the lexical index: {count}.", "repair"),
    "terms-pending": FindingKind("warning", True, "Terms of removed passages are not deleted yet.", "next-run"),
    "tombstones-wrong": FindingKind("error", True, "Existing passages are marked as removed.", "repair"),
    "vectors-missing": FindingKind("error", True, "Passages without a vector: {count}.", "repair"),
    "vectors-orphaned": FindingKind("error", True, "Vectors of unknown passages: {count}.", "repair"),
    "writer-active": FindingKind("warning", False, "{writer} is writing; findings may be temporary.", "wait"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of an index that ``doctor`` found.

    Attributes:
        code: Its kind.
        part: The file, table or row concerned; files relative to the folder of the index.
        problem: A sentence that describes it.
        remedy: A sentence that says what to do; empty if nothing is left to do.
        level: "error" if results may be wrong or missing, otherwise "warning".
        repairable: Whether ``doctor --repair`` may repair it.
        details: Values in the sentences, and the reason if there is one.
        repaired: Whether it was repaired.
    """

    code: FindingCode
    part: str
    problem: str
    remedy: str
    level: Literal["error", "warning"]
    repairable: bool
    details: Mapping[str, str | int]
    repaired: bool = False

    @classmethod
    def of(cls, code: FindingCode, part: str, **details: str | int) -> Self:
        """Return a finding that ``FINDING_KINDS`` describes."""
        kind = FINDING_KINDS[code]
        problem = kind.problem.format(**details)
        if "reason" in details:
            problem += f" ({details['reason']})"
        remedy = REMEDIES[kind.remedy].format(**details)
        return cls(code, part, problem, remedy, kind.level, kind.is_repairable, details)

    @property
    def remedy_code(self) -> RemedyCode | None:
        """What is to be done now."""
        kind = FINDING_KINDS[self.code]
        return kind.remedy_when_repaired if self.repaired else kind.remedy

    def as_repaired(self) -> Self:
        """Return the finding after its repair."""
        code = FINDING_KINDS[self.code].remedy_when_repaired
        return replace(self, repaired=True, remedy=REMEDIES[code].format(**self.details) if code else "")
