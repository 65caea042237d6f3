"""Which files there are to read: paths, folders and globs; and whether a file has changed."""

from __future__ import annotations

import glob
import hashlib
import io
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import IngestError, UsageError
from .formats import format_of_name

__all__ = ["Discovery", "discover", "file_hash", "open_file", "source_of", "unreadable"]


@dataclass(slots=True)
class Discovery:
    """The files that paths refer to, as absolute paths, each once and in order.

    Args:
        files: Files to read.
        unknown_format: Files in folders whose names have no known suffix.
        evaluation_set: Files in folders that belong to an evaluation set (see ``semsearch.ingest.evalset``).
        errors: Folders that cannot be opened, files whose names are not UTF-8.
    """

    files: list[Path] = field(default_factory=list)
    unknown_format: list[Path] = field(default_factory=list)
    evaluation_set: list[Path] = field(default_factory=list)
    errors: list[IngestError] = field(default_factory=list)


def discover(paths: Iterable[str | Path]) -> Discovery:
    """Find the files that paths, folders and globs refer to.

    Folders are walked through in the order of names, links to folders are not followed, hidden files and folders are
    left out. A file that is named itself is included in any case.

    Raises:
        UsageError: A path or pattern matches nothing.
    """
    found = Discovery()
    for pattern in paths:
        for path in _matches(str(pattern)):
            if Path(path).is_dir():
                _walk(path, found)
            else:
                _add(found.files, source_of(path), found)
    # A file may be named twice, or be in a folder that is named too.
    found.files = list(dict.fromkeys(found.files))
    found.unknown_format = list(dict.fromkeys(found.unknown_format))
    found.evaluation_set = list(dict.fromkeys(found.evaluation_set))
    return found


def source_of(path: str | Path) -> str:
    """Return the name of a file in an index: its absolute path with forward slashes, links not followed."""
    return Path(os.path.abspath(path)).as_posix()  # noqa: PTH100  resolve() would follow links


def _add(files: list[Path], name: str, found: Discovery) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        found.errors.append(IngestError(ascii(name), "has a name that is not valid UTF-8; rename it"))
    else:
        files.append(Path(name))


def _matches(pattern: str) -> list[str]:
    """Return the path, or the paths that a glob matches, by name."""
    if not pattern or "\0" in pattern:
        raise UsageError("A path must not be empty or contain a zero byte; name a file or a folder.")
    path = str(Path(pattern).expanduser()) if pattern.startswith("~/") else pattern
    if os.path.lexists(path):  # also if its name contains a * or a [
        return [path]
    if not glob.has_magic(path):
        raise UsageError(f"There is no file or folder {pattern}; check the path.")
    matched = sorted(glob.glob(path, recursive=True))  # noqa: PTH207  absolute patterns
    if not matched:
        raise UsageError(f"No file matches {pattern}; check the path.")
    return matched


_JUDGEMENT_FILES = ("qrels.tsv", "qrels/test.tsv")
_EVALUATION_FILES = frozenset(("corpus.jsonl", "queries.jsonl", "answers.jsonl", "qrels.tsv"))


def _is_evaluation_set(folder: str | Path) -> bool:
    """Whether a folder holds queries and judgements. Its questions are not articles, and its corpus is often a copy."""
    return _holds_any(folder, ("queries.jsonl",)) and _holds_any(folder, _JUDGEMENT_FILES)


def _holds_any(folder: str | Path, names: Iterable[str]) -> bool:
    return any(Path(folder, name + end).is_file() for name in names for end in ("", ".zst"))


def _walk(folder: str, found: Discovery) -> None:
    """Add the files below a folder."""

    def failed(error: OSError) -> None:
        name = source_of(error.filename or folder)
        found.errors.append(IngestError(name, f"cannot be opened: {error.strerror}"))

    for parent, folders, names in os.walk(source_of(folder), onerror=failed):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        in_set = _is_evaluation_set(parent)
        in_judgements = Path(parent).name == "qrels" and _is_evaluation_set(Path(parent).parent)
        for name in sorted(names):
            if _is_hidden(name):
                continue
            if (in_set and name.removesuffix(".zst") in _EVALUATION_FILES) or (in_judgements and name.endswith(".tsv")):
                files = found.evaluation_set
            elif format_of_name(name) is None:
                files = found.unknown_format
            else:
                files = found.files
            _add(files, Path(parent, name).as_posix(), found)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name == "__MACOSX"


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes in hex, which shows a change without parsing.

    Raises:
        IngestError: The file cannot be read.
    """
    try:
        with open_file(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def open_file(path: str | Path) -> io.BufferedReader:
    """Open a regular file for reading.

    Raises:
        IngestError: It is something else: opening a named pipe would wait for a writer.
        OSError: It cannot be opened.
    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        problem = "is a folder" if Path(path).is_dir() else "is not a regular file; pass its content on standard input"
        raise IngestError(source_of(path), problem)
    return Path(path).open("rb")


def unreadable(path: str | Path, error: OSError) -> IngestError:
    """Return the error of a file that the operating system does not let us read."""
    return IngestError(source_of(path), f"cannot be read: {error.strerror or error}")
