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
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from .. import segmentation as sentences
from .. import text
from ..errors import IndexDamaged, IndexMissing, IndexStale
from ..failpoints import failpoint
from ..protocols import Encoder, LateInteraction, Pretokenized
from ..search.ranking import SENTENCES
from ..storage import Store
from ..storage.layout import Folder, Manifest, storage_errors, sync_folder
from ..storage.lexical import FORMAT as LEXICAL
from ..storage.lexical import LexicalIndex, Terms
from ..storage.segments import Shelf, merge, write
from ..types import Article, Passage
from .changes import Draft, Plan
from .prepare import PassageSpans, encoder_texts

if TYPE_CHECKING:
    from ..storage.vectors import Float16Array
    from ..types import Ids

    Text = tuple[str, list[str]]

__all__ = ["Writer", "encoded_parts", "encoded_whole", "kept_token_ids", "manifest_of", "writing"]

_ENCODED_AT_ONCE = 8192
"""Texts given to the encoder at once: their vectors are numbers of 32 bits before they are halved."""

_WRITTEN_AT_ONCE = 16_384
"""Vectors that are gathered at once to be written."""


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

    ``repair`` accepts files that are not as they were sealed.

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
        if writer.changed or not folder.sealed():
            folder.seal()


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
    """A draft with its windows, and what is to be encoded of it."""

    draft: Draft
    windows: PassageSpans
    terms: tuple[Terms, ...]
    texts: list[Text]  # for each passage what the encoder is given for it, and for its sentences
    cut: dict[str, bytes]  # token_ids of texts, where they are known


