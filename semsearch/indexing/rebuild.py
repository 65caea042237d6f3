"""Rebuilding vectors and terms from the database, while readers go on with the old ones.

New vectors are written beside the old ones, in batches that are kept if the run is interrupted; new terms are written
into a folder of their own. One transaction then switches over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..encoders.passages import PassageText
from ..errors import IndexDamaged, IndexMissing
from ..failpoints import failpoint
from ..protocols import Encoder
from ..reports import Progress
from ..storage import Segment, Store
from ..storage.layout import Manifest
from ..storage.lexical import LexicalIndex
from ..storage.lexical_files import file_checksums
from ..storage.segments import open_segment, write_segment
from ..storage.term_vectors import passage_terms
from .changes import ChangeSet
from .encode import Encoded, encode_passages
from .pipeline import BATCH_ARTICLES, BATCH_CHARACTERS
from .writer import Writer

if TYPE_CHECKING:
    from ..types import Ids

__all__ = ["rebuild"]

BATCH_PASSAGES = 1024
"""Passages that are encoded and committed at once."""


def rebuild(writer: Writer, encoder: Callable[[], Encoder], manifest: Manifest, progress: Progress) -> int:
    """Rebuild vectors and terms.

    Args:
        writer: The opened index.
        encoder: Loads the encoder; it is called only if a passage has no vector of it.
        manifest: What the index is made with afterwards.
        progress: Called with the stage, and how much of how much is done.

    Returns:
        How many articles were split into passages again.
    """
    old, store = writer.manifest, writer.store
    writer.changed = True
    writer.manifest = manifest
    changed = 0
    if (old.text, old.sentences, old.window) != (manifest.text, manifest.sentences, manifest.window):
        writer.lost_terms = not _has_terms(writer)
        changed = _split_again(writer, encoder, progress)
    encoded = _encode_missing(writer, encoder, _intact_vectors(writer), progress)
    number = _index_terms(writer, progress)
    failpoint("changing over")
    tombstones = np.array(store.tombstones(), np.int64)
    with store.transaction():
        for segment in store.segments():
            if segment.fingerprint != manifest.fingerprint:
                store.drop_segment(segment.number)
        store.drop_other_token_ids(manifest.fingerprint)
        store.set_tombstones(tombstones[np.isin(tombstones, encoded)].tolist())
        store.clear_pending_term_deletes()
        store.set_meta("lexical", number)
        store.set_meta("lexical_files", json.dumps(file_checksums(writer.folder.terms(number))))
        store.set_meta("manifest", manifest.dump())
    failpoint("changed over")
    writer.close_lexical()
    writer.lost_terms = False
    writer.folder.write_manifest(manifest)
    writer.folder.remove_orphans({segment.number for segment in store.segments()}, number)
    return changed


def _has_terms(writer: Writer) -> bool:
    """Return whether the lexical index can be updated while articles are split again, for readers."""
    try:
        writer.lexical()
    except (IndexDamaged, IndexMissing):
        return False
    return True


def _split_again(writer: Writer, encoder: Callable[[], Encoder], progress: Progress) -> int:
    """Split every article into passages again; vectors of unchanged texts are kept."""
    store = writer.store
    ids = store.all_ids("articles")
    changes = ChangeSet(store)
    for number, id_ in enumerate(ids, 1):
        changes.rebuild_article(id_)
        if changes.size >= BATCH_CHARACTERS or number % BATCH_ARTICLES == 0 or number == len(ids):
            writer.commit(changes, encoder)
            changes = ChangeSet(store)
            progress("splitting", number, len(ids))
    return len(ids)


def _intact_vectors(writer: Writer) -> Ids:
    """Return the passages that have a vector, ascending. Damaged segments are dropped."""
    found = [np.empty(0, np.int64)]
    for segment in writer.store.segments(writer.manifest.fingerprint):
        try:
            found.append(open_segment(writer.folder, segment, verify=True).ids)
        except IndexDamaged:
            with writer.store.transaction():
                writer.store.drop_segment(segment.number)
    return np.unique(np.concatenate(found))


def _encode_missing(writer: Writer, encoder: Callable[[], Encoder], encoded_ids: Ids, progress: Progress) -> Ids:
    """Encode the passages that are not among ``encoded_ids``, and return the ids of all that have a vector then."""
    store = writer.store
    missing = np.setdiff1d(np.array(store.all_ids("passages"), np.int64), encoded_ids)
    done = 0
    for ids in _batches(missing, store.segments(writer.manifest.fingerprint)):
        texts = {id_: PassageText.of(article, passage.sentences) for id_, (passage, article) in store.load(ids).items()}
        encoded = Encoded()
        writer.encoded += encode_passages(encoder(), texts.values(), encoded)
        vectors = np.stack([encoded.vectors[text] for text in texts.values()])
        token_ids = {id_: encoded.token_ids[text].pack() for id_, text in texts.items() if text in encoded.token_ids}
        number = store.reserve(0, 0)[2]
        fingerprint = writer.manifest.fingerprint
        segment = write_segment(writer.folder, number, fingerprint, np.array(list(texts), np.int64), vectors)
        failpoint("vectors written")
        with store.transaction():
            store.put_segment(segment)
            store.put_token_ids(fingerprint, token_ids)
        done += len(ids)
        progress("encoding", done, len(missing))
    return np.union1d(encoded_ids, missing)


def _batches(ids: Ids, segments: list[Segment]) -> Iterator[list[int]]:
    """Yield ``ids`` in batches that do not overlap a segment: segments are told apart by their first and last id."""
    firsts = np.array([segment.first for segment in segments], np.int64)
    gaps = np.searchsorted(firsts, ids)
    for run in np.split(ids, np.flatnonzero(np.diff(gaps)) + 1):
        for start in range(0, len(run), BATCH_PASSAGES):
            yield run[start : start + BATCH_PASSAGES].tolist()


def _index_terms(writer: Writer, progress: Progress) -> int:
    """Index the terms of all passages in a new folder, and return its number. Term vectors that differ are replaced."""
    store = writer.store
    number, total = int(store.meta("lexical")) + 1, store.article_count()
    changed: dict[int, bytes] = {}
    with LexicalIndex.create(writer.folder.terms(number)) as terms:
        done, article = 0, store.next_article(0)
        while article:
            made = {passage.id: passage_terms(passage.text, article.title) for passage in store.passages(article)}
            terms.add(list(made), made.values())
            stored = store.term_vectors(list(made))
            for id_, vector in zip(made, stored, strict=True):
                if vector != made[id_].vector:
                    changed[id_] = made[id_].vector
            if len(changed) >= BATCH_PASSAGES:
                _put_term_vectors(store, changed)
            done, article = done + 1, store.next_article(article.id)
            progress("terms", done, total)
        terms.commit()
    _put_term_vectors(store, changed)
    writer.folder.sync_terms(number)
    return number


def _put_term_vectors(store: Store, term_vectors: dict[int, bytes]) -> None:
    """Store term vectors and clear the dictionary. A batch is kept if the rebuild is interrupted."""
    if term_vectors:
        with store.transaction(visible=False):
            store.put_term_vectors(term_vectors)
        term_vectors.clear()
