"""An index as its users see it: open or create it, keep it up to date, search it, ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Self, get_args

from .answering import answer, check_limit, search_and_rerank
from .errors import IndexMissing, IngestError, UsageError
from .explain import Explanation, explain
from .filters import NO_FILTER, Filter
from .index_encoder import IndexEncoder
from .paths import absolute
from .protocols import Encoder, Reader, Reranker
from .reader.loading import load_reader
from .reports import Finding, Progress, Status, SyncReport, no_progress
from .search.snapshot import Snapshot, SnapshotManager
from .storage import Store
from .storage.layout import Folder
from .text import as_query
from .types import Answer, Article, Duplicates, Hit, Mode, Passage, Query, Scores, VectorSearch

if TYPE_CHECKING:
    from .indexing.updater import IndexUpdater

__all__ = ["Index"]


class Index:
    """Articles that can be searched, kept in a folder.

    ``Index.open``, ``Index.create`` and ``Index.open_or_create`` return one; use it as a context manager, or call
    ``close``. Any number of readers, in other processes too, and one writer at a time may use the same folder; a
    reader sees every committed change at its next call. Threads may share an index: they search side by side.

    Whatever reads may raise IndexDamaged; whatever writes may raise IndexLocked and StorageError.
    """

    path: Path
    _folder: Folder
    _snapshots: SnapshotManager
    _encoder: IndexEncoder
    _threads: int | None
    _may_create: bool
    _loading: RLock
    _updater: IndexUpdater | None
    _reader: Reader | None

    def __init__(self) -> None:
        raise TypeError("Use Index.open, Index.create or Index.open_or_create.")

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        encoder: str | Encoder | None = None,
        threads: int | None = None,
        vectors: VectorSearch = "auto",
    ) -> Self:
        """Open an existing index.

        Args:
            path: The folder.
            encoder: ``None`` means the one that the index was made with, loaded when it is first needed.
            threads: How many threads encode and compare vectors; ``None`` leaves it to the libraries.
            vectors: "exact" reads all vectors into memory and compares every one, "approximate" searches large
                segments by their PQ codes, "auto" does so from 100,000 vectors on. The index does not store it.

        Raises:
            IndexMissing: There is no index.
            IndexDamaged: A file is missing or was changed.
            IndexStale: It was made with another encoder, or by a later version of semsearch.
            EncoderUnavailable: The encoder cannot be loaded.
        """
        index = cls._at(path, encoder, threads, vectors)
        index._snapshots.open()
        if encoder is not None:
            index._encoder.matching(index._snapshots.manifest())
        return index

    @classmethod
    def create(
        cls,
        path: str | Path,
        encoder: str | Encoder = "bundled",
        *,
        threads: int | None = None,
        vectors: VectorSearch = "auto",
    ) -> Self:
        """Create an empty index; arguments as in ``open``.

        Raises:
            UsageError: There is an index already, or the folder contains other files.
        """
        index = cls._at(path, encoder, threads, vectors, may_create=True)
        if index._folder.exists():
            raise UsageError(f"There is already an index at {index.path}.")
        index._updating().create()
        return index

    @classmethod
    def open_or_create(
        cls,
        path: str | Path,
        *,
        encoder: str | Encoder | None = None,
        threads: int | None = None,
        vectors: VectorSearch = "auto",
    ) -> Self:
        """Open an index; if there is none, the first change creates it. Arguments and errors as in ``open``."""
        try:
            return cls.open(path, encoder=encoder, threads=threads, vectors=vectors)
        except IndexMissing:
            return cls._at(path, encoder, threads, vectors, may_create=True)

    @classmethod
    def _at(
        cls,
        path: str | Path,
        encoder: str | Encoder | None,
        threads: int | None,
        vectors: VectorSearch,
        *,
        may_create: bool = False,
    ) -> Self:
        if vectors not in get_args(VectorSearch):
            choices = ", ".join(get_args(VectorSearch))
            raise UsageError(f"Unknown value for `vectors`: {vectors!r} (choose {choices}).")
        index = object.__new__(cls)
        index.path = Path(absolute(path))
        index._folder = Folder(index.path)
        index._snapshots = SnapshotManager(index._folder, threads, vectors)
        index._encoder = IndexEncoder(index.path, encoder, threads)
        index._threads = threads
        index._may_create = may_create
        index._loading = RLock()
        index._updater = None
        index._reader = None
        return index

    def close(self) -> None:
        """Close the connections to the index."""
        self._snapshots.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Return the number of articles."""
        return self.status().articles

    @property
    def encoder(self) -> Encoder:
        """The encoder of the index.

        Raises:
            EncoderUnavailable: It cannot be loaded.
            IndexStale: It is not the one that the index was made with.
        """
        return self._encoder.matching(self._snapshots.manifest())

    @property
    def reader(self) -> Reader:
        """The bundled reader, loaded when it is first needed."""
        with self._loading:
            if self._reader is None:
                self._reader = load_reader(encoder=self._encoder.loaded)
            return self._reader

    # Writing -------------------------------------------------------------------------------

    def sync(
        self,
        paths: Sequence[str | Path] | None = None,
        *,
        progress: Progress | None = None,
        on_error: Callable[[IngestError], None] | None = None,
    ) -> SyncReport:
        """Make the index hold exactly the articles in ``paths``.

        New articles are added, changed ones replaced, and those no longer found in ``paths`` removed; articles from
        elsewhere stay. Unchanged files are not parsed, and a text with several sources is stored once. Changes are
        committed in batches: an interrupted run is continued by the next one.

        Args:
            paths: Files, folders and globs; ``None`` means all paths that the index knows.
            progress: Called as ``progress(stage, done, total)``.
            on_error: Called for a file or record that cannot be read; what the index holds of it stays.

        Raises:
            UsageError: A path neither exists nor is known.
        """
        return self._updating().sync(paths, progress, on_error)

    def add(self, articles: Iterable[Article], *, progress: Progress | None = None) -> SyncReport:
        """Add articles, or replace those whose source is known.

        Raises:
            UsageError: An article has no text or no source, or something that cannot be stored.
        """
        return self._updating().add(articles, progress)

    def remove(self, source: str | Path) -> int:
        """Remove a source, a file, or a folder with everything below it; return how many sources were removed.

        ``sync`` no longer knows paths at or below it. A file that still exists in a folder that ``sync`` knows is
        added again by the next ``sync``.
        """
        return self._updating().remove(source)

    def rebuild(self, encoder: str | Encoder | None = None, *, progress: Progress | None = None) -> SyncReport:
        """Rebuild vectors and terms from the stored articles, optionally with another encoder.

        Undamaged vectors of the same encoder are kept. Searches go on meanwhile.
        """
        return self._updating().rebuild(encoder, progress)

    def _updating(self) -> IndexUpdater:
        from .indexing.updater import IndexUpdater

        with self._loading:
            if self._updater is None:
                self._updater = IndexUpdater(self._folder, self._encoder, self._threads, may_create=self._may_create)
            return self._updater

    # Reading -------------------------------------------------------------------------------

    def search(
        self,
        query: str | Query,
        k: int = 10,
        *,
        mode: Mode = "hybrid",
        filters: Filter = NO_FILTER,
        reranker: Reranker | None = None,
    ) -> list[Hit]:
        """Return the ``k`` passages that match best, best first; the same index and query give the same hits.

        Args:
            query: What to look for.
            k: How many hits.
            mode: "hybrid", "dense" (vectors only) or "lexical" (BM25 only).
            filters: Only articles that pass are searched.
            reranker: Puts the best hits into its own order.

        Raises:
            UsageError: The query is empty, the mode is unknown, or ``k`` is below 1.
        """
        query = as_query(query)
        if not query.text:
            raise UsageError("The query is empty.")
        _check(k, mode)
        if reranker is not None:
            return search_and_rerank(query, self, reranker, k, mode=mode, filters=filters)
        from .search.search import search

        def operation(store: Store, snapshot: Snapshot) -> list[Hit]:
            encoder = self._encoder_for(snapshot, mode)
            return search(store, snapshot, query, k, mode=mode, filters=filters, encoder=encoder)

        return self._search(operation, mode)

    def ask(
        self,
        question: str | Query,
        k: int = 5,
        *,
        mode: Mode = "hybrid",
        filters: Filter = NO_FILTER,
        reader: Reader | None = None,
        reranker: Reranker | None = None,
    ) -> Answer:
        """Return the answer to a question, quoted from the best passages, or an Answer that is not ``found``.

        Args:
            question: The question.
            k: How many hits the answer keeps, besides those that it cites.
            mode: As in ``search``.
            filters: As in ``search``.
            reader: Finds the answer in the hits; ``None`` means the bundled reader.
            reranker: Puts the hits into its own order before they are read.

        Raises:
            UsageError: As in ``search``.
        """
        _check(k, mode)
        if reader is None:
            if mode != "lexical":
                self.encoder  # noqa: B018  loaded before the reader, which shares it
            reader = self.reader
        return answer(question, self, reader, reranker, k, mode=mode, filters=filters)

    def explain(self, query: str | Query, hits: Iterable[Hit], mode: Mode = "hybrid") -> Explanation:
        """Explain why ``query`` found ``hits``: the fusion weights, and the terms that they share.

        Raises:
            UsageError: The mode is unknown.
        """
        _check_mode(mode)
        from .search.weights import weights_by_signal

        query = as_query(query)
        encoder = None if mode == "lexical" else self.encoder
        return explain(query, hits, mode, weights_by_signal(encoder, query.language, mode))

    def similar(
        self,
        text: str | None = None,
        *,
        passage: int | None = None,
        article: str | None = None,
        same_article: bool = False,
        k: int = 10,
        mode: Mode = "hybrid",
        filters: Filter = NO_FILTER,
    ) -> list[Hit]:
        """Return passages similar to a text, a passage or an article, from other articles.

        Args:
            text: A text; passages with exactly this text are left out.
            passage: The id of a passage.
            article: A source of an article.
            same_article: Also return passages of the article itself, but never the passage asked about.
            k: How many hits.
            mode: As in ``search``.
            filters: As in ``search``.

        Raises:
            UsageError: As in ``search``; not exactly one of ``text``, ``passage`` and ``article`` is given; or the
                passage or article is unknown.
        """
        if [text, passage, article].count(None) != 2:
            raise UsageError("Pass exactly one of `text`, `passage` or `article`.")
        _check(k, mode)
        query = as_query(text or "")
        if text is not None and not query.text:
            raise UsageError("The text is empty.")
        from .search.similar import similar_to_article, similar_to_passage, similar_to_text

        def operation(store: Store, snapshot: Snapshot) -> list[Hit]:
            encoder = self._encoder_for(snapshot, mode)
            if passage is not None:
                return similar_to_passage(
                    store, snapshot, passage, k, mode=mode, filters=filters, encoder=encoder, same_article=same_article
                )
            if article is not None:
                return similar_to_article(
                    store, snapshot, article, k, mode=mode, filters=filters, encoder=encoder, same_article=same_article
                )
            return similar_to_text(store, snapshot, query, k, mode=mode, filters=filters, encoder=encoder)

        return self._search(operation, mode)

    def duplicates(
        self, share: float = 0.5, *, filters: Filter = NO_FILTER, progress: Progress | None = None
    ) -> list[Duplicates]:
        """Return groups of articles that share most of their text, those in most places first.

        Every article of a group has at least ``share`` of its words in sentences that the representative of the group
        (its longest article) has too, word for word or nearly; no article is in two groups. See
        ``docs/decisions/duplicates.md``.

        Args:
            share: Minimum share of an article's words, above 0 and at most 1.
            filters: Only articles that pass are compared.
            progress: Called as ``progress(stage, done, total)``.

        Raises:
            UsageError: ``share`` is out of range.
        """
        from .duplicates.groups import find_duplicates

        return self._snapshots.read(lambda store: find_duplicates(store, filters, share, progress or no_progress))

    def show(self, passage_id: int) -> Hit:
        """Return a passage with its article, without scores.

        Raises:
            UsageError: There is no such passage.
        """
        stored = self._snapshots.read(lambda store: store.load([passage_id]))
        if not stored:
            raise UsageError(f"There is no passage {passage_id} in the index; `search` prints the ids of passages.")
        passage, article = stored[passage_id]
        return Hit(passage, article, 0.0, Scores(0.0), passage.sentences[0])

    def passages(self, article_id: int) -> list[Passage]:
        """Return all passages of an article, in order.

        Raises:
            UsageError: There is no such article.
        """
        return self._snapshots.read(lambda store: store.passages(store.article(article_id)))

    def articles(self) -> Iterator[Article]:
        """Yield every article by id; those that are added or removed meanwhile may be missed."""
        last = 0
        while True:
            after = last
            article = self._snapshots.read(lambda store, after=after: store.next_article(after))  # type: ignore[misc]
            if article is None:
                return
            yield article
            last = article.id

    def status(self) -> Status:
        """Return what the index holds and what it was made with."""
        from .indexing.status import status

        return self._snapshots.read(lambda store: status(self._folder, store))

    def doctor(self, *, repair: bool = False) -> list[Finding]:
        """Check every file of the index; ``indexing.check.doctor`` does so where ``open`` refuses, too.

        Args:
            repair: Rebuild what can be rebuilt.
        """
        from .indexing.check import doctor

        self.close()
        return doctor(self.path, repair=repair, encoder=self._encoder.requested)

    # ---------------------------------------------------------------------------------------

    def _search(self, operation: Callable[[Store, Snapshot], list[Hit]], mode: Mode) -> list[Hit]:
        return self._snapshots.search(operation, needs_vectors=mode != "lexical", needs_terms=mode != "dense")

    def _encoder_for(self, snapshot: Snapshot, mode: Mode) -> Encoder | None:
        return None if mode == "lexical" else self._encoder.matching(snapshot.manifest)


def _check(k: int, mode: Mode) -> None:
    check_limit(k)
    _check_mode(mode)


def _check_mode(mode: Mode) -> None:
    if mode not in get_args(Mode):
        raise UsageError(f"Unknown value for `mode`: {mode!r} (choose {', '.join(get_args(Mode))}).")
