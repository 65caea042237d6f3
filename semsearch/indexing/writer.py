"""The one writer: what is under the lock, and the order in which a batch becomes part of the index.

1. Everything is made ready: sentences, windows, vectors. Nothing is written.
2. Ids are reserved; under them vectors and terms are written, durably. Nobody knows them yet.
3. One transaction of the database names them, and takes away what they replace. This is the change.
4. Terms of what was taken away are deleted with the next batch, or at the end.

Killed before 3, the old state holds and ``recover`` clears away what was written; after 3, the new one does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from .. import segmentation as sentences
from .. import text
from ..encoders.passages import PassageText, TokenIds
from ..errors import IndexMissing, IndexStale
from ..failpoints import failpoint
from ..protocols import Encoder
from ..storage import Store
from ..storage.layout import Folder, Manifest, storage_errors, sync_folder
from ..storage.lexical import FORMAT as LEXICAL
from ..storage.lexical import LexicalIndex
from ..storage.segments import StoredVectors, write_segment
from ..storage.term_vectors import PassageTerms
from ..types import Article, Passage
from .changes import ChangeSet, PendingArticle
from .encode import Encoded, PretokenizedPassage, encode_passages
from .merge import merge_segments
from .prepare import PassageSpans

__all__ = ["Writer", "manifest_of", "writing"]


def manifest_of(encoder: Encoder, made_with: str) -> Manifest:
    """What an index made now, with ``encoder``, is made with."""
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
    """The writer, alone; the folder is made if ``new`` is given and there is none.

    With ``repair`` terms may be damaged: what waits to be deleted from them is left alone.

    Raises IndexLocked, IndexMissing, IndexDamaged, IndexStale, StorageError.
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
    # What is here was left by a run that was killed before there was anything to lose.
    for path in (folder.vectors, folder.lexical):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.path.glob("store.db*"):
        path.unlink()
    LexicalIndex.create(folder.terms(1)).close()
    folder.sync_terms(1)
    failpoint("created terms")
    store = Store.create(folder.database, {"manifest": manifest.dump(), "lexical": 1})
    failpoint("created database")
    folder.write_manifest(manifest)
    return store


@dataclass(frozen=True, slots=True)
class _Ready:
    """A pending article with its passages, and what is to be encoded of it."""

    pending: PendingArticle
    windows: PassageSpans
    terms: tuple[PassageTerms, ...]
    texts: list[PassageText]  # of each passage
    pretokenized: dict[PassageText, PretokenizedPassage]


