"""Looks for everything that can be wrong with an index's folder, and mends what SQLite still knows."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from .. import segmentation as sentences
from .. import text
from ..errors import (
    EncoderUnavailable,
    IndexDamaged,
    IndexLocked,
    IndexStale,
    IndexUnusable,
    SemsearchError,
    StorageError,
    UsageError,
)
from ..paths import absolute
from ..protocols import Encoder
from ..reports import Finding
from ..storage import Store
from ..storage.layout import Folder, Manifest

__all__ = ["doctor"]

STRANGE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, struct.error)
"""What is raised over rows that hold what nobody wrote."""

REPAIR = "run: semsearch doctor --repair"
NEXT = "the next run mends it"
ANEW = "delete the folder and index anew"
FIRST = f"{REPAIR}; if it says the same again, {ANEW}"
REBUILD = "run: semsearch rebuild"
UPDATE = "update semsearch, or index anew into another folder"


def doctor(path: str | Path, *, repair: bool = False, encoder: str | Encoder | None = None) -> list[Finding]:
    """Everything that is wrong with the index at ``path``; also where ``Index.open`` refuses it.

    With ``repair`` what can be made again from the database is, and the findings tell what was mended. An
    article that is damaged itself is taken out, and read again with the next ``sync`` of its path.
    ``encoder`` is compared with the one that the index was made with, and needed for lost vectors; None is that one
    (which is looked at only if it is the bundled one or a folder).

    Raises IndexMissing, StorageError, and with ``repair`` IndexLocked.
    """
    folder = Folder(Path(absolute(path)))
    if not folder.exists():
        folder.require()
    findings = list(_examined(folder, encoder))
    if not repair or not findings:
        return findings
    try:
        trouble = _repair(folder, encoder, {finding.part.partition("/")[0] for finding in findings})
    except IndexLocked:
        raise
    except (IndexUnusable, UsageError, *STRANGE) as error:
        trouble = " ".join(str(error).split())
    left = list(_examined(folder, encoder))
    told = [
        replace(finding, repaired=True) for finding in findings if finding not in left and finding.problem != LOST
    ] + left
    told += [finding for finding in findings if finding.problem == LOST]
    if trouble:
        cure = ANEW if all(finding.cure not in (UPDATE, REBUILD) for finding in left) else "see there"
        told.append(Finding("index", f"not everything could be mended: {trouble}", cure))
    return told


def _repair(folder: Folder, encoder: str | Encoder | None, parts: set[str]) -> str:
    """Mends; what could not be, in words."""
    from .rebuild import rebuild
    from .writer import writing

    with writing(folder, repair=True) as writer:
        if "store.db" in parts:  # what SQLite keeps twice
            with suppress(IndexDamaged):
                writer.store.reindex()
        for id_ in _damaged_articles(writer.store):
            with writer.store.transaction():
                writer.store.drop_damaged_article(id_)
        if "numbers" in parts:
            _count_anew(writer.store)
        for number in _misnamed(folder, writer.store):
            with writer.store.transaction():
                writer.store.drop_segment(number)
        if not parts & {"vectors", "lexical", "numbers"}:
            return ""  # the manifest is written by every writer

        def load() -> Encoder:
            if encoder is not None and not isinstance(encoder, str):
                return encoder
            from ..encoders import load_encoder

            return load_encoder(encoder or writer.manifest.encoder)

        def same() -> Encoder:
            loaded = load()
            if loaded.fingerprint != writer.manifest.fingerprint:
                raise EncoderUnavailable(
                    f"the vectors were made with another state of {writer.manifest.encoder}; run: semsearch rebuild"
                )
            return loaded

        try:
            rebuild(writer, same, writer.manifest, lambda stage, done, total: None)
        except EncoderUnavailable as error:
            return str(error)
    return ""


def _count_anew(store: Store) -> None:
    """What the small tables say made to fit what is there; terms are made anew after it."""
    there = {kind: store.all_ids(kind) for kind in ("articles", "passages")}
    alive = set(there["passages"])
    segments = store.segments()
    dead = [id_ for id_ in store.tombstones() if id_ not in alive]
    highest = {
        "next_article": max(there["articles"], default=0),
        "next_passage": max([*there["passages"][-1:], *dead[-1:], *(s.last for s in segments)], default=0),
        "next_segment": max((segment.number for segment in segments), default=0),
    }
    with store.transaction():
        store.set_tombstones(dead)
        store.clear_pending_term_deletes()
        for key, number in highest.items():
            store.set_meta(key, max(number + 1, _number(store, key)))


def _misnamed(folder: Folder, store: Store) -> list[int]:
    """Segments that hold other passages than the database says."""
    from ..storage.segments import read

    found = []
    for segment in store.segments():
        with suppress(IndexDamaged):  # that one is made anew in any case
            ids, _ = read(folder, segment)
            if len(ids) and (segment.first, segment.last) != (ids.min(), ids.max()):
                found.append(segment.number)
    return found


def _number(store: Store, key: str) -> int:
    """A number of the database, 0 if it is none or nowhere near one that was ever given."""
    try:
        number = int(store.meta(key))
    except (IndexDamaged, ValueError, TypeError):
        return 0
    return number if 0 < number < 1 << 40 else 0


# What there is to see --------------------------------------------------------------------------


LOST = "the last changes are lost: there are vectors of segments that the database never numbered"


def _examined(folder: Folder, encoder: str | Encoder | None) -> Iterator[Finding]:
    writer = folder.writer()
    if writer:
        yield Finding("lock", f"{writer} is writing; what is found may be passing", "look again later", "warning")
    yield from _manifest(folder)
    try:
        store = Store.open(folder.database)
    except StorageError:
        raise  # what cannot be read is not damaged
    except SemsearchError as error:
        yield Finding("store.db", str(error), UPDATE if isinstance(error, IndexStale) else ANEW)
        return
    try:
        yield from _database(folder, store, encoder)
    finally:
        store.close()


def _manifest(folder: Folder) -> Iterator[Finding]:
    try:
        if folder.manifest() is None:
            yield Finding("manifest.json", "the manifest is missing", REPAIR, "warning")
    except SemsearchError as error:
        yield Finding("manifest.json", str(error), REPAIR)


def _database(folder: Folder, store: Store, encoder: str | Encoder | None) -> Iterator[Finding]:
    for problem in store.problems():
        yield Finding("store.db", "; ".join(problem.splitlines()[-3:]), FIRST)
    try:
        manifest = Manifest.parse(str(store.meta("manifest")), folder.database)
        lexical = int(store.meta("lexical"))
        numbers = {segment.number for segment in store.segments()}
        if folder.written_manifest() not in ("", manifest.dump()):
            yield Finding("manifest.json", "the manifest is not what the database says", NEXT, "warning")
        yield from _versions(manifest)
        yield from _encoder(manifest, encoder)
        for id_ in _damaged_articles(store):
            yield Finding("articles", f"article {id_} is not as it was written", f"{REPAIR}, then index its path again")
        yield from _numbers(store)
        unknown = {int(file.stem) for file in folder.vectors.glob("*") if file.stem.isdigit()} - numbers
        if max(unknown, default=0) >= _number(store, "next_segment") > 0:
            yield Finding("store.db", LOST, "index the same paths again: it takes in what is missing")
        yield from _vectors(folder, store, manifest)
        yield from _terms(folder, store, manifest, lexical)
        for name in folder.strays(numbers, lexical):
            yield Finding(name, f"{name} was left by an interrupted run", "the next run takes it away", "warning")
    except IndexStale as error:
        yield Finding("store.db", str(error), UPDATE)
    except StorageError:
        raise  # what cannot be read is not damaged
    except SemsearchError as error:
        yield Finding("store.db", str(error), ANEW)
    except STRANGE as error:
        yield Finding("store.db", f"rows are not as they were written ({type(error).__name__}: {error})", ANEW)


def _versions(manifest: Manifest) -> Iterator[Finding]:
    from ..storage.lexical import FORMAT

    by = f"by another version of semsearch ({manifest.made_with})"
    if (manifest.text, manifest.lexical) != (text.VERSION, FORMAT):
        yield Finding("manifest.json", f"texts or terms were made {by}: it is not searched", REBUILD)
    elif (manifest.sentences, manifest.window) != (sentences.VERSION, sentences.PASSAGE_SYLLABLES):
        yield Finding("manifest.json", f"texts were split {by}: nothing new is taken", REBUILD, "warning")


def _encoder(manifest: Manifest, encoder: str | Encoder | None) -> Iterator[Finding]:
    """Whether ``encoder``, or the one that is named there, still is the one that made the vectors."""
    if encoder is None or isinstance(encoder, str):
        name = encoder or manifest.encoder
        if name != "bundled" and not Path(name).expanduser().is_dir():
            return  # to fetch it, or to import what it needs, is a search's business, which compares it too
        from ..encoders import load_encoder

        try:
            encoder = load_encoder(name)
        except SemsearchError as error:
            yield Finding("encoder", str(error), "bring it back, or run: semsearch rebuild --encoder bundled")
            return
    if encoder.fingerprint != manifest.fingerprint:
        now = f"another state of {manifest.encoder}" if encoder.name == manifest.encoder else manifest.encoder
        yield Finding(
            "encoder",
            f"the vectors were made with {now}, not with {encoder.name} as it is now",
            f"{REBUILD} --encoder {encoder.name}",
        )


def _numbers(store: Store) -> Iterator[Finding]:
    """Whether the small tables, which have no checksums, fit what is there."""
    highest = {"articles": 0, "passages": 0}
    for kind in highest:
        ids = store.all_ids(kind)
        highest[kind] = max(ids, default=0)
        there = set(ids)
        if kind == "articles":
            continue
        if any(
            not there.isdisjoint(range(max(few.start, 0), min(few.stop, highest[kind] + 1)))
            for few in store.pending_term_deletes()
        ):
            yield Finding("numbers", "passages that are there are told to be taken out of the terms", REPAIR)
        if not there.isdisjoint(store.tombstones()):
            yield Finding("numbers", "passages that are there are told to be dead", REPAIR)
    highest["segments"] = max((segment.number for segment in store.segments()), default=0)
    for kind, number in highest.items():
        key = f"next_{kind[:-1]}"
        if not number < _number(store, key):
            yield Finding("numbers", f"{key} is a number that was given already, or none", REPAIR)


def _damaged_articles(store: Store) -> list[int]:
    damaged = []
    for id_ in store.all_ids("articles"):
        try:
            store.passages(store.article(id_))
        except IndexDamaged:
            damaged.append(id_)
    return damaged


def _vectors(folder: Folder, store: Store, manifest: Manifest) -> Iterator[Finding]:
    import numpy as np

    from ..storage.segments import read

    for number in _misnamed(folder, store):
        yield Finding("vectors", f"segment {number} holds other passages than it should", REPAIR)
    expected = np.array(store.all_ids("passages"), np.int64)
    dead = np.array(store.tombstones(), np.int64)
    there = [np.empty(0, np.int64)]
    for segment in store.segments():
        try:
            ids, vectors = read(folder, segment, verify=True)
        except IndexDamaged as error:
            yield Finding("vectors", str(error), REPAIR)
            continue
        if segment.fingerprint == manifest.fingerprint:
            there.append(ids)
            if vectors.shape[1] != manifest.dim:
                yield Finding("vectors", f"segment {segment.number} has vectors of another length", REPAIR)
    ids = np.concatenate(there)
    missing = np.setdiff1d(expected, ids)
    if len(missing):
        yield Finding("vectors", f"{len(missing)} passages have no vector", REPAIR)
    unknown = np.setdiff1d(ids[~np.isin(ids, dead)], expected)
    if len(unknown):
        yield Finding("vectors", f"{len(unknown)} vectors belong to no passage", REPAIR)


def _terms(folder: Folder, store: Store, manifest: Manifest, number: int) -> Iterator[Finding]:
    from ..storage.lexical import FORMAT
    from ..storage.lexical_files import damaged_files, open_readonly

    if manifest.lexical != FORMAT:
        return  # they are made anew in any case

    if without := store.lacking_term_vectors():
        yield Finding("lexical", f"{len(without)} passages have no term vector", REPAIR)
    try:
        index = open_readonly(folder.terms(number))
        damaged = damaged_files(folder.terms(number))
        if damaged:
            raise IndexDamaged(f"{folder.terms(number)}: changed, cut or missing: {', '.join(damaged)}")
        found = set(index.ids())
    except SemsearchError as error:
        yield Finding("lexical", str(error), REPAIR)
        return
    known, left = set(store.all_ids("passages")), store.pending_term_deletes()
    if known - found:
        yield Finding("lexical", f"{len(known - found)} passages have no terms", REPAIR)
    strange = [id_ for id_ in found - known if not any(id_ in ids for ids in left)]
    if strange:
        yield Finding("lexical", f"terms of {len(strange)} passages that are not there", REPAIR)
    if left:
        what = "terms that an interrupted run left are to be taken away"
        yield Finding("lexical", what, "the next run takes them away", "warning")
