"""Looks for everything that can be wrong with an index's folder, and mends what SQLite still knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import EncoderUnavailable, IndexDamaged, IndexMissing, IndexUnusable, SemsearchError
from ..store import Store
from ..types import Encoder
from .folder import Folder, Manifest
from .paths import absolute
from .reports import Finding

__all__ = ["doctor"]

REPAIR = "run: semsearch doctor --repair"
NEXT = "the next run mends it"
ANEW = "delete the folder and index anew"


def doctor(path: str | Path, *, repair: bool = False, encoder: str | Encoder | None = None) -> list[Finding]:
    """Everything that is wrong with the index at ``path``; also where ``Index.open`` refuses it.

    With ``repair`` what can be made again from the database is, and the findings tell what was mended. An
    article that is damaged itself is taken out, and read again with the next ``sync`` of its path.
    ``encoder`` is needed only for lost vectors; None is the one the index was made with.

    Raises IndexMissing, and with ``repair`` IndexLocked and StorageError.
    """
    folder = Folder(Path(absolute(path)))
    if not folder.exists():
        folder.require()
    findings = list(_examined(folder))
    if not repair or not findings:
        return findings
    try:
        trouble = _repair(folder, encoder, {finding.part for finding in findings})
    except (IndexMissing, IndexDamaged) as error:
        trouble = str(error)
    left = list(_examined(folder))
    told = [replace(finding, repaired=True) for finding in findings if finding not in left] + left
    if trouble:
        told.append(Finding("index", f"not everything could be mended: {trouble}", ANEW))
    return told


def _repair(folder: Folder, encoder: str | Encoder | None, parts: set[str]) -> str:
    """Mends; what could not be, in words."""
    from .rebuild import rebuild
    from .writer import writing

    with writing(folder, repair=True) as writer:
        for id_ in _damaged_articles(writer.store):
            writer.touch()
            with writer.store.transaction():
                writer.store.lose_article(id_)
        if not parts & {"vectors", "lexical"}:
            return ""

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


# What there is to see --------------------------------------------------------------------------


def _examined(folder: Folder) -> Iterator[Finding]:
    writer = folder.writer()
    if writer:
        yield Finding("lock", f"{writer} is writing; what is found may be passing", "look again later", "warning")
    yield from _manifest(folder)
    try:
        store = Store.open(folder.database)
    except IndexUnusable as error:
        yield Finding("store.db", str(error), ANEW)
        return
    try:
        yield from _database(folder, store)
    finally:
        store.close()
    broken = folder.broken()
    for name in broken:
        yield Finding(
            name,
            f"{name} changed since it was written",
            ANEW if name.startswith("store.db") else REPAIR,
        )


def _manifest(folder: Folder) -> Iterator[Finding]:
    try:
        if folder.manifest() is None:
            yield Finding("manifest.json", "the manifest is missing", REPAIR, "warning")
    except SemsearchError as error:
        yield Finding("manifest.json", str(error), REPAIR)


def _database(folder: Folder, store: Store) -> Iterator[Finding]:
    for problem in store.problems():
        yield Finding("store.db", problem, ANEW)
    try:
        manifest = Manifest.parse(str(store.meta("manifest")), folder.database)
        lexical = int(store.meta("lexical"))
        numbers = {segment.number for segment in store.segments()}
        if folder.written_manifest() not in ("", manifest.dump()):
            yield Finding("manifest.json", "the manifest is not what the database says", NEXT, "warning")
        for id_ in _damaged_articles(store):
            yield Finding("articles", f"article {id_} is not as it was written", f"{REPAIR}, then index its path again")
        yield from _vectors(folder, store, manifest)
        yield from _terms(folder, store, lexical)
        for name in folder.strays(numbers, lexical):
            yield Finding(name, f"{name} was left by an interrupted run", "the next run takes it away", "warning")
    except (IndexDamaged, ValueError) as error:
        yield Finding("store.db", str(error), ANEW)


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

    from .ranking import SENTENCES
    from .segments import read

    wanted = {"passages": store.all_ids("passages"), "sentences": store.sentence_ids(SENTENCES)}
    dead = np.array(store.dead(), np.int64)
    for kind, expected in wanted.items():
        factor = 1 if kind == "passages" else SENTENCES
        there = [np.empty(0, np.int64)]
        for segment in store.segments():
            try:
                ids, vectors = read(folder, segment, kind, verify=True)
            except IndexDamaged as error:
                yield Finding("vectors", str(error), REPAIR)
                continue
            if segment.fingerprint == manifest.fingerprint:
                there.append(ids)
                if vectors.shape[1] != manifest.dim:
                    yield Finding("vectors", f"segment {segment.number} has vectors of another length", REPAIR)
        ids = np.concatenate(there)
        missing = np.setdiff1d(np.array(expected, np.int64), ids)
        if len(missing):
            yield Finding("vectors", f"{len(missing)} {kind} have no vector", REPAIR)
        unknown = np.setdiff1d(ids[~np.isin(ids // factor, dead)], np.array(expected, np.int64))
        if len(unknown):
            yield Finding("vectors", f"{len(unknown)} vectors belong to no {kind[:-1]}", REPAIR)


def _terms(folder: Folder, store: Store, number: int) -> Iterator[Finding]:
    from .shadow import Terms

    for kind in ("passages", "articles"):
        try:
            found = set(Terms(folder.terms(number, kind), verify=True).index.ids())
        except IndexUnusable as error:
            yield Finding("lexical", str(error), REPAIR)
            continue
        known = set(store.all_ids(kind))
        left = {id_ for ids in store.unwanted(kind) for id_ in ids}
        if known - found:
            yield Finding("lexical", f"{len(known - found)} {kind} have no terms", REPAIR)
        if found - known - left:
            yield Finding("lexical", f"terms of {len(found - known - left)} {kind} that are not there", REPAIR)
        if left:
            what = "terms that an interrupted run left are to be taken away"
            yield Finding("lexical", what, "the next run takes them away", "warning")
