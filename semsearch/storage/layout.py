"""The folder of an index: its paths, its manifest, and the writer's lock.

See ``docs/index-format.md``.
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
"""Version of the folder's layout; the tables of the database have their own."""

LOCK_TIMEOUT_S = 0.2
"""Seconds that a writer waits for another one before it gives up."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made with. If the file and the value in the database differ, the database is right."""

    encoder: str
    fingerprint: str
    dim: int
    text: int  # text.VERSION
    sentences: int  # sentences.VERSION
    window: int  # syllables of a passage, about
    lexical: int  # lexical.FORMAT
    made_with: str
    format: int = FORMAT
    details: dict[str, Any] = field(default_factory=dict)  # the encoder's own description

    def dump(self) -> str:
        """Return the manifest as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)

    @classmethod
    def parse(cls, text: str, where: object) -> Manifest:
        """Read what ``dump`` returned.

        Args:
            text: The JSON.
            where: Where it was read, for messages.

        Raises:
            IndexDamaged: It is not a manifest.
            IndexStale: It was written by a later version of semsearch.
        """
        try:
            values = json.loads(text)
            version = values["format"]
            if isinstance(version, int) and version > FORMAT:
                raise IndexStale(
                    f"The index was written by a later version of semsearch (format {version}, this one knows "
                    f"{FORMAT}); update semsearch, or index into another folder."
                )
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise IndexDamaged(f"The manifest in {where} is damaged; run: semsearch doctor --repair") from error


class Folder:
    """Paths and small files of an index."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.database = self.path / "store.db"
        self.vectors = self.path / "vectors"
        self.lexical = self.path / "lexical"
        self._manifest = self.path / "manifest.json"
        self._lock = self.path / "lock"

    def exists(self) -> bool:
        """Return whether there is an index."""
        return self.database.exists() or self._manifest.exists()

    def require(self) -> None:
        """Raise IndexMissing if there is no index, IndexDamaged if its database is missing."""
        if not self.exists():
            raise IndexMissing(f"There is no index at {self.path}; create one with: semsearch index PATH...")
        if not self.database.exists():
            raise IndexDamaged(f"{self.database} is missing; delete {self.path} and index again.")

    def segment(self, number: int) -> Path:
        """Return the folder of a vector segment."""
        return self.vectors / f"{number:06d}"

    def terms(self, number: int) -> Path:
        """Return the folder of a lexical index."""
        return self.lexical / f"{number:03d}" / "passages"

    def sync_terms(self, number: int) -> None:
        """Make the names of a lexical index durable, and those of the folders above it."""
        parent = self.lexical / f"{number:03d}"
        for path in (*_children(parent), parent, self.lexical, self.path):
            sync_folder(path)

    def size(self) -> int:
        """Return the size of all files in bytes."""
        return sum(size for size, _ in self._files())

    # Manifest ------------------------------------------------------------------------------

    def manifest(self) -> Manifest | None:
        """Return the manifest of the file, or None if it is missing. Raises IndexDamaged, IndexStale."""
        try:
            text = self._manifest.read_text("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise IndexDamaged(f"{self._manifest} is damaged; run: semsearch doctor --repair") from error
        return Manifest.parse(text, self._manifest)

    def written_manifest(self) -> str:
        """Return the text of the manifest's file; empty if it is missing or not text."""
        with suppress(OSError, UnicodeDecodeError):
            return self._manifest.read_text("utf-8")
        return ""

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest's file, durably."""
        write_text(self._manifest, manifest.dump())

    def _files(self) -> Iterator[tuple[int, str]]:
        """Yield size and name of every file that is not empty, temporary or a lock."""
        for folder, _, names in os.walk(self.path):  # unlike rglob, it ignores folders that are deleted meanwhile
            for file in map(Path(folder).joinpath, names):
                with suppress(FileNotFoundError):  # another process may be merging or cleaning up
                    size = file.stat().st_size if file.is_file() else 0
                    is_temporary = file.suffix in (".lock", ".tmp") or file.name in ("lock", "store.db-shm")
                    if size and not is_temporary:
                        yield size, file.relative_to(self.path).as_posix()

    # Lock ----------------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the writer's lock.

        Raises:
            IndexLocked: Another process, or another thread, holds it.
            StorageError: The folder cannot be written.
        """
        with storage_errors(self.path):
            make_folder(self.path)
            file = self._lock.open("a+b", buffering=0)
        with file:
            self._take(file)
            now = dt.datetime.now().astimezone().isoformat(" ", "seconds")
            with suppress(OSError):  # on a full disk the lock does not name its holder
                file.truncate(0)
                file.write(f"process {os.getpid()} on {platform.node()} since {now}".encode())
            try:
                yield
            finally:
                with suppress(OSError):  # only the name; closing the file releases the lock
                    file.truncate(0)
                _unlock(file)

    def _take(self, file: BinaryIO) -> None:
        """Take the lock, or raise IndexLocked after a moment.

        ``writer`` holds the lock for an instant, and a new holder has no name for one.
        """
        began = time.monotonic()
        while not _lock(file):
            waited = time.monotonic() - began
            holder = self._holder()
            if waited > LOCK_TIMEOUT_S and (holder or waited > 5 * LOCK_TIMEOUT_S):
                raise IndexLocked(
                    f"{holder or 'Another process'} is writing to {self.path}; wait until it is done, or stop it."
                )
            time.sleep(LOCK_TIMEOUT_S / 20)

    def writer(self) -> str:
        """Return who is writing, as "process 123 on host since ..."; empty if no one is, or if it is unknown."""
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

    def remove_orphans(self, segments: set[int], lexical: int) -> list[str]:
        """Delete the files that ``orphans`` names, and return their names."""
        orphans = self.orphans(segments, lexical)
        for name in orphans:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):  # Windows keeps a file that a reader has open; the next writer deletes it
                    path.unlink()
        return orphans

    def orphans(self, segments: set[int], lexical: int) -> list[str]:
        """Return the names of what an interrupted run left: files that the database does not name.

        Args:
            segments: The numbers of the segments that it names.
            lexical: The number of the lexical index that it names.
        """
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
    """Return what is in a folder; empty if there is no such folder, as another process may have deleted it."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(path.iterdir())
    return []


def write_text(path: Path, text: str) -> None:
    """Replace a small file atomically and durably."""
    new = path.with_name(path.name + ".tmp")
    with new.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Create a folder and those above it, durably, if they are missing."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, if the system can."""
    if sys.platform != "win32":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn errors of the system into StorageError."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of our output has gone; the disk is fine
    except OSError as error:
        raise StorageError(
            f"Cannot write {error.filename or path} ({error.strerror or error}). Nothing that was committed is lost; "
            "free some space or change permissions, then run again."
        ) from error


if sys.platform == "win32":
    import msvcrt

    _PLACE = 1 << 30  # far behind the holder's name, which others can read then

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
