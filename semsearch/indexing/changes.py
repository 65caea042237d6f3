"""The changes of one batch, computed before anything is written.

The database is only read here. A pending article has a negative number until it is stored; where both kinds of number
occur, they are called keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ..storage import Metadata, Source, Store
from .prepare import PreparedArticle, prepare

__all__ = ["ChangeSet", "Outcome", "PendingArticle"]

Outcome = Literal["added", "changed", "unchanged", "duplicate", "removed", "unknown"]


@dataclass(slots=True)
class PendingArticle:
    """An article to be stored.

    Args:
        replaces: Stored articles that it takes the place of; their vectors are reused for equal passages.
    """

    prepared: PreparedArticle
    replaces: list[int] = field(default_factory=list)


class ChangeSet:
    """Sources put and dropped one after the other, and what that means for the articles.

    Sources with the same words are one article. Its text is that of the source that brought it, its title, date,
    author and URL are always those of its first source.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: dict[int, PendingArticle] = {}
        self._changed: dict[str, Source | None] = {}  # None: dropped
        self._appended: set[str] = set()  # sources that became the last of their article
        self._sources_of: dict[int, list[str]] = {}  # by the key of every article that anything happened to
        self._key_of_body: dict[bytes, int] = {}
        self.files: dict[str, str | None] = {}
        """Content hashes of files; "" means that the file is to be read again, None that it is gone."""
        self.changes = 0
        """Number of sources put or dropped with an effect."""
        self.size = 0
        """Number of characters of the pending articles."""

    # Changes -------------------------------------------------------------------------------

    def put(self, source: str, file: str, prepared: PreparedArticle, record_hash: bytes = b"") -> Outcome:
        """Let a source hold an article.

        Args:
            file: File that the source was read from; empty if a program handed it over.
            record_hash: Hash of the record that it was read from, in a file of many.
        """
        known = self.source(source)
        if known is not None and known.content_hash == prepared.content_hash:
            if known.record_hash != record_hash:
                self._assign(replace(known, record_hash=record_hash))
                self.changes += 1
            return "unchanged"

        key = known.article if known is not None else None
        key_of_body = self._find_body(prepared.body_hash)
        self.changes += 1
        self.size += len(prepared.article.text)
        metadata = Metadata.of(prepared.article)
        is_first = key is not None and key == key_of_body and self.sources_of(key)[0] == source
        if key_of_body is not None and not is_first:
            self._assign(Source(source, key_of_body, file, prepared.content_hash, record_hash, metadata))
            return "duplicate" if key is None else "changed"

        pending = self._add_pending(prepared, key)
        if key is not None and is_first:
            self._move_sources(key, pending)
        self._assign(Source(source, pending, file, prepared.content_hash, record_hash, metadata))
        return "added" if key is None else "changed"

    def drop(self, source: str) -> tuple[Outcome, list[str]]:
        """Drop a source, and its article if this was the last one; return the remaining sources too."""
        known = self.source(source)
        if known is None:
            return "unknown", []
        remaining = self.sources_of(known.article)
        remaining.remove(source)
        self._changed[source] = None
        self.changes += 1
        return "removed", list(remaining)

    def rebuild_article(self, key: int, metadata: Metadata | None = None) -> int:
        """Prepare a stored article again, with other metadata if given; return the key of the pending article."""
        article = replace(self._store.article(key), id=0)
        if metadata is not None:
            article = metadata.of_article(article)
        self.size += len(article.text)
        prepared = prepare(article)
        if metadata is not None or self._find_body(prepared.body_hash) is not None:
            # Its sources were found to have the same words under another title. With this one, other articles may.
            prepared = replace(prepared, body_hash=self._store.body_of(key))
        pending = self._add_pending(prepared, key)
        self._move_sources(key, pending)
        return pending

    def finish(self) -> None:
        """Give every article the metadata of its first source, after the sources before it are gone."""
        for key, names in list(self._sources_of.items()):
            if not names:
                continue
            metadata = self._metadata(names[0])
            pending = self._pending.get(key)
            if pending is None:
                if metadata != self._store.metadata(key):
                    self.rebuild_article(key, metadata)
            elif metadata != Metadata.of(pending.prepared.article):
                prepared = prepare(metadata.of_article(pending.prepared.article))
                pending.prepared = replace(prepared, body_hash=pending.prepared.body_hash)

    def _add_pending(self, prepared: PreparedArticle, replaced: int | None) -> int:
        replaces: list[int] = []
        if replaced is not None:
            pending = self._pending.get(replaced)
            replaces = [replaced] if pending is None else pending.replaces
        key = -1 - len(self._pending)
        self._pending[key] = PendingArticle(prepared, replaces)
        self._sources_of[key] = []
        self._key_of_body[prepared.body_hash] = key
        return key

    def _assign(self, new: Source) -> None:
        """Let a source belong to an article, as its last one if it is new there."""
        known = self.source(new.source)
        names = self.sources_of(new.article)
        if known is None or known.article != new.article:
            if known is not None:
                self.sources_of(known.article).remove(new.source)
            names.append(new.source)
            self._appended.add(new.source)
        self._changed[new.source] = new

    def _move_sources(self, key: int, to: int) -> None:
        for name in list(self.sources_of(key)):
            source = self.source(name)
            assert source is not None  # it has the article
            self._assign(replace(source, article=to))

    # State after the changes ---------------------------------------------------------------

    def source(self, name: str) -> Source | None:
        """Return what a source holds, with its metadata; None if there is no such source."""
        if name in self._changed:
            return self._changed[name]
        stored = self._store.source(name)
        if stored is None or stored.metadata is not None:
            return stored
        return replace(stored, metadata=self._store.metadata(stored.article))

    def sources_of(self, key: int) -> list[str]:
        """Return the names of an article's sources in order."""
        if key not in self._sources_of:
            self._sources_of[key] = [source.source for source in self._store.sources(key)]
        return self._sources_of[key]

    def _metadata(self, source: str) -> Metadata:
        known = self.source(source)
        assert known is not None and known.metadata is not None  # ``source`` completes it
        return known.metadata

    def _find_body(self, body_hash: bytes) -> int | None:
        key = self._key_of_body.get(body_hash)
        return self._store.article_with(body_hash) if key is None else key

    # Result --------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._changed or self.files)

    def pending(self) -> dict[int, PendingArticle]:
        """Return the articles to be stored by key."""
        return {key: pending for key, pending in self._pending.items() if self._sources_of[key]}

    def removed_articles(self) -> list[int]:
        """Return the stored articles that have no source any longer."""
        return sorted(key for key, names in self._sources_of.items() if key > 0 and not names)

    def removed_sources(self) -> list[str]:
        """Return the sources whose rows are to be deleted if there are any.

        They are gone, or came to an article: then they get a new row, after those of the sources that it had before.
        """
        return [name for name, source in self._changed.items() if source is None or name in self._appended]

    def sources(self) -> list[Source]:
        """Return the sources to be written, in the order of their articles' sources."""
        sources = []
        for names in self._sources_of.values():
            for name in names:
                source = self._changed.get(name)
                if source is None:
                    continue
                if source.metadata == self._metadata(names[0]):
                    source = replace(source, metadata=None)  # as the article's
                sources.append(source)
        return sources
