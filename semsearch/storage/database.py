"""The database file: opening it, its transactions, and errors of SQLite as those of semsearch."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from ..errors import IndexDamaged, IndexLocked, IndexMissing, IndexStale, StorageError, UsageError

__all__ = ["FORMAT", "Database"]

_APPLICATION = 0x53454D53  # "SEMS"
_CHECKPOINT_TIMEOUT_MS = 500
_TABLES = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE roots (path TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE files (path TEXT PRIMARY KEY, hash TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE articles (
        id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE, checksum BLOB NOT NULL, title TEXT NOT NULL, date TEXT,
        author TEXT NOT NULL, url TEXT NOT NULL, blocks BLOB NOT NULL,
        text TEXT NOT NULL);  -- a BLOB if it is deflated
    CREATE INDEX articles_date ON articles (date);
    CREATE INDEX articles_url ON articles (url);
    CREATE TABLE sources (
        number INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, article INTEGER NOT NULL REFERENCES articles,
        file TEXT NOT NULL, content_hash BLOB NOT NULL, record_hash BLOB NOT NULL, metadata TEXT);
    CREATE INDEX sources_article ON sources (article);
    CREATE INDEX sources_file ON sources (file);
    CREATE TABLE passages (
        id INTEGER PRIMARY KEY, article INTEGER NOT NULL REFERENCES articles, position INTEGER NOT NULL,
        sentences BLOB NOT NULL);
    CREATE INDEX passages_article ON passages (article);
    CREATE TABLE segments (
        number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        passages INTEGER NOT NULL, sha256 TEXT NOT NULL);
    CREATE TABLE term_vectors (passage INTEGER PRIMARY KEY, terms BLOB NOT NULL);
    CREATE TABLE token_ids (passage INTEGER PRIMARY KEY, encoder BLOB NOT NULL, ids BLOB NOT NULL);
    CREATE TABLE tombstones (passage INTEGER PRIMARY KEY);
    CREATE TABLE pending_term_deletes (first INTEGER NOT NULL, last INTEGER NOT NULL);
    INSERT INTO meta VALUES
        ('generation', 0), ('updated', ''), ('next_article', 1), ('next_passage', 1), ('next_segment', 1);
"""
_CACHE_KIB = 98_304  # of pages in memory: a search reads some hundred pages, anywhere in the file
FORMAT = 1
"""Version of the tables (``PRAGMA user_version``)."""


