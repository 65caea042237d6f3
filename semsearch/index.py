"""An index as its users see it: create, open, sync, remove, rebuild, search, ask, similar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Self, get_args

from . import text as words
from ._version import __version__
from .answer import answer, check_limit, search_and_rerank
from .errors import IndexMissing, IndexStale, IngestError, UsageError
from .explain import Explanation, explain
from .filters import NO_FILTER, Filter
from .paths import absolute
from .protocols import Encoder, Reader, Reranker
from .reader.loading import load_reader
from .reports import Finding, Progress, Status, SyncReport, no_progress
from .search.session import Session
from .storage import Store
from .storage.layout import Folder, Manifest
from .text import as_query
from .types import Answer, Article, Duplicates, Hit, Mode, Passage, Query, Scores, VectorSearch

if TYPE_CHECKING:
    from .indexing.writer import Writer
    from .search.view import View

__all__ = ["Index"]


class Index:
    """Articles one can search, kept in a folder.

    Any number of readers, in other processes too, and one writer at a time. A reader sees each committed
    change at its next call. Threads may share one; they take turns. Use it as a context manager, or call
    ``close``. Whatever is read may raise IndexDamaged, whatever is written IndexLocked and StorageError.
    """

    def __init__(
        self, path: str | Path, encoder: str | Encoder | None, threads: int | None, kind: VectorSearch
    ) -> None:
        """Not for users: ``open``, ``create`` and ``open_or_create`` make one. Raises UsageError for another kind."""
        if kind not in get_args(VectorSearch):
            choices = ", ".join(get_args(VectorSearch))
            raise UsageError(f"Unknown value for `vectors`: {kind!r} (choose {choices}).")
        self.path = Path(absolute(path))
        self._folder = Folder(self.path)
        self._session = Session(self._folder, threads, kind)
        self._given = encoder
        self._threads = threads
        self._encoder: Encoder | None = None
        self._reader: Reader | None = None
        self._turn = RLock()
        self._may_create = False

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        encoder: str | Encoder | None = None,
        threads: int | None = None,
        vectors: VectorSearch = "auto",
    ) -> Self:
        """Open what is there; ``encoder`` None is the one the index was made with, loaded when first needed.

        ``vectors`` tells how they are compared: "exact" reads all of them into memory and compares every one,
        "approximate" compares only those whose codes are near, "auto" does that from some 100,000 on. It is
        nothing that the index remembers.

        Raises IndexMissing, IndexDamaged, IndexStale (made with another encoder, or by a later semsearch),
        EncoderUnavailable.
        """
        index = cls(path, encoder, threads, vectors)
        index._session.connect()
        if encoder is not None:
            index._matching(index._session.manifest())
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
        """Make an empty index. Raises UsageError if there is one already, or other files are in the folder."""
        index = cls(path, encoder, threads, vectors)
        if index._folder.exists():
            raise UsageError(f"there is an index at {index.path} already")
        index._may_create = True
        with index._writing():
            pass
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
        """Open what is there; where nothing is, the index comes into being with the first thing written."""
        try:
            return cls.open(path, encoder=encoder, threads=threads, vectors=vectors)
        except IndexMissing:
            index = cls(path, encoder, threads, vectors)
            index._may_create = True
            return index

    def close(self) -> None:
        with self._turn:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """How many articles."""
        return self.status().articles

    @property
    def encoder(self) -> Encoder:
        """The encoder of the index. Raises EncoderUnavailable, IndexStale if it is not the one it was."""
        with self._turn:
            return self._matching(self._session.manifest())

    # Writing -------------------------------------------------------------------------------

    def sync(
        self,
        paths: Sequence[str | Path] | None = None,
        *,
        progress: Progress | None = None,
        on_error: Callable[[IngestError], None] | None = None,
    ) -> SyncReport:
        """Make the index hold exactly what is in ``paths`` (files, folders, globs); None is all paths it knows.

        New articles are added, changed ones replaced, those that vanished from ``paths`` removed; articles
        from elsewhere stay. What did not change (by content) is not even parsed, and a text that stands in
        several places is kept once. A file that cannot be read is told to ``on_error``, the rest goes on,
        and what it held before stays. It goes batch by batch: a run that was killed is continued by the next.

        Raises UsageError for a path that is neither there nor known.
        """
        from .indexing.pipeline import Sync, check_paths

        if isinstance(paths, str | Path):
            raise UsageError("paths must be a list of paths")
        with self._turn:
            known = None if self._may_create else self._session.connect()
            check_paths(known, paths or [])
            if paths is None and (known is None or not known.roots()):
                raise UsageError("the index knows no paths yet; name files or folders: semsearch index PATH...")
            with self._writing() as writer:
                run = Sync(writer, self._loader(writer), progress, on_error, self._threads)
                run.sync(paths)
            return run.report()

    def add(self, articles: Iterable[Article], *, progress: Progress | None = None) -> SyncReport:
        """Add articles, or replace those whose source is known already. Nothing else is touched.

        Raises UsageError for one without a text or a source, or with what cannot be stored.
        """
        from .indexing.pipeline import Sync

        with self._turn, self._writing() as writer:
            run = Sync(writer, self._loader(writer), progress)
            run.add(articles)
            return run.report()

    def remove(self, source: str | Path) -> int:
        """Forget a source, a file, or a folder with all below it; how many places of articles went.

        Paths at and below it are no longer among those that ``sync`` knows. A file in a folder that it still
        knows, and that still is there, comes back with the next ``sync``.
        """
        from .indexing.pipeline import Sync

        with self._turn:
            self._session.connect()
            with self._writing() as writer:
                return Sync(writer, self._loader(writer)).remove(source)

    def rebuild(self, encoder: str | Encoder | None = None, *, progress: Progress | None = None) -> SyncReport:
        """Make vectors and terms anew from the stored articles, with another encoder if one is named.

        Vectors that this encoder made before are kept where they are undamaged. Readers go on meanwhile.
        """
        from .indexing.rebuild import rebuild
        from .indexing.writer import manifest_of, writing

        began = time.monotonic()
        with self._turn:
            named = encoder if encoder is not None else self._given
            new = self._load(named if named is not None else self._session.manifest().encoder)
            with writing(self._folder) as writer:
                manifest = manifest_of(new, writer.manifest.made_with)
                changed = rebuild(writer, lambda: new, manifest, progress or no_progress)
                counts = writer.store.counts()
            self._given, self._encoder = named, new
        return SyncReport(
            changed=changed,
            unchanged=counts["articles"] - changed,
            passages=counts["passages"],
            encoded=writer.encoded,
            seconds=time.monotonic() - began,
        )

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        from .indexing.writer import manifest_of, writing

        new = None
        if self._may_create:
            strangers = [p.name for p in self.path.iterdir()] if self.path.is_dir() else []
            if set(strangers) - {"lock", "lexical", "vectors", "manifest.json"} and not self._folder.exists():
                raise UsageError(
                    f"{self.path} is not empty and holds no index; choose another folder with --index PATH"
                )
            given = self._given if self._given is not None else "bundled"
            new = manifest_of(self._load(given), __version__)
        with writing(self._folder, new) as writer:
            yield writer
        self._may_create = False

    def _loader(self, writer: Writer) -> Callable[[], Encoder]:
        """The encoder, loaded when a text has to be encoded. Raises IndexStale if another should have been."""
        writer.require_current()
        return lambda: self._matching(writer.manifest)

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
        if reranker is not None:
            return search_and_rerank(query, self, reranker, k, mode=mode, filters=filters)
        if not query.text:
            raise UsageError("The query is empty.")
        _check(k, mode)
        from .search.pipeline import search

        def look(store: Store, view: View) -> list[Hit]:
            return search(store, view, query.text, k, mode, self._asked(view, mode), filters)

        with self._turn:
            return self._session.search(look, vectors=mode != "lexical")

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
        return answer(question, self, reader or self.reader, reranker, k, mode=mode, filters=filters)

    def explain(self, query: str | Query, hits: Iterable[Hit], mode: Mode = "hybrid") -> Explanation:
        """Explain why ``query`` found ``hits``: the fusion weights, and the terms that they share."""
        from .search.ranking import signals, weights

        query = as_query(query)
        own = asdict(weights(self.encoder, query.language, mode))
        return explain(query, hits, mode, {signal: own[signal] for signal in signals(mode)})

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
        from .search.pipeline import like_article, like_passage, like_text

        if [text, passage, article].count(None) != 2:
            raise UsageError("Pass exactly one of `text`, `passage` or `article`.")
        _check(k, mode)
        cleaned = words.clean(text or "").strip()
        if text is not None and not cleaned:
            raise UsageError("The text is empty.")

        def look(store: Store, view: View) -> list[Hit]:
            encoder = self._asked(view, mode)
            if passage is not None:
                return like_passage(store, view, passage, k, mode, encoder, filters, same_article=same_article)
            if article is not None:
                return like_article(store, view, article, k, mode, encoder, filters, same_article=same_article)
            return like_text(store, view, cleaned, k, mode, encoder, filters)

        with self._turn:
            return self._session.search(look, vectors=mode != "lexical")

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
        from .duplicates.groups import duplicates

        with self._turn:
            self._session.connect()
        # On a connection of its own: over many articles it takes minutes, and searches go on meanwhile.
        with closing(Store.open(self._folder.database)) as store, store.snapshot():
            return duplicates(store, filters, share, progress or no_progress)

    def show(self, passage_id: int) -> Hit:
        """The passage with its article, without scores. Raises UsageError if there is no such passage."""

        def look(store: Store) -> Hit:
            for passage, article in store.load([passage_id]).values():
                return Hit(passage, article, 0.0, Scores(0.0), passage.sentences[0])
            raise UsageError(
                f"there is no passage {passage_id} in the index; `search` tells the ids of those that are there"
            )

        with self._turn:
            return self._session.rows(look)

    def passages(self, article_id: int) -> list[Passage]:
        """All passages of an article, in order. Raises UsageError if there is no such article."""
        with self._turn:
            return self._session.rows(lambda store: store.passages(store.article(article_id)))

    def articles(self) -> Iterator[Article]:
        """Every article, by id; one that comes or goes meanwhile may be met or not."""
        last = 0
        while True:
            with self._turn:
                article = self._session.rows(lambda store, after=last: store.next_article(after))  # type: ignore[misc]
            if article is None:
                return
            yield article
            last = article.id

    def status(self) -> Status:
        """What the index holds and what it was made with."""
        from .indexing.status import status

        with self._turn:
            return self._session.rows(lambda store: status(self._folder, store, self._session.manifest()))

    def doctor(self, *, repair: bool = False) -> list[Finding]:
        """``semsearch.indexing.check.doctor`` for this index's folder (that one works where ``open`` refuses, too)."""
        from .indexing.check import doctor

        with self._turn:
            self._session.close()
            return doctor(self.path, repair=repair, encoder=self._given)

    # Encoder -------------------------------------------------------------------------------

    def _load(self, encoder: str | Encoder) -> Encoder:
        if not isinstance(encoder, str):
            return encoder
        from .encoders import load_encoder

        return load_encoder(encoder, threads=self._threads)

    def _matching(self, manifest: Manifest) -> Encoder:
        """The encoder that made the vectors of the state ``manifest`` speaks of."""
        if self._encoder is not None and self._encoder.fingerprint == manifest.fingerprint:
            return self._encoder
        encoder = self._load(self._given if self._given is not None else manifest.encoder)
        if encoder.fingerprint != manifest.fingerprint:
            if encoder.name == manifest.encoder:
                why = f"with another state of the encoder {encoder.name}"
            else:
                why = f"with the encoder {manifest.encoder}, not with {encoder.name}"
            raise IndexStale(
                f"the index at {self.path} was made {why}; run: semsearch rebuild --encoder {encoder.name}"
                + ("" if encoder.name == manifest.encoder else f" (or go on with --encoder {manifest.encoder})")
            )
        self._encoder = encoder
        return encoder

    def _asked(self, view: View, mode: Mode) -> Encoder | None:
        return None if mode == "lexical" else self._matching(view.manifest)

    @property
    def reader(self) -> Reader:
        """The bundled reader, loaded when first used."""
        if self._reader is None:
            self._reader = load_reader(encoder=self._encoder)
        return self._reader


def _check(k: int, mode: Mode) -> None:
    check_limit(k)
    if mode not in get_args(Mode):
        raise UsageError(f"Unknown value for `mode`: {mode!r} (choose {', '.join(get_args(Mode))}).")
