"""Paths and streams to articles: which files there are, which kind each is, and one Record for each article."""

from __future__ import annotations

import glob
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import IngestError, UsageError
from .article import MAX_TEXT, Draft, Record, finish
from .pdf import read_pdf
from .reading import read_markdown, read_text
from .records import Made, Make, Raw, Records, Report, interpret, raw_csv, raw_jsonl, unpacked
from .web import read_html
from .word import read_docx

__all__ = ["SUFFIXES", "expand", "file_hash", "read_bytes", "read_path", "read_paths", "source_of"]

SUFFIXES = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jsonl.zst": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
}
"""What is read inside of folders, by the end of the name; other files there are skipped."""

MAX_FILE = 200_000_000
"""The largest PDF or .docx, in bytes; other single articles end at MAX_TEXT, files of many have no end."""

_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a sound, film or WebP image"),
    (b"ID3", "a sound"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"SQLite format 3", "a database"),
)
_OLE = b"\xd0\xcf\x11\xe0"  # the container of old Office files, and of new ones with a password


def source_of(path: str | Path) -> str:
    """The name of a file everywhere in an index: its absolute path with forward slashes, links not followed."""
    return Path(os.path.abspath(path)).as_posix()  # noqa: PTH100  resolve() would follow links


def _kind(name: str) -> str | None:
    lower = name.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if lower.endswith(suffix)), None)


# ---- which files


def expand(
    paths: Iterable[str | Path],
    on_error: Report | None = None,
    on_skip: Callable[[Path], None] | None = None,
) -> list[Path]:
    """The files that paths, folders and globs stand for, as absolute paths, each once.

    Folders are walked through, sorted by name, links to folders not followed; hidden files and folders
    are left out silently; files of unknown kinds and those of an evaluation set (a folder that holds
    queries and judgements, as ``read_queries`` and ``read_qrels`` take them) are told to ``on_skip``. A
    folder that cannot be opened is told to ``on_error`` (raised if there is none). A file given by its
    own name is taken whatever it is. Raises UsageError for a path or pattern that leads nowhere.
    """
    found: dict[str, None] = {}
    for given in paths:
        for path in _matches(str(given)):
            if Path(path).is_dir():
                for file, wanted in _walk(path, on_error):
                    if wanted:
                        found[file] = None
                    elif on_skip:
                        on_skip(Path(file))
            else:
                found[source_of(path)] = None
    files = []
    for name in found:
        try:
            name.encode()
        except UnicodeEncodeError:
            _tell(on_error, IngestError(ascii(name), "has a name that is not valid UTF-8; rename it"))
        else:
            files.append(Path(name))
    return files


def _tell(report: Report | None, error: IngestError) -> None:
    if report is None:
        raise error
    report(error)


def _matches(given: str) -> list[str]:
    path = str(Path(given).expanduser()) if given.startswith("~/") else given
    if not given or "\0" in given:
        raise UsageError("An empty path, or one with a zero byte in it, cannot be meant; name a file or a folder.")
    if os.path.lexists(path):  # also where the name holds a * or a [
        return [path]
    matched = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []  # noqa: PTH207  absolute patterns
    if not matched:
        what = "No file matches" if glob.has_magic(path) else "There is no file or folder"
        raise UsageError(f"{what} {given}; check the path.")
    return matched


_JUDGEMENTS = ("qrels.tsv", "qrels/test.tsv")
_OF_A_SET = frozenset(("corpus.jsonl", "queries.jsonl", "answers.jsonl", "qrels.tsv"))


def _is_set(folder: str) -> bool:
    """Whether an evaluation set lies there. Its questions are no articles, its corpus often says what they say."""
    queries, judgements = (
        any(Path(folder, name + end).is_file() for name in names for end in ("", ".zst"))
        for names in (("queries.jsonl",), _JUDGEMENTS)
    )
    return queries and judgements