class Database:
    """One connection to the database: for one of any number of readers, or for the one writer."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._frozen: tuple[int, int] | None = None  # the state of the file, if it was opened as one that cannot change

    # Opening -------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, str | int]) -> Self:
        """Create an empty database.

        Args:
            path: The file.
            meta: The first rows of the table ``meta``.

        Raises:
            UsageError: The file exists.
            StorageError: It cannot be written.
        """
        if path.exists():
            raise UsageError(f"{path} already exists.")
        store = cls(path, _connect(path, "rwc"))
        store.execute("PRAGMA page_size = 8192")  # an article of some 3 kB leaves less of a page empty
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("PRAGMA synchronous = FULL")
        with store.transaction():
            store.execute(f"PRAGMA application_id = {_APPLICATION}")
            for statement in _TABLES.split(";"):
                store.execute(statement)
            store.execute(f"PRAGMA user_version = {FORMAT}")
            for key, value in meta.items():
                store.set_meta(key, value)
        return store

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> Self:
        """Open a database.

        Raises:
            IndexMissing: There is no database, or creating it was interrupted.
            IndexDamaged: It is not the database of an index.
            IndexStale: It was written by a later version of semsearch.
            StorageError: It cannot be read.
        """
        if not path.exists():
            raise IndexMissing(f"{path} is missing")
        store = cls(path, _connect(path, "rw" if write else "ro"))
        try:
            store._check(write)
        except BaseException:
            store.close()
            raise
        return store

    def _check(self, write: bool) -> None:
        if write:
            # FULL: what tantivy and the disk are told after a commit must never survive the commit itself.
            self.execute("PRAGMA synchronous = FULL")
        try:
            application = self._one("PRAGMA application_id")
        except StorageError:
            # A folder that cannot be written (another user's, a disk that is full or read-only) has no place for
            # the shared memory of WAL; without a WAL beside it the file does not change and is read as it is.
            wal = Path(f"{self.path}-wal")
            if write or (wal.exists() and wal.stat().st_size):
                raise
            self._connection.close()
            self._frozen = self._state()
            self._connection = _connect(self.path, "ro&immutable=1")
            application = self._one("PRAGMA application_id")
        self.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        version = self._one("PRAGMA user_version")
        if not application and not version and not self.execute("SELECT 1 FROM sqlite_master LIMIT 1"):
            raise IndexMissing(
                f"{self.path} is empty: creating the index was interrupted; run: semsearch index PATH..."
            )
        if application != _APPLICATION or version < 1:
            raise IndexDamaged(f"{self.path} is not the database of an index; run: semsearch doctor")
        if version > FORMAT:
            raise IndexStale(
                f"The index was written by a later version of semsearch (tables of version {version}, "
                f"this one knows {FORMAT}); update semsearch, or index into another folder."
            )

    def _state(self) -> tuple[int, int]:
        """Return what changes with the database: its modification time and the size of the write-ahead log."""
        wal = Path(f"{self.path}-wal")
        return self.path.stat().st_mtime_ns, wal.stat().st_size if wal.exists() else 0

    def close(self) -> None:
        with suppress(sqlite3.Error):  # a disk error at closing loses nothing that was committed
            self._connection.close()

    # Transactions --------------------------------------------------------------------------

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state inside, whatever a writer commits meanwhile."""
        if self._frozen and self._frozen != self._state():  # there is room again, and somebody has written
            self._connection.close()
            self._connection, self._frozen = _connect(self.path, "ro"), None
            self._check(write=False)
        self.execute("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    @contextmanager
    def transaction(self, *, visible: bool = True) -> Iterator[None]:
        """Write all changes made inside durably, or none of them.

        Args:
            visible: Whether the generation grows, so that readers notice the change.
        """
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            if visible:
                self.set_meta("generation", self.generation() + 1)
                self.set_meta("updated", dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))
            self.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite rolls back by itself if the disk is full
                self._connection.execute("ROLLBACK")
            raise

    def reserve(self, articles: int, passages: int) -> tuple[int, int, int]:
        """Reserve ids for new articles and passages, and the number of a segment. None of them is ever given out again.

        Until ``clear_pending_term_deletes`` the passages' terms are to be deleted: if the run dies before its
        transaction, whatever it wrote to the lexical index under these ids is deleted by the next run.

        Args:
            articles: How many article ids.
            passages: How many passage ids.

        Returns:
            The first article id, the first passage id, and the number of the segment.
        """
        names = ("next_article", "next_passage", "next_segment")
        first = [int(self.meta(name)) for name in names]
        with self.transaction(visible=False):
            for name, start, count in zip(names, first, (articles, passages, 1), strict=True):
                self.set_meta(name, start + count)
            if passages:
                self._delete_terms_later(first[1], first[1] + passages - 1)
        return first[0], first[1], first[2]

    def pending_term_deletes(self) -> list[range]:
        """Return the ids of passages whose terms the lexical index may hold and must not."""
        rows = self.execute("SELECT first, last FROM pending_term_deletes ORDER BY first")
        return [range(first, last + 1) for first, last in rows]

    def clear_pending_term_deletes(self) -> None:
        """Note that the lexical index holds none of them any more."""
        self.execute("DELETE FROM pending_term_deletes")

    def _delete_terms_later(self, first: int, last: int) -> None:
        self.execute("INSERT INTO pending_term_deletes VALUES (?, ?)", first, last)

    def generation(self) -> int:
        """Return the number of visible transactions so far."""
        return int(self.meta("generation"))

    def meta(self, key: str) -> Any:
        """Return a value of the table ``meta``. Raises IndexDamaged if it is missing."""
        return self._one("SELECT value FROM meta WHERE key = ?", key)

    def set_meta(self, key: str, value: str | int) -> None:
        """Set a value of the table ``meta``."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)

    # Maintenance ----------------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database, as far as no reader needs it.

        Readers may hold a snapshot for minutes; they are waited for half a second.
        """
        self.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_TIMEOUT_MS}")
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def reindex(self) -> None:
        """Rebuild SQLite's own indexes from the tables. Raises IndexDamaged if these are damaged."""
        self.execute("REINDEX")

    def problems(self) -> list[str]:
        """Return what SQLite itself finds wrong. Reads everything."""
        problems = []
        try:
            for (problem,) in self.execute("PRAGMA integrity_check(20)"):
                if problem != "ok":
                    problems.append(problem)
            for table, row, parent, _ in self.execute("PRAGMA foreign_key_check"):
                problems.append(f"{table}: row {row} has no {parent}")
            return problems
        except IndexDamaged as error:
            return [str(error)]

    # SQL -----------------------------------------------------------------------------------

    def execute(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement and return its rows. Raises as ``open`` does, and IndexLocked."""
        with _sqlite_errors(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _one(self, sql: str, *values: Any) -> Any:
        rows = self.execute(sql, *values)
        if not rows:
            raise self._damaged(f"the row {values}")
        return rows[0][0]

    def _many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with _sqlite_errors(self.path):
            self._connection.executemany(sql, rows)

    def _in(self, sql: str, values: Sequence[int]) -> list[Any]:
        """Run ``sql`` with its ``%s`` as a list of values, 500 at a time: SQLite limits the values of a statement."""
        rows: list[Any] = []
        for start in range(0, len(values), 500):
            part = values[start : start + 500]
            rows += self.execute(sql % ",".join("?" * len(part)), *part)
        return rows

    def _damaged(self, what: str) -> IndexDamaged:
        return IndexDamaged(f"{what} in {self.path} is missing or damaged; run: semsearch doctor")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with _sqlite_errors(path):
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10.0, check_same_thread=False)


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into those of semsearch."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise IndexLocked(f"Another process is writing to {path}; wait until it is done.") from error
        if code == sqlite3.SQLITE_FULL:
            raise StorageError(f"The disk of {path} is full; free some space and run the command again.") from error
        denied = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
        if code in denied:
            raise StorageError(f"Cannot read or write {path} ({error}); check the disk and its permissions.") from error
        raise IndexDamaged(f"{path} is damaged ({error}); run: semsearch doctor") from error
    except UnicodeDecodeError as error:  # raised for tables with a damaged name
        raise IndexDamaged(f"{path} is damaged (a text is not UTF-8); run: semsearch doctor") from error
