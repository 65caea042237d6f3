"""The database file: its tables, its transactions, and its errors in our words."""

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
_READER_WAIT = 500  # milliseconds
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
    CREATE TABLE dead (passage INTEGER PRIMARY KEY);
    CREATE TABLE unwanted (kind TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
    INSERT INTO meta VALUES
        ('generation', 0), ('updated', ''), ('next_article', 1), ('next_passage', 1), ('next_segment', 1);
"""
_CACHE = 98_304  # KiB at most of pages kept in memory: a search looks into some hundred, anywhere
FORMAT = 1
"""Version of the tables (``PRAGMA user_version``)."""


class Database:
    """One connection to the database: for any number of readers, or for the one writer."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._frozen: tuple[int, int] | None = None  # the file that is taken not to change, when it was opened so

    # Opening -------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, str | int]) -> Self:
        """A new database that holds nothing but ``meta``.

        Raises UsageError if there is one, StorageError if it cannot be written.
        """
        if path.exists():
            raise UsageError(f"{path} exists already")
        store = cls(path, _connect(path, "rwc"))
        store._all("PRAGMA page_size = 8192")  # an article of some 3 kB leaves less of a page empty
        store._all("PRAGMA journal_mode = WAL")
        store._all("PRAGMA synchronous = FULL")
        with store.transaction():
            store._all(f"PRAGMA application_id = {_APPLICATION}")
            for statement in _TABLES.split(";"):
                store._all(statement)
            store._all(f"PRAGMA user_version = {FORMAT}")
            for key, value in meta.items():
                store.set_meta(key, value)
        return store

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> Self:
        """Raises IndexMissing, IndexDamaged, StorageError, and IndexStale if a later semsearch made it."""
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
            self._all("PRAGMA synchronous = FULL")
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
        self._all(f"PRAGMA cache_size = -{_CACHE}")
        version = self._one("PRAGMA user_version")
        if not application and not version and not self._all("SELECT 1 FROM sqlite_master LIMIT 1"):
            raise IndexMissing(f"{self.path} is empty: making the index was interrupted; run: semsearch index PATH...")
        if application != _APPLICATION or version < 1:
            raise IndexDamaged(f"{self.path} is not the database of an index; run: semsearch doctor")
        if version > FORMAT:
            raise IndexStale(
                f"the index was written by a later semsearch (tables of version {version}, known up to {FORMAT}); "
                "update semsearch, or index anew into another folder"
            )

    def _state(self) -> tuple[int, int]:
        """What changes when the database does: when it was written, and the size of what is still to be."""
        wal = Path(f"{self.path}-wal")
        return self.path.stat().st_mtime_ns, wal.stat().st_size if wal.exists() else 0

    def close(self) -> None:
        with suppress(sqlite3.Error):  # a disk error at closing loses nothing that was committed
            self._connection.close()

    # Transactions --------------------------------------------------------------------------

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reading inside sees one state, whatever a writer commits meanwhile."""
        if self._frozen and self._frozen != self._state():  # there is room again, and somebody has written
            self._connection.close()
            self._connection, self._frozen = _connect(self.path, "ro"), None
            self._check(write=False)
        self._all("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    @contextmanager
    def transaction(self, *, visible: bool = True) -> Iterator[None]:
        """All writing inside happens, durably, or none of it. ``visible``: readers notice a new generation."""
        self._all("BEGIN IMMEDIATE")
        try:
            yield
            if visible:
                self.set_meta("generation", self.generation() + 1)
                self.set_meta("updated", dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))
            self._all("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself where the disk was full
                self._connection.execute("ROLLBACK")
            raise

    def reserve(self, articles: int, passages: int) -> tuple[int, int, int]:
        """The first of so many article ids, of so many passage ids, and the number of a segment; never given again.

        Until ``clear_unwanted`` they count as unwanted: should the run die before its transaction,
        whatever was written under them elsewhere is known to be rubbish.
        """
        names = ("next_article", "next_passage", "next_segment")
        first = [int(self.meta(name)) for name in names]
        with self.transaction(visible=False):
            for name, start, count in zip(names, first, (articles, passages, 1), strict=True):
                self.set_meta(name, start + count)
            if passages:
                self._unwant(first[1], first[1] + passages - 1)
        return first[0], first[1], first[2]

    def unwanted(self) -> list[range]:
        """Ids of passages that the lexical index may hold and must not."""
        rows = self._all("SELECT first, last FROM unwanted WHERE kind = 'passages' ORDER BY first")
        return [range(first, last + 1) for first, last in rows]

    def clear_unwanted(self) -> None:
        self._all("DELETE FROM unwanted")

    def _unwant(self, first: int, last: int) -> None:
        self._all("INSERT INTO unwanted VALUES ('passages', ?, ?)", first, last)

    def generation(self) -> int:
        return int(self.meta("generation"))

    def meta(self, key: str) -> Any:
        """A single value kept by name. Raises IndexDamaged if it is not there."""
        return self._one("SELECT value FROM meta WHERE key = ?", key)

    def set_meta(self, key: str, value: str | int) -> None:
        self._all("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)

    # Care ----------------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Moves what is in the write-ahead log into the database, as far as no reader still needs it.

        A reader may hold a snapshot for minutes, so it is not waited for as long as for another writer.
        """
        self._all(f"PRAGMA busy_timeout = {_READER_WAIT}")
        self._all("PRAGMA wal_checkpoint(TRUNCATE)")

    def reindex(self) -> None:
        """Makes anew what SQLite keeps beside its tables to find rows by. Raises IndexDamaged if these are damaged."""
        self._all("REINDEX")

    def problems(self) -> list[str]:
        """What SQLite itself finds wrong; reads everything."""
        try:
            found = [row[0] for row in self._all("PRAGMA integrity_check(20)") if row[0] != "ok"]
            return found + [f"{row[0]}: row {row[1]} has no {row[2]}" for row in self._all("PRAGMA foreign_key_check")]
        except IndexDamaged as error:
            return [str(error)]

    # SQL -----------------------------------------------------------------------------------

    def _all(self, sql: str, *values: Any) -> list[Any]:
        with _spoken(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _one(self, sql: str, *values: Any) -> Any:
        rows = self._all(sql, *values)
        if not rows:
            raise self._damaged(f"the row {values}")
        return rows[0][0]

    def _many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with _spoken(self.path):
            self._connection.executemany(sql, rows)

    def _in(self, sql: str, values: Sequence[int]) -> list[Any]:
        """``sql`` with its ``%s`` as a list of values, 500 at a time: SQLite allows only so many in one statement."""
        rows: list[Any] = []
        for start in range(0, len(values), 500):
            part = values[start : start + 500]
            rows += self._all(sql % ",".join("?" * len(part)), *part)
        return rows

    def _damaged(self, what: str) -> IndexDamaged:
        return IndexDamaged(f"{what} in {self.path} is missing or not as it was written; run: semsearch doctor")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with _spoken(path):
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10.0, check_same_thread=False)


@contextmanager
def _spoken(path: Path) -> Iterator[None]:
    """SQLite's errors in the words of ``errors``."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise IndexLocked(f"{path} is being written by another process; wait until it is done") from error
        if code == sqlite3.SQLITE_FULL:
            raise StorageError(f"the disk of {path} is full; make room and run the same command again") from error
        denied = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
        if code in denied:
            raise StorageError(
                f"{path} cannot be read or written ({error}); look at the disk and its rights"
            ) from error
        raise IndexDamaged(f"{path} is damaged ({error}); run: semsearch doctor") from error
    except UnicodeDecodeError as error:  # it has no other words for tables whose names are damaged
        raise IndexDamaged(f"{path} is damaged (a text is not UTF-8); run: semsearch doctor") from error