class Writer:
    """A session of writing. ``changed`` tells whether anything was written."""

    def __init__(self, folder: Folder, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.manifest = Manifest.parse(str(store.meta("manifest")), folder.database)
        self.changed = False
        self.encoded = 0  # texts that went through the encoder
        self.passages = 0  # passages made
        self.lost_terms = False  # they are of another format, or damaged: rebuild makes all of them
        self._lexical: LexicalIndex | None = None

    # Before and after ----------------------------------------------------------------------

    def recover(self, *, repair: bool) -> None:
        """Remove what an interrupted run left."""
        if self.folder.written_manifest() != self.manifest.dump():
            self.folder.write_manifest(self.manifest)
        numbers, lexical = {s.number for s in self.store.segments()}, int(self.store.meta("lexical"))
        if self.folder.strays(numbers, lexical):
            self.changed = True
            failpoint("sweep")
            self.folder.sweep(numbers, lexical)
        if not repair:
            self._delete_terms()

    def require_current(self) -> None:
        """Raises IndexStale if what is there was split or cleaned by another version."""
        old = self.manifest
        if (old.text, old.sentences, old.window, old.lexical) != (
            text.VERSION,
            sentences.VERSION,
            sentences.PASSAGE_SYLLABLES,
            LEXICAL,
        ):
            raise IndexStale(
                f"the index at {self.folder.path} was made by another version of semsearch ({old.made_with}), "
                "which splits texts otherwise; run: semsearch rebuild"
            )

    def finish(self) -> None:
        """After all batches: what is unwanted goes, small segments are merged."""
        self._delete_terms()
        if self.changed:
            merge_segments(self.folder, self.store, self.manifest.fingerprint)

    def close_lexical(self) -> None:
        """Lets the terms go; they are opened again where they are needed."""
        if self._lexical is not None:
            self._lexical.close()
            self._lexical = None

    def close(self) -> None:
        self.close_lexical()
        if self.changed:
            self.store.checkpoint()
        self.store.close()

    def lexical(self) -> LexicalIndex:
        """The terms, opened when first needed."""
        if self._lexical is None:
            self._lexical = LexicalIndex.open(self.folder.terms(int(self.store.meta("lexical"))))
        return self._lexical

    def _commit_terms(self) -> None:
        self.lexical().commit()
        # tantivy syncs what it writes, but not the name under which its last file, the one that counts, now stands.
        sync_folder(self.folder.terms(int(self.store.meta("lexical"))))

    def _delete_terms(self) -> None:
        if self.manifest.lexical == LEXICAL and self._remove_unwanted():  # else only rebuild can do anything with them
            self.changed = True
            self._commit_terms()
            failpoint("terms deleted")
            with self.store.transaction():
                self.store.clear_pending_term_deletes()

    def _remove_unwanted(self) -> bool:
        """Terms are told to forget what the database did; they do at their next commit."""
        unwanted = self.store.pending_term_deletes()
        for ids in unwanted:
            self.lexical().remove(ids)
        return bool(unwanted)

    # One batch -----------------------------------------------------------------------------

    def commit(self, changes: ChangeSet, encoder: Callable[[], Encoder]) -> None:
        """Write a batch of changes. If this fails or is killed on the way, the index stays as it was."""
        changes.finish()
        pending = changes.pending()
        keys = sorted(pending, reverse=True)
        ready = [self._ready(pending[key]) for key in keys]
        encoded = self._encoded(ready, encoder)
        failpoint("ready")
        self.changed = True
        articles: list[Article] = []
        passages: list[list[Passage]] = []
        segment = None
        token_ids: dict[int, bytes] = {}
        terms: dict[int, PassageTerms] = {}
        if ready:
            count = sum(len(item.windows) for item in ready)
            first_article, first_passage, number = self.store.reserve(len(ready), count)
            articles = [replace(item.pending.prepared.article, id=id_) for id_, item in enumerate(ready, first_article)]
            passages = list(_numbered(articles, ready, first_passage))
            failpoint("reserved")
            texts = [text for item in ready for text in item.texts]
            ids = range(first_passage, first_passage + count)
            if count:
                vectors = np.stack([encoded.vectors[text] for text in texts])
                segment = write_segment(
                    self.folder, number, self.manifest.fingerprint, np.array(ids, np.int64), vectors
                )
            for id_, text in zip(ids, texts, strict=True):
                if text in encoded.token_ids:
                    token_ids[id_] = encoded.token_ids[text].pack()
            self.passages += count
            failpoint("vectors written")
            terms = dict(zip(ids, (terms for item in ready for terms in item.terms), strict=True))
            self._write_terms(terms)
            failpoint("terms written")
        numbers = dict(zip(keys, (article.id for article in articles), strict=True))
        with self.store.transaction():
            if ready:
                self.store.clear_pending_term_deletes()
            for key in changes.removed_articles():
                self.store.drop_article(key)
            for article, item, made in zip(articles, ready, passages, strict=True):
                self.store.put_article(article, made, item.pending.prepared.body_hash)
            self._put_provenance(changes, numbers)
            self.store.put_term_vectors({id_: passage.vector for id_, passage in terms.items()})
            if segment:
                self.store.put_segment(segment)
                self.store.put_token_ids(self.manifest.fingerprint, token_ids)
            failpoint("committing")
        failpoint("committed")

    def _ready(self, pending: PendingArticle) -> _Ready:
        article, spans, terms = pending.prepared.article, pending.prepared.passages, pending.prepared.terms
        texts = [PassageText.of(article, passage) for passage in spans]
        return _Ready(pending, spans, terms, texts, _pretokenized(texts, pending.prepared.token_ids))

    def _put_provenance(self, changes: ChangeSet, keys: Mapping[int, int]) -> None:
        for name in changes.removed_sources():
            self.store.drop_source(name)
        for source in changes.sources():
            self.store.put_source(replace(source, article=keys.get(source.article, source.article)))
        for path, content in changes.files.items():
            if content is None:
                self.store.drop_file(path)
            else:
                self.store.put_file(path, content)

    def _write_terms(self, terms: Mapping[int, PassageTerms]) -> None:
        if self.lost_terms:
            return
        self._remove_unwanted()
        self.lexical().add(list(terms), terms.values())
        self._commit_terms()

    def _encoded(self, ready: list[_Ready], encoder: Callable[[], Encoder]) -> Encoded:
        """Every passage, those that were encoded before as they are stored."""
        encoded = self._encoded_before(ready)
        texts = [text for item in ready for text in item.texts]
        if any(text not in encoded.vectors for text in texts):  # else the encoder is not needed: it has seen all of it
            pretokenized = {text: made for item in ready for text, made in item.pretokenized.items()}
            self.encoded += encode_passages(encoder(), texts, encoded, pretokenized)
        return encoded

    def _encoded_before(self, ready: list[_Ready]) -> Encoded:
        """The vectors and token ids of the articles that are replaced."""
        before = sorted({id_ for item in ready for id_ in item.pending.replaces})
        passages = self.store.passage_ids(before)
        encoded = Encoded()
        if not passages:
            return encoded
        # All at once: each look-up goes through whole segments.
        fingerprint = self.manifest.fingerprint
        vectors = StoredVectors(self.folder, self.store, fingerprint).vectors(passages)
        token_ids = self.store.token_ids(fingerprint, passages)
        for id_ in before:
            article = self.store.article(id_)
            for passage in self.store.passages(article):
                text = PassageText.of(article, passage.sentences)
                if passage.id in vectors:
                    encoded.vectors[text] = vectors[passage.id]
                if passage.id in token_ids:
                    encoded.token_ids[text] = TokenIds.unpack(token_ids[passage.id])
        return encoded


def _numbered(articles: Iterable[Article], ready: Iterable[_Ready], first: int) -> Iterator[list[Passage]]:
    for article, item in zip(articles, ready, strict=True):
        made = []
        for position, spans in enumerate(item.windows):
            start, end = spans[0].start, spans[-1].end
            made.append(
                Passage(first + position, article.id, position, start, end, article.text[start:end], tuple(spans))
            )
        first += len(made)
        yield made


def _pretokenized(texts: Sequence[PassageText], token_ids: Sequence[bytes]) -> dict[PassageText, PretokenizedPassage]:
    """The token ids that ``prepare`` computed, by passage; none if it did not."""
    found: dict[PassageText, PretokenizedPassage] = {}
    remaining = iter(token_ids)
    for passage in texts if token_ids else ():
        encoded, title, *sentence_ids = islice(remaining, 1 + len(passage.parts))
        found[passage] = PretokenizedPassage(encoded, TokenIds(title, tuple(sentence_ids)))
    return found
