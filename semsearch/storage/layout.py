"""The folder of an index: its files, its manifest, and the writer's lock.

``docs/index-format.md`` draws it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import IndexDamaged, IndexLocked, IndexMissing, IndexStale, StorageError

__all__ = ["FORMAT", "Folder", "Manifest", "make_folder", "storage_errors", "sync_folder"]

FORMAT = 1
"""Version of the folder's layout; the tables of the database have one of their own."""

PATIENCE = 0.2
"""Seconds after which a writer gives way to the one that is there."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made with. The database holds the same text; where they differ, that one is right."""

    encoder: str
    fingerprint: str
    dim: int
    text: int  # text.VERSION
    sentences: int  # sentences.VERSION
    window: int  # syllables that a passage aims at
    lexical: int  # lexical.FORMAT
    made_with: str
    format: int = FORMAT
    details: dict[str, Any] = field(default_factory=dict)  # the encoder's own words: prompts, segmentation, length

    def dump(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)

    @classmethod
    def parse(cls, text: str, where: object) -> Manifest:
        """Raises IndexDamaged, and IndexStale for the layout of a later semsearch."""
        try:
            values = json.loads(text)
            version = values["format"]
            if isinstance(version, int) and version > FORMAT:
                raise IndexStale(
                    f"the index was written by a later semsearch (format {version}, known up to {FORMAT}); "
                    "update semsearch, or index anew into another folder"
                )
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise IndexDamaged(f"{where} is not as it was written; run: semsearch doctor --repair") from error


