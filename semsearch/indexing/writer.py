"""The index writer: locking and the commit protocol.

1. Articles are prepared and encoded. Nothing is written.
2. Ids are reserved; vectors and terms are written under them, durably. No reader knows them yet.
3. One transaction of the database names them, and deletes what they replace. This is the commit.
4. Terms of what was deleted are deleted with the next batch, or at the end.

A run that is killed before step 3 leaves the old state, and the next writer removes what it wrote; after step 3 the new
state holds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from .. import segmentation as sentences
from .. import text
from ..encoders.passages import PassageText, TokenIds
from ..errors import IndexMissing, IndexStale
from ..failpoints import failpoint
from ..protocols import Encoder
from ..storage import Segment, Store
from ..storage.layout import Folder, Manifest, storage_errors, sync_folder
from ..storage.lexical import FORMAT as LEXICAL
from ..storage.lexical import LexicalIndex
from ..storage.lexical_files import file_checksums
from ..storage.segments import StoredVectors, write_segment
from ..storage.term_vectors import PassageTerms
from ..types import Article, Passage
from .changes import ChangeSet, PendingArticle
from .encode import Encoded, PretokenizedPassage, encode_passages
from .merge import merge_segments
from .prepare import PassageSpans

__all__ = ["Writer", "manifest_of", "writing"]


def manifest_of(encoder: Encoder, made_with: str) -> Manifest:
    """Return the manifest of an index that is made now.

    Args:
        encoder: The encoder of the index.
        made_with: The version of semsearch that created the index.
    """
    describe = getattr(encoder, "describe", dict)
    return Manifest(
        encoder=encoder.name,
        fingerprint=encoder.fingerprint,
        dim=encoder.dim,
        text=text.VERSION,
        sentences=sentences.VERSION,
        window=sentences.PASSAGE_SYLLABLES,
        lexical=LEXICAL,
        made_with=made_with,
        details=describe(),
    )


@contextmanager
def writing(folder: Folder, new: Manifest | None = None, *, repair: bool = False) -> Iterator[Writer]:
    """Open the index for writing, under its lock.

    Args:
        folder: The folder of the index.
        new: The manifest with which an index is created if there is none.
        repair: Whether terms may be damaged: those that wait to be deleted are left alone.

    Raises:
        IndexLocked: Another process is writing.
        IndexMissing: There is no index, and ``new`` is None.
        IndexDamaged: The index cannot be opened.
        IndexStale: It was written by a later version of semsearch.
        StorageError: The disk is full, read-only or not writable.
    """
    if new is None:
        folder.require()
    with folder.locked(), storage_errors(folder.path):
        try:
            store = Store.open(folder.database, write=True)
        except IndexMissing:
            if new is None:
                raise
            store = _create(folder, new)
        try:
            writer = Writer(folder, store)
        except BaseException:
            store.close()
            raise
        try:
            writer.recover(repair=repair)
            yield writer
            writer.finish()
        finally:
            writer.close()


def _create(folder: Folder, manifest: Manifest) -> Store:
    # A run that was killed may have left files here; there is no database yet, so they hold nothing.
    for path in (folder.vectors, folder.lexical):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.path.glob("store.db*"):
        path.unlink()
    LexicalIndex.create(folder.terms(1)).close()
    folder.sync_terms(1)
    failpoint("created terms")
    store = Store.create(folder.database, {"manifest": manifest.dump(), "lexical": 1, "lexical_files": "{}"})
    failpoint("created database")
    folder.write_manifest(manifest)
    return store


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article under its id with its numbered passages: the form in which a transaction stores it."""

    article: Article
    passages: list[Passage]


@dataclass(slots=True)
class _Written:
    """What was written of a batch before its transaction."""

    articles: list[StoredArticle] = field(default_factory=list)
    terms: dict[int, PassageTerms] = field(default_factory=dict)  # by passage id, as are the token ids
    token_ids: dict[int, bytes] = field(default_factory=dict)
    segment: Segment | None = None


