"""The operations that change an index: each takes the lock, does its work, and reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock

from .._version import __version__
from ..errors import IngestError, UsageError
from ..index_encoder import IndexEncoder
from ..protocols import Encoder
from ..reports import Progress, SyncReport, no_progress
from ..storage import Store
from ..storage.layout import Folder
from ..types import Article
from .pipeline import Sync, check_paths
from .rebuild import rebuild
from .writer import Writer, manifest_of, writing

__all__ = ["IndexUpdater"]

OWN_FILES = {"lock", "lexical", "vectors", "manifest.json"}
"""What a folder may contain in which an index was being created when the run was interrupted."""


class IndexUpdater:
    """Changes the index in ``folder``; one operation at a time.

    Args:
        folder: The index.
        encoder: Encodes what is added.
        threads: How many processes prepare articles; ``None`` leaves it to the machine.
        may_create: Whether the first operation creates the index if there is none.
    """

    def __init__(self, folder: Folder, encoder: IndexEncoder, threads: int | None, *, may_create: bool) -> None:
        self._folder = folder
        self._encoder = encoder
        self._threads = threads
        self._may_create = may_create
        self._one_at_a_time = RLock()

    def create(self) -> None:
        """Create an empty index."""
        with self._writing():
            pass

    def sync(
        self,
        paths: Sequence[str | Path] | None,
        progress: Progress | None,
        on_error: Callable[[IngestError], None] | None,
    ) -> SyncReport:
        """Make the index hold exactly the articles in ``paths``; ``None`` means all paths it knows."""
        if isinstance(paths, str | Path):
            raise UsageError("`paths` must be a list of paths.")
        if self._may_create:
            check_paths(None, paths or [])
        else:
            self._folder.require()
            with closing(Store.open(self._folder.database)) as store:
                check_paths(store, paths or [])
                knows_paths = bool(store.roots())
        if paths is None and (self._may_create or not knows_paths):
            raise UsageError("The index knows no paths yet. Name files or folders: semsearch index PATH...")

        with self._writing() as writer:
            run = Sync(writer, self._loader(writer), progress, on_error, self._threads)
            run.sync(paths)
        return run.report()

    def add(self, articles: Iterable[Article], progress: Progress | None) -> SyncReport:
        """Add articles, or replace those whose source is known."""
        with self._writing() as writer:
            run = Sync(writer, self._loader(writer), progress)
            run.add(articles)
            return run.report()

    def remove(self, source: str | Path) -> int:
        """Remove a source, or everything below a path; return how many sources were removed."""
        self._folder.require()
        with self._writing() as writer:
            return Sync(writer, self._loader(writer)).remove(source)

    def rebuild(self, encoder: str | Encoder | None, progress: Progress | None) -> SyncReport:
        """Rebuild vectors and terms from the stored articles, with ``encoder`` if it is not ``None``."""
        began = time.monotonic()
        with self._one_at_a_time, writing(self._folder) as writer:
            requested = encoder if encoder is not None else self._encoder.requested
            loaded = self._encoder.load(requested if requested is not None else writer.manifest.encoder)
            manifest = manifest_of(loaded, writer.manifest.made_with)
            with self._encoder.replaced(requested, loaded):  # searches go on, from one state to the other
                changed = rebuild(writer, lambda: loaded, manifest, progress or no_progress)
            counts = writer.store.counts()
        return SyncReport(
            changed=changed,
            unchanged=counts["articles"] - changed,
            passages=counts["passages"],
            encoded=writer.encoded,
            seconds=time.monotonic() - began,
        )

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        with self._one_at_a_time:
            manifest = None
            if self._may_create:
                self._require_own_folder()
                requested = self._encoder.requested if self._encoder.requested is not None else "bundled"
                loaded = self._encoder.load(requested)
                self._encoder.replace(self._encoder.requested, loaded)
                manifest = manifest_of(loaded, __version__)
            with writing(self._folder, manifest) as writer:
                yield writer
            self._may_create = False

    def _require_own_folder(self) -> None:
        """Raise UsageError if the folder contains other files and no index."""
        path = self._folder.path
        names = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
        if names - OWN_FILES and not self._folder.exists():
            raise UsageError(f"{path} is not empty and contains no index; choose another folder with --index PATH.")

    def _loader(self, writer: Writer) -> Callable[[], Encoder]:
        """Return what loads the encoder when the first text has to be encoded.

        Raises:
            IndexStale: Texts were split or cleaned by another version of semsearch.
        """
        writer.require_current()
        return lambda: self._encoder.matching(writer.manifest)