def _walk(folder: str, on_error: Report | None) -> Iterator[tuple[str, bool]]:
    """The files below a folder, and whether they are articles by their names."""

    def failed(error: OSError) -> None:
        _tell(on_error, IngestError(source_of(error.filename or folder), f"cannot be opened: {error.strerror}"))

    for parent, folders, names in os.walk(source_of(folder), onerror=failed):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        is_set = _is_set(parent)
        judged = Path(parent).name == "qrels" and _is_set(Path(parent).parent.as_posix())
        for name in sorted(names):
            if not _is_hidden(name):
                of_set = (is_set and name.removesuffix(".zst") in _OF_A_SET) or (judged and name.endswith(".tsv"))
                yield Path(parent, name).as_posix(), not of_set and _kind(name) is not None


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name == "__MACOSX"


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hex: what tells a changed file without parsing it. Raises IngestError."""
    try:
        with _opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _opened(path: str | Path) -> io.BufferedReader:
    # Opening a named pipe would wait for a writer.
    if not stat.S_ISREG(Path(path).stat().st_mode):
        what = "is a folder" if Path(path).is_dir() else "is no regular file; give its content on standard input"
        raise IngestError(source_of(path), what)
    return Path(path).open("rb")


def _unreadable(path: str | Path, error: OSError) -> IngestError:
    return IngestError(source_of(path), f"cannot be read: {error.strerror or error}")


# ---- from files to articles


def read_paths(
    paths: Iterable[str | Path],
    on_error: Report | None = None,
    on_skip: Callable[[Path], None] | None = None,
) -> Iterator[Record]:
    """The articles of all files that ``expand`` finds; what cannot be read is told, and the rest goes on."""
    for path in expand(paths, on_error, on_skip):
        try:
            yield from read_path(path, on_error)
        except IngestError as error:
            _tell(on_error, error)


def _in_turn(file: str, raws: Iterable[Raw]) -> Iterator[Made]:
    return (interpret(file, raw) for raw in raws)


def read_path(path: str | Path, on_error: Report | None = None, make: Make = _in_turn) -> Iterator[Record]:
    """The articles of one file. Raises IngestError if it cannot be read.

    Single broken lines of a file of many articles are told to ``on_error`` and skipped; without it the
    first one is raised. ``make`` makes the articles of such a file of its records, in whatever way.
    """
    source = source_of(path)
    try:
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            head = file.peek(4096)
            kind = _kind_of(source, head)
            if kind in ("jsonl", "csv"):
                yield from _many(kind, file, source, on_error, make, size)
                return
            _check_size(size, kind, source)
            data = file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    yield _single(kind, data, source, source)


def read_bytes(data: bytes, name: str = "stdin", on_error: Report | None = None) -> Iterator[Record]:
    """The articles in bytes from standard input; what kind they are is told from their beginning.

    The source is ``stdin#`` and twelve hex digits of their SHA-256. ``name`` may end like a file's
    ("stdin.csv") to say what they are.
    """
    source = f"{name}#{hashlib.sha256(data).hexdigest()[:12]}"
    kind = _kind_of(name, data[:4096])
    if kind in ("jsonl", "csv"):
        yield from _many(kind, io.BufferedReader(io.BytesIO(data)), source, on_error)
        return
    _check_size(len(data), kind, source)
    yield _single(kind, data, source, name)


def _kind_of(name: str, head: bytes) -> str:
    """By the first bytes where they are sure, else by the name, else by how the text begins. Raises IngestError."""
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith((b"PK\x03\x04", _OLE)):
        return "docx"
    kind = _kind(name)
    for magic, what in _MAGIC:
        if head.startswith(magic) and kind != "pdf":
            raise IngestError(name, f"is {what}, not text")
    if kind:
        return kind
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<?xml") and b"<html" in start):
        return "html"
    if start.startswith((b'{"', b"{ ", b"\x28\xb5\x2f\xfd")):
        return "jsonl"
    return "text"


def _check_size(size: int, kind: str, source: str) -> None:
    limit = MAX_FILE if kind in ("pdf", "docx") else MAX_TEXT
    if size > limit:
        raise IngestError(
            source,
            f"is {size / 10**6:.0f} MB large, one article may have {limit // 10**6} MB; split it into smaller files",
        )


def _many(
    kind: str, stream: io.BufferedReader, source: str, on_error: Report | None, make: Make = _in_turn, size: int = 0
) -> Iterator[Record]:
    records = Records(source, lambda error: _tell(on_error, error))
    raws = (raw_jsonl if kind == "jsonl" else raw_csv)(unpacked(stream), source)
    if size:
        raws = (replace(raw, at=stream.tell() / size) for raw in raws)
    for made in make(source, raws):
        if record := records.take(made):
            yield record
    records.finish()


def _single(kind: str, data: bytes, source: str, file: str) -> Record:
    if not data.strip():
        raise IngestError(source, "is empty")
    # Each module imports its parser when it is first called, not before.
    readers: dict[str, Callable[[bytes, str], Draft]] = {
        "text": read_text,
        "markdown": read_markdown,
        "html": read_html,
        "pdf": read_pdf,
        "docx": read_docx,
    }
    draft = readers[kind](data, source)
    article = finish(draft, source)
    return Record(article, file, draft.encoding, tuple(draft.notes))
