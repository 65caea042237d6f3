"""Examine an index: its database, its manifest, its vectors and its terms."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import segmentation as sentences
from .. import text
from ..errors import IndexDamaged, IndexLocked, IndexStale, IndexUnusable, SemsearchError, StorageError
from ..protocols import Encoder
from ..reports import Finding
from ..storage import Store
from ..storage.layout import Folder, Manifest

if TYPE_CHECKING:
    from ..types import Ids

__all__ = ["MALFORMED_ROW", "counter_value", "examine", "highest_ids", "one_line"]

MALFORMED_ROW = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, struct.error)
"""What Python raises over rows of a damaged database that SQLite itself accepts."""

_MAX_ID = 1 << 40
"""No index gets this far: a counter above it is damaged."""


def examine(folder: Folder, encoder: str | Encoder | None) -> list[Finding]:
    """Return every problem of an index.

    Raises:
        StorageError: A file cannot be read.
        IndexLocked: Another process holds the database.
    """
    findings: list[Finding] = []
    writer = folder.writer()
    if writer:
        findings.append(Finding.of("writer-active", "lock", writer=writer))
    try:
        with closing(Store.open(folder.database)) as store:
            findings.extend(_examine_inconsistencies(store))
            for finding in _examine_contents(folder, store, encoder):
                findings.append(finding)
    except (StorageError, IndexLocked):
        raise  # a disk that cannot be read is not damage
    except IndexStale as error:
        findings.append(Finding.of("newer-version", "store.db", reason=one_line(error)))
    except (SemsearchError, *MALFORMED_ROW) as error:
        findings.append(Finding.of("database-unreadable", "store.db", reason=one_line(error)))
    return findings


def _examine_inconsistencies(store: Store) -> Iterator[Finding]:
    problems = store.problems()
    if problems:
        reason = "; ".join(problems[0].splitlines()[-3:])
        yield Finding.of("database-inconsistent", "store.db", reason=reason)


def _examine_contents(folder: Folder, store: Store, encoder: str | Encoder | None) -> Iterator[Finding]:
    manifest = Manifest.parse(str(store.meta("manifest")), folder.database)
    lexical_number = int(store.meta("lexical"))
    passage_ids = store.all_ids("passages")
    yield from _examine_manifest(folder, manifest)
    yield from _examine_versions(manifest)
    yield from _examine_encoder(manifest, encoder)
    yield from _examine_articles(store)
    yield from _examine_counters(store, passage_ids)
    yield from _examine_vectors(folder, store, manifest, np.array(passage_ids, np.int64))
    yield from _examine_terms(folder, store, manifest, lexical_number, set(passage_ids))
    segment_numbers = {segment.number for segment in store.segments()}
    for name in folder.orphans(segment_numbers, lexical_number):
        yield Finding.of("leftover-file", name)


def _examine_manifest(folder: Folder, manifest: Manifest) -> Iterator[Finding]:
    """Compare the file of the manifest with that in the database, which counts."""
    try:
        from_file = folder.manifest()
    except IndexUnusable as error:
        yield Finding.of("manifest-damaged", "manifest.json", reason=one_line(error))
        return
    if from_file is None:
        yield Finding.of("manifest-missing", "manifest.json")
    elif from_file != manifest:
        yield Finding.of("manifest-outdated", "manifest.json")


def _examine_versions(manifest: Manifest) -> Iterator[Finding]:
    from ..storage.lexical import FORMAT

    if (manifest.text, manifest.lexical) != (text.VERSION, FORMAT):
        yield Finding.of("rebuild-required", "manifest.json", version=manifest.made_with)
    elif (manifest.sentences, manifest.window) != (sentences.VERSION, sentences.PASSAGE_SYLLABLES):
        yield Finding.of("rebuild-advised", "manifest.json", version=manifest.made_with)


def _examine_encoder(manifest: Manifest, encoder: str | Encoder | None) -> Iterator[Finding]:
    """Compare the encoder with the one that computed the vectors.

    One that would have to be downloaded, or needs other packages, is not loaded; a search compares it when it does.
    """
    if encoder is None or isinstance(encoder, str):
        name = encoder or manifest.encoder
        if name != "bundled" and not Path(name).expanduser().is_dir():
            return
        from ..encoders import load_encoder

        try:
            encoder = load_encoder(name)
        except SemsearchError as error:
            yield Finding.of("encoder-unavailable", "encoder", encoder=name, reason=one_line(error))
            return
    if encoder.fingerprint != manifest.fingerprint:
        yield Finding.of("encoder-changed", "encoder", encoder=encoder.name)


def _examine_articles(store: Store) -> Iterator[Finding]:
    """Read every article and passage, whose rows have checksums."""
    for id_ in store.all_ids("articles"):
        try:
            store.passages(store.article(id_))
        except IndexDamaged:
            yield Finding.of("article-damaged", f"articles/{id_}", article=id_)


def _examine_counters(store: Store, passage_ids: Sequence[int]) -> Iterator[Finding]:
    """Compare the small tables, which have no checksums, with what is there."""
    existing = set(passage_ids)
    last_passage = max(passage_ids, default=0)
    for pending in store.pending_term_deletes():
        if not existing.isdisjoint(range(max(pending.start, 0), min(pending.stop, last_passage + 1))):
            yield Finding.of("pending-deletes-wrong", "pending_term_deletes")
            break
    if not existing.isdisjoint(store.tombstones()):
        yield Finding.of("tombstones-wrong", "tombstones")
    for counter, highest in highest_ids(store, passage_ids).items():
        if counter_value(store, counter) <= highest:
            yield Finding.of("next-id-wrong", f"meta/{counter}", counter=counter)


def highest_ids(store: Store, passage_ids: Sequence[int]) -> dict[str, int]:
    """Return the highest id in use, 0 if there is none, by the name of the counter that must be above it."""
    segments = store.segments()
    return {
        "next_article": max(store.all_ids("articles"), default=0),
        "next_passage": max([*passage_ids[-1:], *(segment.last for segment in segments)], default=0),
        "next_segment": max((segment.number for segment in segments), default=0),
    }


def counter_value(store: Store, name: str) -> int:
    """Return a counter of the database; 0 if it is missing or not plausible."""
    try:
        value = int(store.meta(name))
    except (IndexDamaged, ValueError, TypeError):
        return 0
    return value if 0 < value < _MAX_ID else 0


def _examine_vectors(folder: Folder, store: Store, manifest: Manifest, passage_ids: Ids) -> Iterator[Finding]:
    """Verify the checksums of all segments, and compare their ids with the passages."""
    from ..storage.segments import open_segment

    ids_with_vectors = [np.empty(0, np.int64)]
    for segment in store.segments():
        part = folder.segment(segment.number).relative_to(folder.path).as_posix()
        try:
            arrays = open_segment(folder, segment, verify=True)
        except IndexDamaged as error:
            yield Finding.of("segment-damaged", part, segment=segment.number, reason=one_line(error))
            continue
        if segment.fingerprint != manifest.fingerprint:
            continue
        if arrays.vectors.shape[1] != manifest.dim:
            yield Finding.of("segment-damaged", part, segment=segment.number)
        else:
            ids_with_vectors.append(arrays.ids)

    ids = np.concatenate(ids_with_vectors)
    missing = np.setdiff1d(passage_ids, ids)
    if len(missing):
        yield Finding.of("vectors-missing", "vectors", count=len(missing))
    tombstones = np.array(store.tombstones(), np.int64)
    orphaned = np.setdiff1d(ids[~np.isin(ids, tombstones)], passage_ids)
    if len(orphaned):
        yield Finding.of("vectors-orphaned", "vectors", count=len(orphaned))


def _examine_terms(
    folder: Folder, store: Store, manifest: Manifest, lexical_number: int, passage_ids: set[int]
) -> Iterator[Finding]:
    """Verify the files of the lexical index, and compare its ids with the passages."""
    from ..storage.lexical import FORMAT
    from ..storage.lexical_files import damaged_files, open_readonly

    if manifest.lexical != FORMAT:
        return  # a rebuild is required in any case
    without_term_vectors = store.lacking_term_vectors()
    if without_term_vectors:
        yield Finding.of("term-vectors-missing", "term_vectors", count=len(without_term_vectors))
    terms_path = folder.terms(lexical_number)
    try:
        indexed = set(open_readonly(terms_path).ids())
        damaged = damaged_files(terms_path, _recorded_checksums(store))
    except IndexUnusable as error:
        yield Finding.of("terms-damaged", "lexical", reason=one_line(error))
        return
    if damaged:
        yield Finding.of("terms-damaged", "lexical", reason=f"damaged files: {', '.join(damaged)}")
        return

    missing = passage_ids - indexed
    if missing:
        yield Finding.of("terms-missing", "lexical", count=len(missing))
    pending = store.pending_term_deletes()
    orphaned = [id_ for id_ in indexed - passage_ids if not any(id_ in ids for ids in pending)]
    if orphaned:
        yield Finding.of("terms-orphaned", "lexical", count=len(orphaned))
    if pending:
        yield Finding.of("terms-pending", "lexical")


def _recorded_checksums(store: Store) -> dict[str, int]:
    """Return the checksums of the lexical index's files that its last commit recorded; none if they cannot be read."""
    try:
        recorded = json.loads(store.meta("lexical_files"))
        return {str(name): int(checksum) for name, checksum in recorded.items()}
    except (IndexDamaged, ValueError, TypeError, AttributeError):
        return {}


def one_line(error: Exception) -> str:
    """Return the message of an error as one line."""
    return " ".join(str(error).split()) or type(error).__name__
