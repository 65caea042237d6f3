"""Count what an index contains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from .. import segmentation as sentences
from .. import text
from ..errors import IndexDamaged
from ..reports import Status, StatusNote
from ..storage import Segment, Store
from ..storage.layout import Folder, Manifest

__all__ = ["status"]


def status(folder: Folder, store: Store) -> Status:
    """Return the status of an index; call it inside a snapshot of ``store``."""
    manifest = Manifest.parse(str(store.meta("manifest")), folder.database)
    counts = store.counts()
    updated = str(store.meta("updated"))
    segments = store.segments(manifest.fingerprint)
    notes: list[StatusNote] = []
    current_versions = (text.VERSION, sentences.VERSION, sentences.PASSAGE_SYLLABLES)
    if (manifest.text, manifest.sentences, manifest.window) != current_versions:
        notes.append("other-version")
    if len(store.segments()) > len(segments):
        notes.append("rebuild-interrupted")
    return Status(
        path=folder.path,
        format=manifest.format,
        made_with=manifest.made_with,
        encoder=manifest.encoder,
        fingerprint=manifest.fingerprint,
        dim=manifest.dim,
        articles=counts["articles"],
        passages=counts["passages"],
        sentences=counts["sentences"],
        sources=counts["sources"],
        files=counts["files"],
        roots=tuple(store.roots()),
        generation=store.generation(),
        updated=dt.datetime.fromisoformat(updated) if updated else None,
        bytes=folder.size(),
        segments=len(segments),
        tombstones=len(store.tombstones()),
        vectors="approximate" if _scans_codes(folder, segments) else "exact",
        writer=folder.writer(),
        notes=tuple(notes),
    )


def _scans_codes(folder: Folder, segments: Sequence[Segment]) -> bool:
    """Return whether a search scans the PQ codes of the vectors."""
    from ..storage.segments import open_segment
    from ..storage.vectors import pays_to_scan_codes

    try:
        return pays_to_scan_codes([open_segment(folder, segment) for segment in segments])
    except IndexDamaged:
        return False  # ``doctor`` reports the damage