@dataclass(frozen=True, slots=True)
class _Encoded:
    """Texts with their vectors."""

    rows: dict[str, int]  # by text
    vectors: Float16Array  # (n, dim)
    kept: dict[str, bytes]  # what the encoder keeps of passages

    def of(self, texts: Iterable[str]) -> Iterator[Float16Array]:
        """The vectors of texts, some at a time."""
        rows = np.fromiter(map(self.rows.__getitem__, texts), np.intp)
        return (self.vectors[rows[start : start + _WRITTEN_AT_ONCE]] for start in range(0, len(rows), _WRITTEN_AT_ONCE))


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
        """Clears away what an interrupted run left. Raises IndexDamaged if sealed files are not as they were."""
        broken = self.folder.broken()
        if broken and not repair:
            raise IndexDamaged(f"{', '.join(broken)} in {self.folder.path} changed; run: semsearch doctor --repair")
        if broken or self.store.migrated:
            self.touch()
        if self.folder.written_manifest() != self.manifest.dump():
            self.touch()
            self.folder.write_manifest(self.manifest)
        numbers, lexical = {s.number for s in self.store.segments()}, int(self.store.meta("lexical"))
        if self.folder.strays(numbers, lexical):
            self.touch()
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

    def touch(self) -> None:
        """Before the first byte is written."""
        if not self.changed:
            self.folder.unseal()
            self.changed = True

    def finish(self) -> None:
        """After all batches: what is unwanted goes, small segments are merged."""
        self._delete_terms()
        if self.changed:
            merge(self.folder, self.store, self.manifest.fingerprint)

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
            self.touch()
            self._commit_terms()
            failpoint("terms deleted")
            with self.store.transaction():
                self.store.clear_unwanted()

    def _remove_unwanted(self) -> bool:
        """Terms are told to forget what the database did; they do at their next commit."""
        unwanted = self.store.unwanted()
        for ids in unwanted:
            self.lexical().remove(ids)
        return bool(unwanted)

    # One batch -----------------------------------------------------------------------------

    def commit(self, plan: Plan, encoder: Callable[[], Encoder]) -> None:
        """Makes a plan true. What fails or is killed on the way leaves the index as it was."""
        drafts = plan.drafts()
        keys = sorted(drafts, reverse=True)
        ready = [self._ready(drafts[key]) for key in keys]
        texts = self._encoded(ready, encoder)
        failpoint("ready")
        self.touch()
        articles: list[Article] = []
        passages: list[list[Passage]] = []
        segment = None
        token_ids: dict[int, bytes] = {}
        if ready:
            count = sum(len(item.windows) for item in ready)
            first_article, first_passage, number = self.store.reserve(len(ready), count)
            articles = [replace(item.draft.made.article, id=id_) for id_, item in enumerate(ready, first_article)]
            passages = list(_numbered(articles, ready, first_passage))
            failpoint("reserved")
            if count:
                parts = _parts(passages, ready, texts)
                segment = write(self.folder, number, self.manifest.fingerprint, *parts)
            whole = (text for item in ready for text, _ in item.texts)
            named = zip((passage.id for made in passages for passage in made), whole, strict=True)
            token_ids = {id_: texts.kept[text] for id_, text in named if text in texts.kept}
            self.passages += count
            failpoint("vectors written")
            self._write_terms(articles, ready, passages)
            failpoint("terms written")
        numbers = dict(zip(keys, (article.id for article in articles), strict=True))
        with self.store.transaction():
            if ready:
                self.store.clear_unwanted()
            for key in plan.gone():
                self.store.drop_article(key)
            for article, item, made in zip(articles, ready, passages, strict=True):
                self.store.put_article(article, made, item.draft.made.body_hash)
            self._put_provenance(plan, numbers)
            if segment:
                self.store.put_segment(segment)
                self.store.put_token_ids(self.manifest.fingerprint, token_ids)
            failpoint("committing")
        failpoint("committed")

    def _ready(self, draft: Draft) -> _Ready:
        article, spans, terms = draft.made.article, draft.made.passages, draft.made.terms
        texts = [encoder_texts(article, passage) for passage in spans]
        flat = (text for whole, parts in texts for text in (whole, *parts))
        cut = dict(zip(flat, draft.made.token_ids, strict=False))
        return _Ready(draft, spans, terms, texts, cut)

    def _put_provenance(self, plan: Plan, keys: Mapping[int, int]) -> None:
        for name, source in plan.sources().items():
            if source is None or name in plan.latecomers:  # anew, it gets a later row
                self.store.drop_source(name)
            if source is not None:
                self.store.put_source(replace(source, article=keys.get(source.article, source.article)))
        for path, content in plan.files.items():
            if content is None:
                self.store.drop_file(path)
            else:
                self.store.put_file(path, content)

    def _write_terms(self, articles: list[Article], ready: list[_Ready], passages: list[list[Passage]]) -> None:
        if self.lost_terms:
            return
        titles = [article.title for article, made in zip(articles, passages, strict=True) for _ in made]
        ids = [passage.id for made in passages for passage in made]
        self._remove_unwanted()
        self.lexical().add(ids, [terms for item in ready for terms in item.terms], titles)
        self._commit_terms()

    def _encoded(self, ready: list[_Ready], encoder: Callable[[], Encoder]) -> _Encoded:
        """Every text, those that were encoded before as they are stored."""
        known, kept = self._encoded_before(ready)
        whole = dict.fromkeys(text for item in ready for text, _ in item.texts)
        parts = dict.fromkeys(part for item in ready for _, parts in item.texts for part in parts)
        new = [text for text in whole if text not in known]
        others = [part for part in parts if part not in known and part not in whole]
        self.encoded += len(new) + len(others)
        vectors = [np.stack(list(known.values()))] if known else []
        if new or others:  # else the encoder is not needed: it has seen all of this
            made = {text: token_ids for item in ready for text, token_ids in item.cut.items()}
            cut = _cut(encoder(), [*new, *others], made)
            fresh, token_ids = encoded_whole(encoder(), new, cut)
            vectors += [fresh, encoded_parts(encoder(), others, cut)]
            kept.update(zip(new, token_ids, strict=False))
            kept.update(kept_token_ids(encoder(), [text for text in whole if text not in kept]))
        together = np.concatenate(vectors) if vectors else np.empty((0, self.manifest.dim), np.float16)
        return _Encoded({text: row for row, text in enumerate(chain(known, new, others))}, together, kept)

    def _encoded_before(self, ready: list[_Ready]) -> tuple[dict[str, Float16Array], dict[str, bytes]]:
        """By text its vector, and what the encoder kept of it."""
        before = sorted({id_ for item in ready for id_ in item.draft.before})
        known: dict[str, Float16Array] = {}
        kept: dict[str, bytes] = {}
        passages = self.store.passage_ids(before)
        if not passages:
            return known, kept
        # All at once: each question to the shelf goes through whole segments.
        own, of_sentences = Shelf(self.folder, self.store, self.manifest.fingerprint).vectors(passages)
        token_ids = self.store.token_ids(self.manifest.fingerprint, passages)
        for id_ in before:
            article = self.store.article(id_)
            for passage in self.store.passages(article):
                whole, parts = encoder_texts(article, passage.sentences)
                if passage.id in own:
                    known[whole] = own[passage.id]
                if passage.id in token_ids:
                    kept[whole] = token_ids[passage.id]
                for place, part in enumerate(parts):
                    if passage.id * SENTENCES + place in of_sentences:
                        known[part] = of_sentences[passage.id * SENTENCES + place]
        return known, kept


