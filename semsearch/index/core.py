"""The folder on disk: create, open, sync, remove, rebuild, search, ask, similar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import IngestError
from ..types import Answer, Article, Encoder, Hit, Mode, Passage
from .reports import Finding, Progress, Status, SyncReport

__all__ = ["Index"]


class Index:
    """Articles one can search, kept in a folder.

    Any number of readers, in other processes too, and one writer at a time. A reader sees each
    committed change at its next call. Use it as a context manager, or call ``close``.
    """

    path: Path
    encoder: Encoder

    @classmethod
    def open(cls, path: str | Path, *, encoder: str | Encoder | None = None, threads: int | None = None) -> Index:
        """Open what is there; ``encoder`` None is the one the index was made with.

        Raises IndexMissing, IndexStale (another encoder or format), IndexDamaged, EncoderUnavailable.
        """
        raise NotImplementedError

    @classmethod
    def create(cls, path: str | Path, encoder: str | Encoder = "bundled", *, threads: int | None = None) -> Index:
        """Make an empty index. Raises UsageError if something else is at ``path`` already."""
        raise NotImplementedError

    @classmethod
    def open_or_create(
        cls, path: str | Path, *, encoder: str | Encoder | None = None, threads: int | None = None
    ) -> Index:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """How many articles."""
        raise NotImplementedError

    # Writing -------------------------------------------------------------------------------

    def sync(
        self,
        paths: Sequence[str | Path] | None = None,
        *,
        progress: Progress | None = None,
        on_error: Callable[[IngestError], None] | None = None,
    ) -> SyncReport:
        """Make the index hold exactly what is in ``paths`` (files, folders, globs); None is all paths it knows."""
        raise NotImplementedError

    def add(self, articles: Iterable[Article], *, progress: Progress | None = None) -> SyncReport:
        """Add articles, or replace those whose source is known already. Nothing else is touched."""
        raise NotImplementedError

    def remove(self, source: str | Path) -> int:
        """Forget a source, a file, or a folder with all below it; how many articles went."""
        raise NotImplementedError

    def rebuild(self, encoder: str | Encoder | None = None, *, progress: Progress | None = None) -> SyncReport:
        """Make vectors and terms anew from the stored articles, with another encoder if one is named."""
        raise NotImplementedError

    # Reading -------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        k: int = 10,
        *,
        mode: Mode = "hybrid",
        source: str | None = None,
        since: dt.date | None = None,
        until: dt.date | None = None,
    ) -> list[Hit]:
        """The ``k`` passages that match best, best first."""
        raise NotImplementedError

    def ask(
        self,
        question: str,
        k: int = 5,
        *,
        mode: Mode = "hybrid",
        source: str | None = None,
        since: dt.date | None = None,
        until: dt.date | None = None,
    ) -> Answer:
        """The answer, quoted from one of the ``k`` best passages, or an Answer that is not ``found``."""
        raise NotImplementedError

    def similar(
        self,
        text: str | None = None,
        *,
        passage: int | None = None,
        article: str | None = None,
        k: int = 10,
        mode: Mode = "hybrid",
        source: str | None = None,
        since: dt.date | None = None,
        until: dt.date | None = None,
    ) -> list[Hit]:
        """Passages like a text, a passage (by id) or an article (by source); never itself."""
        raise NotImplementedError

    def show(self, passage_id: int) -> Hit:
        """The passage with its article. Raises UsageError if there is no such passage."""
        raise NotImplementedError

    def passages(self, article_id: int) -> list[Passage]:
        """All passages of an article, in order."""
        raise NotImplementedError

    def articles(self) -> Iterator[Article]:
        """Every article, by id."""
        raise NotImplementedError

    def status(self) -> Status:
        raise NotImplementedError

    def doctor(self, *, repair: bool = False) -> list[Finding]:
        """``semsearch.index.doctor`` for this index's folder (that one works where ``open`` refuses, too)."""
        raise NotImplementedError
