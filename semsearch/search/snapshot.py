"""One committed state of an index, and the manager that reads it and follows the commits of writers.

SQLite, vector files and the lexical index cannot be read at one instant. A search therefore runs inside a transaction
of SQLite, with the vectors of the segments that the database names there, and with terms of which it is known that
they are not newer. If a writer commits in between, the search starts again.

NumPy, FAISS and tantivy are imported by the first search, so that opening an index stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from .. import text
from ..errors import IndexDamaged, IndexMissing, IndexStale
from ..filters import Filter
from ..paths import absolute
from ..storage import Store
from ..storage.layout import Folder, Manifest
from .connections import ConnectionPool

if TYPE_CHECKING:
    from ..storage.lexical import LexicalIndex
    from ..types import Ids, VectorSearch
    from .segment_set import SegmentSet

__all__ = ["Snapshot", "SnapshotManager"]

MAX_RETRIES = 5
"""Maximum number of new attempts when a writer commits during a search."""

MAX_CACHED_FILTERS = 8
"""Filters whose passages are kept: eight bytes for each passage that passes."""

Result = TypeVar("Result")


class _Overtaken(Exception):
    """A writer committed while a snapshot was read."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What a search needs of one committed state besides the database; shared by threads.

    Attributes:
        generation: The number of the commit.
        manifest: What the index was made with.
        lexical_number: Which lexical index belongs to it.
        passages_per_article: Average number of passages of an article; 1 if no search needed terms yet.
        terms: The lexical index; ``None`` if no search needed it yet.
        vectors: Vectors of passages; ``None`` likewise.
    """

    generation: int
    manifest: Manifest
    lexical_number: int
    passages_per_article: float
    terms: LexicalIndex | None
    vectors: SegmentSet | None
    _passages_by_filter: dict[tuple[Filter, str], Ids | None] = field(default_factory=dict)

    def passages_that_pass(self, store: Store, filters: Filter) -> Ids | None:
        """Return ``filtered_passages``, cached: going through all articles takes longer than a search."""
        from ..storage.filtering import filtered_passages

        path = "" if filters.source is None else absolute(filters.source)  # depends on the current folder
        key = (filters, path)
        cache = self._passages_by_filter
        try:
            return cache[key]
        except KeyError:
            passages = filtered_passages(store, filters)
        if len(cache) >= MAX_CACHED_FILTERS:
            cache.clear()
        cache[key] = passages
        return passages


class SnapshotManager:
    """Gives every search the newest committed state of an index. Threads may share it.

    Each search has a connection of its own. A lock is held only while a new state is read, never while a search or an
    encoder runs.
    """

    def __init__(self, folder: Folder, threads: int | None, vector_search: VectorSearch = "auto") -> None:
        self._folder = folder
        self._threads = threads
        self._vector_search: VectorSearch = vector_search
        self._connections = ConnectionPool(folder.database)
        self._reading = Lock()
        self._is_open = False
        # What was read last. Vectors and terms that the current snapshot does not have are kept to read the next from.
        self._snapshot: Snapshot | None = None
        self._vectors: SegmentSet | None = None
        self._terms: LexicalIndex | None = None

    def open(self) -> None:
        """Check that there is an index that can be read.

        Raises:
            IndexMissing: There is no index.
            IndexDamaged: The database or the manifest is missing or damaged.
            IndexStale: A later version of semsearch wrote the index.
            StorageError: The index cannot be read.
        """
        if self._is_open:
            return
        self._folder.require()
        self._folder.manifest()
        with self._connections.connection():
            self._is_open = True

    def close(self) -> None:
        """Close the connections and release the memory. The manager can be used again."""
        with self._reading:
            self._discard()
            self._is_open = False
        self._connections.close()

    def manifest(self) -> Manifest:
        """Return what the index is made with now: its encoder, and the versions of what was stored."""
        return self.read(lambda store: _manifest(store, self._folder))

    def read(self, operation: Callable[[Store], Result]) -> Result:
        """Return what ``operation`` sees in one state of the database."""
        with self._transaction() as store:
            return operation(store)

    def search(
        self, operation: Callable[[Store, Snapshot], Result], *, needs_vectors: bool, needs_terms: bool
    ) -> Result:
        """Return what ``operation`` finds in the newest committed state.

        Args:
            operation: Called with the database and the snapshot of the same state; called again if a writer commits
                so that a file of this state is gone before it is read.
            needs_vectors: Whether ``snapshot.vectors`` is used.
            needs_terms: Whether ``snapshot.terms`` is used.

        Raises:
            IndexDamaged: A file is missing or was changed.
            IndexStale: The terms were made by another version of semsearch.
        """
        self.open()
        has_failed = False
        for retries_left in reversed(range(MAX_RETRIES + 1)):
            generation = -1
            try:
                with self._transaction() as store:
                    generation = store.generation()
                    snapshot = self._snapshot_of(store, generation, needs_vectors, needs_terms, retries_left == 0)
                    return operation(store, snapshot)
            except _Overtaken:
                continue
            except IndexStale:
                # A rebuild may have replaced the encoder that this state was to be searched with.
                if not retries_left or self._newest_generation() == generation:
                    raise
            except (IndexDamaged, IndexMissing) as error:
                with self._reading:
                    self._discard()
                # The first time it may be a merge of the lexical index, which has no generation.
                is_settled = self._newest_generation() == generation and not self._folder.writer()
                if not retries_left or (has_failed and is_settled):
                    raise IndexDamaged(str(error)) from error
                has_failed = True
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _transaction(self) -> Iterator[Store]:
        self.open()
        with self._connections.connection() as store, store.snapshot():
            yield store

    def _newest_generation(self) -> int:
        with self._connections.connection() as store:
            return store.generation()

    def _snapshot_of(
        self, store: Store, generation: int, needs_vectors: bool, needs_terms: bool, is_last_attempt: bool
    ) -> Snapshot:
        """Return the snapshot of the state that ``store`` sees, read if nobody did so before.

        Raises:
            _Overtaken: There is a newer state, and perhaps terms of this one are gone.
        """
        with self._reading:
            current = self._snapshot
            if current is not None and current.generation == generation:
                has_vectors = current.vectors is not None or not needs_vectors
                has_terms = current.terms is not None or not needs_terms
                if has_vectors and has_terms:
                    return current
            if current is not None and current.generation > generation and not is_last_attempt:
                raise _Overtaken
            return self._read_snapshot(store, generation, needs_vectors, needs_terms, is_last_attempt)

    def _read_snapshot(
        self, store: Store, generation: int, needs_vectors: bool, needs_terms: bool, is_last_attempt: bool
    ) -> Snapshot:
        from ..storage.vectors import set_threads

        manifest = _manifest(store, self._folder)
        lexical_number = int(store.meta("lexical"))
        self._require_current(manifest)

        previous = self._snapshot
        if previous is None or (previous.manifest, previous.lexical_number) != (manifest, lexical_number):
            set_threads(self._threads or 1)  # FAISS compares one query in one thread; waking others would cost more
            self._discard()
            previous = None
        is_same_state = previous is not None and previous.generation == generation

        terms = previous.terms if previous is not None and is_same_state else None
        if needs_terms and terms is None:
            terms = self._terms = self._read_terms(lexical_number)
            # Terms of passages that this state has may be gone from a later commit.
            if self._newest_generation() != generation and not is_last_attempt:
                raise _Overtaken

        vectors = previous.vectors if previous is not None and is_same_state else None
        if needs_vectors and vectors is None:
            vectors = self._vectors = self._read_vectors(store, manifest)

        passages_per_article = 1.0
        if terms is not None:
            passages_per_article = max(1.0, terms.count / max(1, store.article_count()))
        snapshot = Snapshot(generation, manifest, lexical_number, passages_per_article, terms, vectors)
        self._snapshot = snapshot
        return snapshot

    def _read_terms(self, lexical_number: int) -> LexicalIndex:
        from ..storage.lexical_files import open_readonly

        if self._terms is not None:
            return self._terms.reopened()
        return open_readonly(self._folder.terms(lexical_number))

    def _read_vectors(self, store: Store, manifest: Manifest) -> SegmentSet:
        import numpy as np

        from .segment_set import SegmentSet

        vectors = self._vectors or SegmentSet.empty(manifest.dim, self._vector_search)
        tombstones = np.array(store.tombstones(), np.int64)
        return vectors.updated(self._folder, store.segments(manifest.fingerprint), tombstones)

    def _require_current(self, manifest: Manifest) -> None:
        from ..storage.lexical import FORMAT

        if (manifest.text, manifest.lexical) != (text.VERSION, FORMAT):
            raise IndexStale(
                f"The terms of the index at {self._folder.path} were made by another version of semsearch "
                f"({manifest.made_with}); run: semsearch rebuild"
            )

    def _discard(self) -> None:
        self._snapshot = self._vectors = self._terms = None


def _manifest(store: Store, folder: Folder) -> Manifest:
    return Manifest.parse(str(store.meta("manifest")), folder.database)
