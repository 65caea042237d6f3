"""What there is, counted."""

from __future__ import annotations

import datetime as dt

from .. import sentences, text
from ..store import Store
from .folder import Folder, Manifest
from .reports import Status

__all__ = ["status"]


def status(folder: Folder, store: Store, manifest: Manifest) -> Status:
    """The state that ``store`` sees; call it inside a snapshot."""
    counts = store.counts()
    updated = str(store.meta("updated"))
    segments = store.segments(manifest.fingerprint)
    notes = []
    if (manifest.text, manifest.sentences, manifest.window) != (
        text.VERSION,
        sentences.VERSION,
        sentences.PASSAGE_SYLLABLES,
    ):
        notes.append(f"made by another version of semsearch ({manifest.made_with}): run semsearch rebuild")
    if len(store.segments()) > len(segments):
        notes.append("a rebuild with another encoder was interrupted: run it again to finish it")
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
        dead_vectors=len(store.dead()),
        writer=folder.writer(),
        notes=tuple(notes),
    )