class Writer:
    """One session of writing.

    Attributes:
        folder: The folder of the index.
        store: Its database.
        manifest: What the index is made with.
        changed: Whether anything was written.
        encoded: How many texts were encoded.
        passages: How many passages were added.
        lost_terms: Whether the lexical index is damaged or of another format: batches leave it alone then, and
            ``rebuild`` makes a new one.
    """

    def __init__(self, folder: Folder, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.manifest = Manifest.parse(str(store.meta("manifest")), folder.database)
        self.changed = False
        self.encoded = 0
        self.passages = 0
        self.lost_terms = False
        self._lexical: LexicalIndex | None = None

    # Before and after ----------------------------------------------------------------------

    def recover(self, *, repair: bool) -> None:
        """Remove what an interrupted run left."""
        if self.folder.written_manifest() != self.manifest.dump():
            self.folder.write_manifest(self.manifest)
        segments = {segment.number for segment in self.store.segments()}
        lexical = int(self.store.meta("lexical"))
        if self.folder.orphans(segments, lexical):
            self.changed = True
            failpoint("sweep")
            self.folder.remove_orphans(segments, lexical)
        if not repair:
            self._delete_terms()

    def require_current(self) -> None:
        """Raise IndexStale if the texts were cleaned or split by another version."""
        old = self.manifest
        if (old.text, old.sentences, old.window, old.lexical) != (
            text.VERSION,
            sentences.VERSION,
            sentences.PASSAGE_SYLLABLES,
            LEXICAL,
        ):
            raise IndexStale(
                f"The index at {self.folder.path} was made by another version of semsearch ({old.made_with}), "
                "which splits texts differently; run: semsearch rebuild"
            )

    def finish(self) -> None:
        """Delete the terms that wait for it, and merge small segments."""
        self._delete_terms()
        if self.changed:
            merge_segments(self.folder, self.store, self.manifest.fingerprint)

    def close_lexical(self) -> None:
        """Close the lexical index; it is opened again when it is needed."""
        if self._lexical is not None:
            self._lexical.close()
            self._lexical = None

    def close(self) -> None:
        """Close the index."""
        self.close_lexical()
        if self.changed:
            self.store.checkpoint()
        self.store.close()

    def lexical(self) -> LexicalIndex:
        """Return the lexical index, opened at the first call."""
        if self._lexical is None:
            self._lexical = LexicalIndex.open(self.folder.terms(int(self.store.meta("lexical"))))
        return self._lexical

    def _commit_terms(self) -> None:
        self.lexical().commit()
        # tantivy syncs its files, but not the name of the last one, meta.json, which makes the commit.
        sync_folder(self.folder.terms(int(self.store.meta("lexical"))))

    def _delete_terms(self) -> None:
        if self.manifest.lexical != LEXICAL:
            return  # only a rebuild helps
        if self._request_term_deletes():
            self.changed = True
            self._commit_terms()
            failpoint("terms deleted")
            with self.store.transaction():
                self.store.clear_pending_term_deletes()
                self._record_lexical_files()

    def _record_lexical_files(self) -> None:
        """Record the checksums of the lexical index's files, in the transaction that follows its commit."""
        checksums = file_checksums(self.folder.terms(int(self.store.meta("lexical"))))
        self.store.set_meta("lexical_files", json.dumps(checksums))

    def _request_term_deletes(self) -> bool:
        """Delete terms of deleted passages with the next commit of the lexical index; return whether there are any."""
        pending = self.store.pending_term_deletes()
        for ids in pending:
            self.lexical().remove(ids)
        return bool(pending)

    # One batch -----------------------------------------------------------------------------

    def commit(self, changes: ChangeSet, encoder: Callable[[], Encoder]) -> None:
        """Write a batch of changes. If this fails or is killed on the way, the index stays as it was.

        Args:
            changes: What to add, replace and delete.
            encoder: Loads the encoder; it is called only if a text has to be encoded.
        """
        changes.finish()
        pending_by_key = changes.pending()
        keys = sorted(pending_by_key, reverse=True)
        pending = [pending_by_key[key] for key in keys]
        texts = [_passage_texts(item) for item in pending]
        encoded = self._encode(pending, texts, encoder)
        failpoint("ready")
        self.changed = True
        written = self._write_files(pending, texts, encoded) if pending else _Written()
        article_ids = dict(zip(keys, [stored.article.id for stored in written.articles], strict=True))
        with self.store.transaction():
            if pending:
                self.store.clear_pending_term_deletes()
            for key in changes.removed_articles():
                self.store.drop_article(key)
            for stored, item in zip(written.articles, pending, strict=True):
                self.store.put_article(stored.article, stored.passages, item.prepared.body_hash)
            self._put_sources(changes, article_ids)
            self.store.put_term_vectors({id_: terms.vector for id_, terms in written.terms.items()})
            self.store.put_token_ids(self.manifest.fingerprint, written.token_ids)
            if written.segment:
                self.store.put_segment(written.segment)
            if pending and not self.lost_terms:
                self._record_lexical_files()
            failpoint("committing")
        failpoint("committed")

    def _write_files(
        self, pending: Sequence[PendingArticle], texts_by_article: Sequence[list[PassageText]], encoded: Encoded
    ) -> _Written:
        """Reserve ids, and write vectors and terms under them."""
        texts = [passage for texts in texts_by_article for passage in texts]
        first_article, first_passage, number = self.store.reserve(len(pending), len(texts))
        ids = range(first_passage, first_passage + len(texts))
        written = _Written()
        for article_id, item in enumerate(pending, first_article):
            article = replace(item.prepared.article, id=article_id)
            passages = _numbered_passages(article, item.prepared.passages, first_passage)
            written.articles.append(StoredArticle(article, passages))
            first_passage += len(item.prepared.passages)
        failpoint("reserved")
        if texts:
            vectors = np.stack([encoded.vectors[passage] for passage in texts])
            fingerprint = self.manifest.fingerprint
            written.segment = write_segment(self.folder, number, fingerprint, np.array(ids, np.int64), vectors)
        for id_, passage in zip(ids, texts, strict=True):
            if passage in encoded.token_ids:
                written.token_ids[id_] = encoded.token_ids[passage].pack()
        self.passages += len(texts)
        failpoint("vectors written")
        terms = [passage_terms for item in pending for passage_terms in item.prepared.terms]
        written.terms = dict(zip(ids, terms, strict=True))
        if not self.lost_terms:
            self._request_term_deletes()
            self.lexical().add(list(ids), terms)
            self._commit_terms()
        failpoint("terms written")
        return written

    def _put_sources(self, changes: ChangeSet, article_ids: Mapping[int, int]) -> None:
        for name in changes.removed_sources():
            self.store.drop_source(name)
        for source in changes.sources():
            self.store.put_source(replace(source, article=article_ids.get(source.article, source.article)))
        for path, content_hash in changes.files.items():
            if content_hash is None:
                self.store.drop_file(path)
            else:
                self.store.put_file(path, content_hash)

    def _encode(
        self,
        pending: Sequence[PendingArticle],
        texts_by_article: Sequence[list[PassageText]],
        encoder: Callable[[], Encoder],
    ) -> Encoded:
        """Return vectors and token ids of all passages; those of replaced articles are used again."""
        encoded = self._encoded_before(pending)
        texts = [passage for texts in texts_by_article for passage in texts]
        if any(passage not in encoded.vectors for passage in texts):
            pretokenized: dict[PassageText, PretokenizedPassage] = {}
            for item, passages in zip(pending, texts_by_article, strict=True):
                pretokenized |= _pretokenized(passages, item.prepared.token_ids)
            self.encoded += encode_passages(encoder(), texts, encoded, pretokenized)
        return encoded

    def _encoded_before(self, pending: Sequence[PendingArticle]) -> Encoded:
        """Return vectors and token ids of the articles that are replaced."""
        replaced = sorted({id_ for item in pending for id_ in item.replaces})
        passage_ids = self.store.passage_ids(replaced)
        encoded = Encoded()
        if not passage_ids:
            return encoded
        fingerprint = self.manifest.fingerprint
        vectors = StoredVectors(self.folder, self.store, fingerprint).vectors(passage_ids)
        token_ids = self.store.token_ids(fingerprint, passage_ids)
        for id_ in replaced:
            article = self.store.article(id_)
            for passage in self.store.passages(article):
                passage_text = PassageText.of(article, passage.sentences)
                if passage.id in vectors:
                    encoded.vectors[passage_text] = vectors[passage.id]
                if passage.id in token_ids:
                    encoded.token_ids[passage_text] = TokenIds.unpack(token_ids[passage.id])
        return encoded


def _passage_texts(pending: PendingArticle) -> list[PassageText]:
    """Return the texts of an article's passages."""
    article = pending.prepared.article
    return [PassageText.of(article, spans) for spans in pending.prepared.passages]


def _numbered_passages(article: Article, passages: PassageSpans, first_id: int) -> list[Passage]:
    """Return the passages of an article with ids from ``first_id`` on."""
    numbered = []
    for position, spans in enumerate(passages):
        start, end = spans[0].start, spans[-1].end
        text_of_passage = article.text[start:end]
        numbered.append(Passage(first_id + position, article.id, position, start, end, text_of_passage, tuple(spans)))
    return numbered


def _pretokenized(texts: Sequence[PassageText], token_ids: Sequence[bytes]) -> dict[PassageText, PretokenizedPassage]:
    """Return the token ids that ``prepare`` computed, by passage; none if it did not."""
    found: dict[PassageText, PretokenizedPassage] = {}
    if not token_ids:
        return found
    remaining = iter(token_ids)
    for passage in texts:
        encoded, title, *sentence_ids = islice(remaining, 1 + len(passage.parts))
        found[passage] = PretokenizedPassage(encoded, TokenIds(title, tuple(sentence_ids)))
    return found