class Folder:
    """Names and small files; vectors, terms and articles are the business of others."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.database = self.path / "store.db"
        self.vectors = self.path / "vectors"
        self.lexical = self.path / "lexical"
        self._manifest = self.path / "manifest.json"
        self._lock = self.path / "lock"

    def exists(self) -> bool:
        return self.database.exists() or self._manifest.exists()

    def require(self) -> None:
        """Raises IndexMissing if there is no index, IndexDamaged if its database is gone."""
        if not self.exists():
            raise IndexMissing(f"there is no index at {self.path} yet; make one with: semsearch index PATH...")
        if not self.database.exists():
            raise IndexDamaged(f"{self.database} is missing; delete {self.path} and index anew")

    def segment(self, number: int) -> Path:
        """The folder of a vector segment."""
        return self.vectors / f"{number:06d}"

    def terms(self, number: int) -> Path:
        """The folder of a lexical index."""
        return self.lexical / f"{number:03d}" / "passages"

    def sync_terms(self, number: int) -> None:
        """Makes the names in these folders durable, and those on the way to them."""
        there = self.lexical / f"{number:03d}"
        for path in (*_children(there), there, self.lexical, self.path):
            sync_folder(path)

    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self._files())

    # Manifest ------------------------------------------------------------------------------

    def manifest(self) -> Manifest | None:
        """The manifest's file; None where it is missing. Raises IndexDamaged, IndexStale."""
        try:
            text = self._manifest.read_text("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise IndexDamaged(f"{self._manifest} is not text; run: semsearch doctor --repair") from error
        return Manifest.parse(text, self._manifest)

    def written_manifest(self) -> str:
        """The text of the manifest's file; empty where there is none, or none that is text."""
        with suppress(OSError, UnicodeDecodeError):
            return self._manifest.read_text("utf-8")
        return ""

    def write_manifest(self, manifest: Manifest) -> None:
        write_text(self._manifest, manifest.dump())

    def _files(self) -> Iterator[tuple[int, str]]:
        """Yield size and name of every file that is not empty, temporary or a lock."""
        for folder, _, names in os.walk(self.path):  # it passes over folders that go meanwhile; rglob does not
            for file in map(Path(folder).joinpath, names):
                with suppress(FileNotFoundError):  # another process may be merging or cleaning up
                    size = file.stat().st_size if file.is_file() else 0
                    passing = file.suffix in (".lock", ".tmp") or file.name in ("lock", "store.db-shm")
                    if size and not passing:
                        yield size, file.relative_to(self.path).as_posix()

    # Lock ----------------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process, and in it only one thread, is inside. Raises IndexLocked, StorageError."""
        with storage_errors(self.path):
            make_folder(self.path)
            file = self._lock.open("a+b", buffering=0)
        with file:
            self._take(file)
            now = dt.datetime.now().astimezone().isoformat(" ", "seconds")
            with suppress(OSError):  # on a full disk the lock has no name
                file.truncate(0)
                file.write(f"process {os.getpid()} on {platform.node()} since {now}".encode())
            try:
                yield
            finally:
                with suppress(OSError):  # it is only a name; the lock itself goes when the file is closed
                    file.truncate(0)
                _unlock(file)

    def _take(self, file: BinaryIO) -> None:
        """Raises IndexLocked, not at once: ``writer`` holds the lock for a moment, a new holder has no name for one."""
        began = time.monotonic()
        while not _lock(file):
            waited, holder = time.monotonic() - began, self._holder()
            if waited > PATIENCE and (holder or waited > 5 * PATIENCE):
                raise IndexLocked(
                    f"{holder or 'another process'} is writing to {self.path}; wait until it is done, or stop it"
                )
            time.sleep(PATIENCE / 20)

    def writer(self) -> str:
        """Who is writing now: "process 123 on host since ..."; "" if nobody is, or nobody can tell."""
        try:
            with self._lock.open("r+b", buffering=0) as file:
                if not _lock(file):
                    return self._holder() or "another process"
                _unlock(file)
        except OSError:
            return ""
        return ""

    def _holder(self) -> str:
        with suppress(OSError):
            return self._lock.read_text("utf-8", "replace").strip()
        return ""

    # Cleaning ------------------------------------------------------------------------------

    def sweep(self, segments: set[int], lexical: int) -> list[str]:
        """Deletes what an interrupted run left: what lies in the folder and is not named by the database."""
        gone = self.strays(segments, lexical)
        for name in gone:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):  # Windows keeps a file that a reader holds; the next writer comes by again
                    path.unlink()
        return gone

    def strays(self, segments: set[int], lexical: int) -> list[str]:
        known = {self.segment(number).name for number in segments}
        found = [p for p in _children(self.vectors) if p.name not in known]
        found += [p for p in _children(self.lexical) if p.name != f"{lexical:03d}"]
        found += [p for p in _children(self.path) if p.suffix == ".tmp"]
        terms = self.terms(lexical)
        found += [p for p in _children(terms.parent) if p != terms]
        # tantivy writes small files beside their place, and does not know afterwards that it was killed there.
        found += [p for p in _children(terms) if p.name.startswith(".tmp")]
        return [p.relative_to(self.path).as_posix() for p in found]


def _children(path: Path) -> list[Path]:
    """Nothing where there is no such folder, or none any more: another process may be cleaning up."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(path.iterdir())
    return []


def write_text(path: Path, text: str) -> None:
    """Replaces a small file at once and durably: whoever looks sees the old or the new one."""
    new = path.with_name(path.name + ".tmp")
    with new.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """A folder and those above it, durably, where they are missing."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable, where the system knows such a thing."""
    if sys.platform != "win32":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """The system's errors in the words of ``errors``."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever was told about the work has gone; not the disk's fault
    except OSError as error:
        raise StorageError(
            f"{error.filename or path} cannot be written ({error.strerror or error}); nothing that was committed is "
            "lost: make room or change its rights, then run it again"
        ) from error


if sys.platform == "win32":
    import msvcrt

    _PLACE = 1 << 30  # far behind the holder's name, so that others can read it

    def _lock(file: BinaryIO) -> bool:
        file.seek(_PLACE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: BinaryIO) -> None:
        file.seek(_PLACE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
