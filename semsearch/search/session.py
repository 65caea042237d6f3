"""A reader's hold on an index: its connection, and what it has in memory of the state it last saw."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from .. import text
from ..errors import IndexDamaged, IndexMissing, IndexStale
from ..storage import Store
from ..storage.layout import Folder, Manifest

if TYPE_CHECKING:
    from ..types import VectorSearch
    from .view import View

__all__ = ["EXACT", "Session"]

EXACT = 100_000
"""Vectors in files with codes from which on they are found by these: exact, they are 50 MB to read, 3 ms a search."""

Result = TypeVar("Result")

LOOKS = 5
"""So often is looked, if a writer is quicker each time."""


class Session:
    """One reader. Each look is at one committed state, the newest; nothing is read before it is needed."""

    def __init__(self, folder: Folder, threads: int | None, kind: VectorSearch = "auto") -> None:
        self._folder = folder
        self._kind: VectorSearch = kind
        self._threads = threads
        self._store: Store | None = None
        self._view: View | None = None
        self._sealed = False

    def connect(self) -> Store:
        """The connection; at first it is looked whether the files are as they were written.

        Raises IndexMissing, IndexDamaged, IndexStale, StorageError.
        """
        if self._store is None:
            self._folder.require()
            self._folder.manifest()
            self._sealed = self._folder.sealed()
            broken = self._folder.broken()
            if broken:
                more = f" and {len(broken) - 2} more files" if len(broken) > 2 else ""
                raise IndexDamaged(
                    f"{', '.join(broken[:2])}{more} in {self._folder.path} changed since it was written; "
                    "run: semsearch doctor --repair"
                )
            self._store = Store.open(self._folder.database)
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = self._view = None

    def manifest(self) -> Manifest:
        """What the index is made with now."""
        return Manifest.parse(str(self.connect().meta("manifest")), self._folder.database)

    def rows(self, look: Callable[[Store], Result]) -> Result:
        """What ``look`` sees in the database."""
        store = self.connect()
        with self._doubted(), store.snapshot():
            return look(store)

    def search(self, look: Callable[[Store, View], Result], *, vectors: bool) -> Result:
        """What ``look`` sees in the database, the terms and, if they are needed, the vectors.

        A writer deletes files that its newest state does not name, and terms of what it dropped: whoever came too late
        for them looks again, at that state.
        """
        store = self.connect()
        failed = False
        for left in reversed(range(LOOKS)):
            seen = -1
            try:
                with self._doubted(), store.snapshot():
                    seen = store.generation()
                    view = self._at(store)
                    view.read_terms = False
                    view.refresh(store, seen, vectors=vectors)
                    result = look(store, view)
                if not left or not view.read_terms or seen == store.generation():
                    return result
            except (IndexDamaged, IndexMissing) as error:
                self._view = None
                # The first time it may be a merge of the lexical index, which has no generation.
                if not left or (failed and seen == store.generation() and not self._folder.writer()):
                    raise IndexDamaged(str(error)) from error
                failed = True
        raise AssertionError("the last look returns or raises")

    @contextmanager
    def _doubted(self) -> Iterator[None]:
        """What nobody raises on purpose may come of damage that nothing was compared with: then that is told."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, struct.error) as error:
            from ..indexing.check import doctor  # reads everything

            found = [finding for finding in doctor(self._folder.path) if finding.level == "error"]
            if not found:
                raise
            raise IndexDamaged(
                f"{self._folder.path} is damaged ({found[0].problem}); run: semsearch doctor --repair"
            ) from error

    def _at(self, store: Store) -> View:
        from ..storage.lexical import FORMAT
        from ..storage.vectors import set_threads
        from .view import View

        manifest, lexical = self.manifest(), int(store.meta("lexical"))
        if (manifest.text, manifest.lexical) != (text.VERSION, FORMAT):
            raise IndexStale(
                f"the index at {self._folder.path} was made by another version of semsearch ({manifest.made_with}), "
                "whose terms are others; run: semsearch rebuild"
            )
        if self._view is None or (self._view.manifest, self._view.lexical) != (manifest, lexical):
            # FAISS compares one question in one thread, however many it has; to wake the others costs more.
            set_threads(self._threads or 1)
            # Without a seal (a run was interrupted) small files are compared with their own checksums.
            verify = not self._sealed and self._folder.small()
            self._view = View(self._folder, manifest, lexical, kind=self._kind, verify=verify)
        return self._view
