"""The way into the index: files to records, records to prepared articles, these to changes that are committed.

``discover`` -> ``read_records`` -> known records are skipped -> ``PreparationPool`` -> ``ChangeSet`` ->
``Writer.commit``, in batches whose order and content do not depend on the number of processes.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from .. import ingest
from ..errors import EncoderUnavailable, IngestError, UsageError
from ..filters import as_date
from ..ingest import ErrorBuffer, RawRecord, RecordKeys
from ..paths import absolute, globs_below
from ..protocols import Encoder, Pretokenized
from ..reports import Progress, SyncReport
from ..storage import Store
from ..types import Article
from .changes import ChangeSet, Outcome
from .pool import PreparationPool
from .prepare import PreparedArticle, PreparedRecord, prepare, prepare_record
from .writer import Writer

__all__ = ["BATCH_ARTICLES", "BATCH_CHARACTERS", "Sync", "check_paths"]

BATCH_ARTICLES = 1024
"""Maximum number of changes in a batch."""

BATCH_CHARACTERS = 1_500_000
"""A batch is committed when its articles have this many characters: a kill then costs seconds of work, not hours."""

FIRST_BATCH_ARTICLES = 256
"""The first batch is smaller, and each after it twice as large: it is committed while other processes still start."""

MIN_RECORDS_FOR_TOTAL = 1000
"""Number of records of one file from which their total is estimated."""


def check_paths(store: Store | None, paths: Sequence[str | Path]) -> None:
    """Check that every path exists or is known, before anything is created or locked.

    Raises:
        UsageError: A path does neither.
    """
    for path in paths:
        root = absolute(path)
        is_known = store is not None and bool(root in store.roots() or store.sources_like(globs_below(root)))
        if not is_known and not _exists(root):
            ingest.discover([path])  # raises the error


# Items of the stream of records ----------------------------------------------------------------


@dataclass(slots=True)
class _FileStart:
    """A file begins; its records follow if it has changed.

    Args:
        number: Number of files before it.
        content_hash: Empty if it cannot be read.
        abandoned: Set when the rest of its records is of no use.
    """

    file: str
    number: int
    content_hash: str
    unchanged: bool = False
    abandoned: bool = False


@dataclass(frozen=True, slots=True)
class _FileEnd:
    error: IngestError | None = None


@dataclass(frozen=True, slots=True)
class _KnownRecord:
    """A record that is the same as when it was last read; ``key`` is the one that it had then."""

    record: RawRecord
    key: str


_Item = RawRecord | _FileStart | _KnownRecord | _FileEnd


@dataclass(slots=True)
class _FileState:
    """What is known of the file whose records are being put."""

    start: _FileStart
    errors: ErrorBuffer
    keys: RecordKeys = field(default_factory=RecordKeys)
    sources: set[str] = field(default_factory=set)
    encodings: set[str] = field(default_factory=set)
    failed: bool = False


class Sync:
    """One run that brings the index up to date, batch by batch, and counts what changes.

    Args:
        encoder: Returns the encoder; called when something has to be encoded.
        on_error: Called for everything that cannot be read.
        threads: Number of processors to use; None means all.
    """

    def __init__(
        self,
        writer: Writer,
        encoder: Callable[[], Encoder],
        progress: Progress | None = None,
        on_error: Callable[[IngestError], None] | None = None,
        threads: int | None = None,
    ) -> None:
        self.writer = writer
        self.encoder = encoder
        self.progress = progress
        self.on_error = on_error
        self._changes = ChangeSet(writer.store)
        self._pool = PreparationPool(None if threads is None else threads - 1, self._pretokenized)
        self._batch_articles = FIRST_BATCH_ARTICLES
        self._counts: dict[Outcome, int] = {}
        self._new_duplicates: set[str] = set()  # sources that turned out to hold what another holds
        self._failed: list[IngestError] = []
        self._notes: list[str] = []
        self._position: tuple[str, int, int] = ("", 0, 0)  # for ``progress``, once everything up to here is committed
        self._file_count = 0
        self._started = time.monotonic()

    def _pretokenized(self) -> Pretokenized | None:
        """Return the encoder if its tokenizer can be used in other processes."""
        try:
            encoder = self.encoder()
        except EncoderUnavailable:
            return None  # reported when something has to be encoded
        return encoder if isinstance(encoder, Pretokenized) and encoder.tokenizer_spec() else None

    # The three operations ------------------------------------------------------------------

    def sync(self, paths: Sequence[str | Path] | None) -> None:
        """Make the index hold what is in ``paths``; None means all paths that it knows."""
        store = self.writer.store
        roots = store.roots() if paths is None else list(dict.fromkeys(map(absolute, paths)))
        present = [root for root in roots if _exists(root)]
        gone = self._gone_roots(roots, present, named=paths is not None)
        found = ingest.discover(present)
        self._note_skipped(found)
        for error in found.errors:
            self._fail(error)
        self._set_roots(put=sorted(set(present) - set(store.roots())))
        files = [path.as_posix() for path in found.files]
        try:
            self._sync_files(files)
            self._drop_missing([*present, *gone], set(files), [error.source for error in found.errors])
            self._commit()
        finally:
            self._pool.close()
        self._set_roots(drop=sorted(set(gone) & set(store.roots())))

    def add(self, articles: Iterable[Article]) -> None:
        """Put articles that a program hands over, under the sources they name.

        Raises:
            UsageError: An article cannot be stored.
        """
        for number, article in enumerate(articles, 1):
            article = _storable(article)
            prepared = prepare(article)
            self._position = ("articles", number, 0)
            for source in article.sources:
                self._put(source, "", prepared)
            self._show_progress()
        self._commit()

    def remove(self, path: str | Path) -> int:
        """Drop a source, a file or a folder; return the number of sources dropped."""
        store = self.writer.store
        names = list(dict.fromkeys((str(path), absolute(path))))
        sources = store.sources_like([pattern for name in names for pattern in globs_below(name)])
        for source in sources:
            known = store.source(source)
            if known is not None and known.file:
                self._changes.files[known.file] = ""  # the rest of the file is read again when it is next found
            self._drop(source)
        for file in store.files():
            if any(_is_below(name, file) for name in names):
                self._changes.files[file] = None
        self._commit()
        dropped = []
        for root in store.roots():
            if any(_is_below(name, root) for name in names):
                dropped.append(root)
        self._set_roots(drop=dropped)
        return len(sources)

    def report(self) -> SyncReport:
        """Return what the run did."""
        counts = self._counts
        return SyncReport(
            added=counts.get("added", 0),
            changed=counts.get("changed", 0),
            removed=counts.get("removed", 0),
            unchanged=counts.get("unchanged", 0),
            duplicates=counts.get("duplicate", 0),
            failed=tuple(self._failed),
            passages=self.writer.passages,
            encoded=self.writer.encoded,
            notes=tuple(self._notes),
            seconds=time.monotonic() - self._started,
        )

    # Which paths ---------------------------------------------------------------------------

    def _gone_roots(self, roots: Sequence[str], present: Sequence[str], *, named: bool) -> list[str]:
        """Return the roots whose articles are to be removed, because they were deleted.

        A whole folder that is not there may be on a disk that is not mounted: unless the user ``named`` it, or it was
        inside a folder that is there, its articles stay.
        """
        gone = []
        for root in roots:
            if root in present:
                continue
            is_file = root in self.writer.store.files() or _glob_pattern(root) is not None
            is_deleted_file = is_file and Path(root).parent.exists()
            if named or is_deleted_file or any(_covers(other, root) for other in present):
                gone.append(root)
                continue
            remedy = f"to remove them: semsearch remove {shlex.quote(root)}"
            self._fail(IngestError(root, f"is not there; its articles stay in the index ({remedy})"))
        return gone

    def _note_skipped(self, found: ingest.Discovery) -> None:
        if found.unknown_format:
            count, names = _count_files(found.unknown_format), _name_some(found.unknown_format)
            self._notes.append(f"skipped {count} of unknown format: {names}")
        if found.evaluation_set:
            count, names = _count_files(found.evaluation_set), _name_some(found.evaluation_set)
            holds_corpus = any("corpus." in path.name for path in found.evaluation_set)
            hint = "; name corpus.jsonl itself to index it" if holds_corpus else ""
            self._notes.append(f"skipped {count} of an evaluation set: {names}{hint}")

    def _drop_missing(self, roots: Sequence[str], files: set[str], unopened: Sequence[str]) -> None:
        """Drop what was read from files below ``roots`` that are gone, except below folders that cannot be opened."""
        store = self.writer.store
        for file in store.files():
            if file in files or not any(_covers(root, file) for root in roots):
                continue
            if any(_covers(folder, file) for folder in unopened):
                continue
            for source in store.sources_in(file):
                self._drop(source)
            self._changes.files[file] = None

    def _set_roots(self, put: Sequence[str] = (), drop: Sequence[str] = ()) -> None:
        if not put and not drop:
            return
        self.writer.changed = True
        with self.writer.store.transaction(visible=False):
            for root in put:
                self.writer.store.put_root(root)
            for root in drop:
                self.writer.store.drop_root(root)

    # Files and their records ---------------------------------------------------------------

    def _sync_files(self, files: Sequence[str]) -> None:
        """Put the records of all files that have changed."""
        self._file_count = len(files)
        state: _FileState | None = None
        items: Iterator[tuple[_Item, PreparedRecord | IngestError | None]] = self._pool.prepare(self._records(files))
        for item, result in items:
            if isinstance(item, _FileStart):
                state = self._start_file(item)
                continue
            assert state is not None  # a file starts before its records
            if isinstance(item, _FileEnd):
                self._end_file(state, item.error)
            elif not state.start.abandoned:
                self._put_record(state, item, result)
        if len(files) > 1:
            self._position = ("files", len(files), len(files))
            self._show_progress()

    def _records(self, files: Sequence[str]) -> Iterator[_Item]:
        """Yield the records of all files that have changed, each between the start and the end of its file."""
        hashes = self.writer.store.files()
        for number, file in enumerate(files):
            start = _FileStart(file, number, "")
            error: IngestError | None = None
            try:
                start.content_hash = ingest.file_hash(file)
                start.unchanged = hashes.get(file) == start.content_hash
            except IngestError as caught:
                error = caught
            yield start
            if error is None and not start.unchanged:
                try:
                    yield from self._changed_file(start)
                except IngestError as caught:
                    error = caught
            yield _FileEnd(error)

    def _changed_file(self, start: _FileStart) -> Iterator[_Item]:
        known = self.writer.store.record_hashes(start.file)
        for record in ingest.read_records(start.file):
            if start.abandoned:
                return
            key = _known_key(record, known) if known else None
            yield record if key is None else _KnownRecord(record, key)

    def _start_file(self, start: _FileStart) -> _FileState:
        if self._file_count > 1:
            self._position = ("files", start.number, self._file_count)
        else:
            self._position = ("articles", 0, 0)
        self._show_progress()

        state = _FileState(start, ErrorBuffer(start.file, lambda error: self._fail_in(state, error)))
        return state

    def _end_file(self, state: _FileState, error: IngestError | None) -> None:
        """Drop the sources that the file no longer holds. What an unreadable part of it held before stays."""
        start = state.start
        if start.unchanged:
            self._count("unchanged", len(self.writer.store.sources_in(start.file)))
            return
        if error is None and not start.abandoned:
            try:
                state.errors.finish()
            except IngestError as caught:
                error = caught
        if error is not None:
            self._fail_in(state, error)
        if state.failed:
            return
        for source in self.writer.store.sources_in(start.file):
            if source not in state.sources:
                self._drop(source)
        self._changes.files[start.file] = start.content_hash

    def _put_record(
        self, state: _FileState, item: RawRecord | _KnownRecord, result: PreparedRecord | IngestError | None
    ) -> None:
        record = item if isinstance(item, RawRecord) else item.record
        if isinstance(item, _KnownRecord):
            if state.keys.keeps(item.key, record.number):
                self._pass_known(state, item)
                return
            result = prepare_record(record)
        assert result is not None  # every record has a result
        if isinstance(result, IngestError):
            self._add_error(state, record, result)
            return

        state.errors.good()
        file, source, notes = record.file, record.file, result.notes
        record_hash = b""
        if record.number:
            key, key_notes = state.keys.claim(result.key, record.number)
            source, notes = f"{file}#{key}", notes + key_notes
            record_hash = _record_hash(record, key)
        state.sources.add(source)
        self._set_record_position(state, record, "articles")
        # Begun, not done: if the run ends here, the file is read again.
        self._changes.files.setdefault(file, "")
        self._put(source, file, result.prepared, record_hash)
        self._notes += [f"{source}: {note}" for note in notes]
        if result.converted_from and result.converted_from not in state.encodings:
            state.encodings.add(result.converted_from)
            self._notes.append(f"{file}: converted from {result.converted_from}")

    def _pass_known(self, state: _FileState, item: _KnownRecord) -> None:
        state.errors.good()
        state.keys.claim(item.key, item.record.number)
        state.sources.add(f"{item.record.file}#{item.key}")
        self._set_record_position(state, item.record, "unchanged")
        self._count("unchanged")
        self._show_progress()

    def _add_error(self, state: _FileState, record: RawRecord, error: IngestError) -> None:
        """Report an error of a record; of a whole file, or after too many, give the file up."""
        if record.number:
            try:
                state.errors.add(error)
                return
            except IngestError as caught:
                error = caught
        state.start.abandoned = True
        self._fail_in(state, error)

    def _set_record_position(self, state: _FileState, record: RawRecord, stage: str) -> None:
        done = len(state.sources)
        is_large = done > MIN_RECORDS_FOR_TOTAL
        if record.number and (is_large or self._file_count == 1):
            total = round(done / record.position) if is_large and record.position else 0
            self._position = (stage, done, total)

    # Changes -------------------------------------------------------------------------------

    def _put(self, source: str, file: str, prepared: PreparedArticle, record_hash: bytes = b"") -> None:
        outcome = self._changes.put(source, file, prepared, record_hash)
        if outcome == "duplicate":
            self._new_duplicates.add(source)
        self._count(outcome)
        self._commit_if_full()

    def _drop(self, source: str) -> None:
        outcome, remaining = self._changes.drop(source)
        moved_to = next((other for other in remaining if other in self._new_duplicates), None)
        if moved_to is not None:
            # The same text under a new name: neither a second place nor a removal.
            self._new_duplicates.remove(moved_to)
            self._count("duplicate", -1)
            outcome = "changed"
        self._count(outcome)
        self._commit_if_full()

    def _commit_if_full(self) -> None:
        max_articles = min(self._batch_articles, BATCH_ARTICLES)
        if self._changes.size >= BATCH_CHARACTERS or self._changes.changes >= max_articles:
            self._batch_articles *= 2
            self._commit()

    def _commit(self) -> None:
        if self._changes:
            self.writer.commit(self._changes, self.encoder)
            self._changes = ChangeSet(self.writer.store)
            self._show_progress()

    def _count(self, outcome: Outcome, number: int = 1) -> None:
        self._counts[outcome] = self._counts.get(outcome, 0) + number

    def _fail(self, error: IngestError) -> None:
        self._failed.append(error)
        if self.on_error is not None:
            self.on_error(error)

    def _fail_in(self, state: _FileState, error: IngestError) -> None:
        state.failed = True
        self._fail(error)

    def _show_progress(self) -> None:
        """Show how far everything is committed."""
        if self.progress is not None and self._position[0] and not self._changes.changes:
            self.progress(*self._position)


# Records ---------------------------------------------------------------------------------------


def _known_key(record: RawRecord, known: Mapping[bytes, str]) -> str | None:
    """Return the key that a record had when it was last read; None if it is new or has changed."""
    if not record.number or record.problem:
        return None
    source = known.get(record.hash(with_number=True)) or known.get(record.hash())
    return source.removeprefix(f"{record.file}#") if source else None


def _record_hash(record: RawRecord, key: str) -> bytes:
    """Return the hash by which a record is recognised; if its key is its line, only in that line."""
    named_by_line = key == str(record.number) or key.endswith(f":{record.number}")
    return record.hash(with_number=named_by_line)


def _storable(article: Article) -> Article:
    """Return an article that a program hands over, with a day as its date.

    Raises:
        UsageError: It cannot be stored.
    """
    if not article.sources or not article.text.strip():
        raise UsageError("an article to be added needs a text and at least one source")
    texts = [("text", article.text), ("title", article.title), ("author", article.author), ("url", article.url)]
    texts += [("source", source) for source in article.sources]
    for name, text in texts:
        if re.search("[\ud800-\udfff]", text):
            raise UsageError(f"the {name} of {article.source!r} contains half a character (a lone surrogate)")
    return replace(article, date=as_date("article.date", article.date))


# Paths -----------------------------------------------------------------------------------------


def _count_files(paths: Sequence[Path]) -> str:
    return f"{len(paths)} files" if len(paths) > 1 else "a file"


def _name_some(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths[:3]]
    if len(paths) > 3:
        names.append("...")
    return ", ".join(names)


def _exists(root: str) -> bool:
    """Whether there is anything under a path or pattern."""
    if os.path.lexists(root):
        return True
    try:
        return bool(ingest.discover([root]).files)
    except UsageError:
        return False


def _is_below(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _covers(root: str, file: str) -> bool:
    """Whether a path, a folder or a pattern stands for a file."""
    if _is_below(root, file):
        return True
    pattern = _glob_pattern(root)
    if pattern is None:
        return False
    return any(pattern.fullmatch(str(path)) for path in (file, *PurePosixPath(file).parents))


@lru_cache(maxsize=256)
def _glob_pattern(root: str) -> re.Pattern[str] | None:
    """Return a pattern of paths, as ``glob`` understands it, as a regular expression; None if it is a plain path."""
    if not re.search(r"[*?\[]", root):
        return None
    expression = ""
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", root, re.DOTALL):
        if token == "**/":
            expression += r"(?:[^/]+/)*"
        elif token == "**":
            expression += ".*"
        elif token == "*":
            expression += "[^/]*"
        elif token == "?":
            expression += "[^/]"
        elif len(token) > 1:
            negation = "^" if token[1] == "!" else ""
            characters = re.escape(token[1:-1].lstrip("!")).replace(r"\-", "-")
            expression += f"[{negation}{characters}]"
        else:
            expression += re.escape(token)
    return re.compile(expression, re.DOTALL)
