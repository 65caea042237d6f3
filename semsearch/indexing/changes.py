"""What one batch of changes comes to, before anything is written.

The database is only read here. Articles get negative numbers until they are stored; wherever both kinds
may stand, the number is called a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from ..storage import Source, Store
from .prepare import PreparedArticle, prepare

__all__ = ["Draft", "Outcome", "Plan"]

Outcome = Literal["added", "changed", "unchanged", "duplicate", "removed", "unknown"]


@dataclass(slots=True)
class Draft:
    """An article to be stored, for all its sources."""

    made: PreparedArticle
    before: list[int] = field(default_factory=list)  # stored articles whose vectors may serve again


class Plan:
    """Sources put and dropped one after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._drafts: dict[int, Draft] = {}
        self._sources: dict[str, Source | None] = {}  # that changed; None: dropped
        self._owners: dict[int, list[str]] = {}  # of every key that anything happened to
        self._bodies: dict[bytes, int] = {}
        self.files: dict[str, str | None] = {}  # content hash; None: gone; "": to be read again
        self.heirs: set[str] = set()  # files whose source is now the first of an article that another told of
        self.latecomers: set[str] = set()  # sources that now hold what others held before
        self.changes = 0  # puts and drops that change something
        self.size = 0  # characters put or made anew

    # Changes -------------------------------------------------------------------------------

    def put(self, source: str, file: str, made: PreparedArticle, record_hash: bytes = b"") -> Outcome:
        """``source`` holds this article now, read from a record of this hash."""
        content = made.content_hash
        known = self.source(source)
        if known is not None and known.content == content:
            if known.record_hash != record_hash:
                self._sources[source] = replace(known, record_hash=record_hash)
                self.changes += 1
            return "unchanged"
        key = known.article if known else None
        twin = self._with_body(made.body_hash)
        self.changes += 1
        self.size += len(made.article.text)
        if twin is not None and (twin != key or self.owners(twin)[0] != source):
            # The words are there already; who came first tells title, date and layout.
            self._move(Source(source, twin, file, content, record_hash))
            return "duplicate" if key is None else "changed"
        draft = self._draft(made, [] if key is None else [key])
        if key is not None and key == twin:
            self._move_all(key, draft)
        self._move(Source(source, draft, file, content, record_hash))
        return "added" if key is None else "changed"

    def drop(self, source: str) -> tuple[Outcome, list[str]]:
        """``source`` is no more; with it goes its article, unless it has other sources: they are returned."""
        known = self.source(source)
        if known is None:
            return "unknown", []
        self._leave(known)
        self._sources[source] = None
        self.changes += 1
        return "removed", list(self.owners(known.article))

    def redo(self, key: int) -> int:
        """Windows and vectors of a stored article are to be made anew: it becomes a draft."""
        made = prepare(replace(self._store.article(key), id=0))
        self.size += len(made.article.text)
        draft = self._draft(made, [key])
        self._move_all(key, draft)
        return draft

    def _draft(self, made: PreparedArticle, before: Iterable[int]) -> int:
        key = -1 - len(self._drafts)
        stored: list[int] = []
        for old in before:
            stored += [old] if old > 0 else self._drafts[old].before
        self._drafts[key] = Draft(made, stored)
        self._owners[key] = []
        self._bodies[made.body_hash] = key
        return key

    def _move(self, new: Source) -> None:
        source, key = new.source, new.article
        known = self.source(source)
        if known is None or known.article != key:
            if known is not None:
                self._leave(known)
            if self.owners(key):
                self._sources.pop(source, None)  # those there before come before it
                self.latecomers.add(source)
            self.owners(key).append(source)
        self._sources[source] = new

    def _leave(self, left: Source) -> None:
        """An article has one source less. Was it the first, who comes next is to tell title, date and layout."""
        owners = self.owners(left.article)
        first = owners[0] == left.source
        owners.remove(left.source)
        heir = self.source(owners[0]) if first and owners else None
        if heir is not None and heir.content != left.content:
            # So that it counts as changed when it is read.
            self._sources[heir.source] = replace(heir, content=b"", record_hash=b"")
            if heir.file:
                self.files[heir.file] = ""
                self.heirs.add(heir.file)

    def _move_all(self, key: int, other: int) -> None:
        for source in list(self.owners(key)):
            held = self.source(source)
            assert held is not None  # it owns the article
            self.owners(other).append(source)
            self._sources[source] = replace(held, article=other)
        self.owners(key).clear()

    # State, as it will be ------------------------------------------------------------------

    def source(self, source: str) -> Source | None:
        """What a source holds; None if there is no such source."""
        return self._sources[source] if source in self._sources else self._store.source(source)

    def owners(self, key: int) -> list[str]:
        """The sources of an article, the first one first."""
        if key not in self._owners:
            self._owners[key] = [s.source for s in self._store.sources(key)]
        return self._owners[key]

    def _with_body(self, body: bytes) -> int | None:
        key = self._bodies.get(body)
        return self._store.article_with(body) if key is None else key

    # Result --------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._sources or self.files)

    def drafts(self) -> dict[int, Draft]:
        """What is to be stored, by key; all keys are negative."""
        return {key: draft for key, draft in self._drafts.items() if self._owners[key]}

    def gone(self) -> list[int]:
        """Stored articles that no source holds any longer."""
        return sorted(key for key, owners in self._owners.items() if key > 0 and not owners)

    def sources(self) -> dict[str, Source | None]:
        """The sources that changed, as they will be; None: it is gone."""
        return self._sources
