"""Check an index, and repair whatever can be rebuilt from SQLite.

Every problem is a ``Finding`` with a code. The repair drops what is damaged, by the codes and details of the findings,
and rebuilds what is derived from the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EncoderUnavailable, IndexDamaged, IndexLocked, IndexUnusable, UsageError
from ..paths import absolute
from ..protocols import Encoder
from ..reports import Finding, FindingCode, no_progress
from ..storage import Store
from ..storage.layout import Folder
from .examine import MALFORMED_ROW, counter_value, examine, highest_ids, one_line

if TYPE_CHECKING:
    from .writer import Writer

__all__ = ["doctor"]

_IN_COUNTERS: frozenset[FindingCode] = frozenset({"next-id-wrong", "pending-deletes-wrong", "tombstones-wrong"})
_IN_DERIVED_FILES: frozenset[FindingCode] = frozenset(
    {
        "segment-damaged",
        "term-vectors-missing",
        "terms-damaged",
        "terms-missing",
        "terms-orphaned",
        "vectors-missing",
        "vectors-orphaned",
    }
)


def doctor(path: str | Path, *, repair: bool = False, encoder: str | Encoder | None = None) -> list[Finding]:
    """Check the index at ``path``, and repair it if asked; also works where ``Index.open`` raises an error.

    A repair rebuilds from the database what is derived from it. A damaged article is removed, and read again when its
    path is next indexed.

    Args:
        path: Folder of the index.
        repair: Whether to repair what was found.
        encoder: Compared with the encoder of the index, and used to compute lost vectors. ``None`` means the encoder
            of the index, which is compared only if it is the bundled one or a folder.

    Returns:
        What was found; after a repair, what was repaired and then what is left.

    Raises:
        IndexMissing: There is no index.
        IndexLocked: Another process is writing, so nothing can be repaired.
        StorageError: A file cannot be read or written.
    """
    folder = Folder(Path(absolute(path)))
    if not folder.exists():
        folder.require()
    findings = examine(folder, encoder)
    codes = {finding.code for finding in findings}
    if not repair or "newer-version" in codes or not any(finding.repairable for finding in findings):
        return findings

    obstacles = _repair(folder, findings, encoder)
    left = examine(folder, encoder)
    left = [_beyond_repair(finding) if finding.code == "database-inconsistent" else finding for finding in left]
    remaining = {(finding.code, finding.part) for finding in left}
    repaired = [
        finding.as_repaired()
        for finding in findings
        if finding.repairable and (finding.code, finding.part) not in remaining
    ]
    return repaired + left + obstacles


def _beyond_repair(finding: Finding) -> Finding:
    return Finding.of("database-unreadable", finding.part, **finding.details)


def _repair(folder: Folder, findings: Sequence[Finding], encoder: str | Encoder | None) -> list[Finding]:
    """Repair what was found; return what prevented it."""
    from .writer import writing

    try:
        with writing(folder, repair=True) as writer:
            if any(finding.code == "database-inconsistent" for finding in findings):
                with suppress(IndexDamaged):
                    writer.store.reindex()
                findings = examine(folder, encoder)  # rows that only seemed to be missing are found again
            _drop_damaged(writer.store, findings)
            codes = {finding.code for finding in findings}
            if codes & _IN_COUNTERS:
                _recount(writer.store)
            if codes & (_IN_COUNTERS | _IN_DERIVED_FILES):
                _rebuild(writer, encoder)
    except EncoderUnavailable as error:
        return [Finding.of("repair-needs-encoder", "vectors", encoder=writer.manifest.encoder, reason=one_line(error))]
    except IndexLocked:
        raise
    except (IndexUnusable, UsageError, *MALFORMED_ROW) as error:
        return [Finding.of("repair-incomplete", "store.db", reason=one_line(error))]
    return []


def _drop_damaged(store: Store, findings: Sequence[Finding]) -> None:
    """Remove damaged articles, and the rows of damaged segments."""
    damaged = [finding for finding in findings if finding.code in ("article-damaged", "segment-damaged")]
    if not damaged:
        return
    with store.transaction():
        for finding in damaged:
            if finding.code == "article-damaged":
                store.drop_damaged_article(int(finding.details["article"]))
            else:
                store.drop_segment(int(finding.details["segment"]))


def _recount(store: Store) -> None:
    """Make the tables without checksums fit the articles, passages and segments; terms must be rebuilt afterwards."""
    passage_ids = store.all_ids("passages")
    existing = set(passage_ids)
    tombstones = [id_ for id_ in store.tombstones() if id_ not in existing]
    counters = highest_ids(store, passage_ids)
    counters["next_passage"] = max([counters["next_passage"], *tombstones[-1:]])
    with store.transaction():
        store.set_tombstones(tombstones)
        store.clear_pending_term_deletes()
        for counter, highest in counters.items():
            store.set_meta(counter, max(highest + 1, counter_value(store, counter)))


def _rebuild(writer: Writer, encoder: str | Encoder | None) -> None:
    """Rebuild the terms, and the vectors of passages that have none.

    Raises:
        EncoderUnavailable: Vectors must be computed, and the encoder that made the others cannot be loaded.
    """
    from ..encoders import load_encoder
    from .rebuild import rebuild

    def load() -> Encoder:
        given = encoder if encoder is not None else writer.manifest.encoder
        loaded = load_encoder(given) if isinstance(given, str) else given
        if loaded.fingerprint != writer.manifest.fingerprint:
            raise EncoderUnavailable(f"{loaded.name} computes other vectors now.")
        return loaded

    rebuild(writer, load, writer.manifest, no_progress)