def encoded_whole(
    encoder: Encoder, texts: Sequence[str], cut: Mapping[str, bytes] | None = None
) -> tuple[Float16Array, list[bytes]]:
    """Vectors of passages ``(n, dim)``, and what the encoder keeps of each; nothing if it does not do that.

    ``cut``: the token_ids of all of them, for an encoder that can be given these.
    """
    vectors, kept = [np.empty((0, encoder.dim), np.float16)], []
    for some in _batches(texts):
        if cut and isinstance(encoder, Pretokenized):
            token_ids = [cut[text] for text in some]
            fresh = encoder.encode_tokens(token_ids)
            kept += token_ids if isinstance(encoder, LateInteraction) else []
        elif isinstance(encoder, LateInteraction):
            fresh, token_ids = encoder.encode_with_tokens(some)
            kept += token_ids
        else:
            fresh = encoder.encode_passages(some)
        vectors.append(fresh.astype(np.float16))
    return np.concatenate(vectors), kept


def encoded_parts(encoder: Encoder, texts: Sequence[str], cut: Mapping[str, bytes] | None = None) -> Float16Array:
    """Vectors of sentences, ``(n, dim)``; ``cut`` as for passages."""
    vectors = [np.empty((0, encoder.dim), np.float16)]
    for some in _batches(texts):
        if cut and isinstance(encoder, Pretokenized):
            fresh = encoder.encode_tokens([cut[text] for text in some])
        else:
            fresh = encoder.encode_passages(some)
        vectors.append(fresh.astype(np.float16))
    return np.concatenate(vectors)


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + _ENCODED_AT_ONCE] for start in range(0, len(texts), _ENCODED_AT_ONCE))


def _cut(encoder: Encoder, texts: Sequence[str], known: dict[str, bytes]) -> dict[str, bytes] | None:
    """The token_ids of texts, those that are not known yet cut here; None if they do not help this encoder."""
    if not isinstance(encoder, Pretokenized) or encoder.tokenizer_spec() is None:
        return None
    lacking = [text for text in texts if text not in known]
    return known | dict(zip(lacking, encoder.token_ids(lacking), strict=True))


def kept_token_ids(encoder: Encoder, texts: Sequence[str]) -> dict[str, bytes]:
    """What an encoder keeps of passages to align queries with, by text; nothing if it does not do that."""
    if not isinstance(encoder, LateInteraction) or not texts:
        return {}
    return dict(zip(texts, encoder.token_ids(texts), strict=True))


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


def _parts(
    passages: list[list[Passage]], ready: list[_Ready], texts: _Encoded
) -> tuple[tuple[Ids, Iterator[Float16Array]], tuple[Ids, Iterator[Float16Array]]]:
    made = [passage for some in passages for passage in some]
    own = np.array([passage.id for passage in made], np.int64)
    sizes = [len(passage.sentences) for passage in made]
    # 0, 1, ..., anew for each passage
    places = np.arange(sum(sizes)) - np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    whole = texts.of(text for item in ready for text, _ in item.texts)
    parts = texts.of(part for item in ready for _, parts in item.texts for part in parts)
    return (own, whole), (np.repeat(own, sizes) * SENTENCES + places, parts)
