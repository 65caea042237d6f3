"""The table of file formats: how each is recognised and read.

A new format is one reader, ``(content, source) -> ExtractedText``, and one entry in ``FORMATS``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ..errors import IngestError
from .article import MAX_TEXT, ExtractedText
from .lines import ZSTD_MAGIC
from .pdf import read_pdf
from .reading import read_markdown, read_text
from .records import RawRecord, read_fields, split_csv, split_jsonl
from .web import read_html
from .word import read_docx

__all__ = ["FORMATS", "HEAD_BYTES", "FormatSpec", "detect_format", "format_named", "format_of_name"]

MAX_DOCUMENT_BYTES = 200_000_000
"""The largest PDF or Word file: most of it is not text."""

HEAD_BYTES = 4096
"""Size of the beginning of a file by which its format is recognised."""


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """One file format.

    Args:
        name: What the format is called in ``RawRecord.format``.
        suffixes: Lower-case ends of file names. In folders only files with a known suffix are read.
        read: Reads the content of one record; raises IngestError. It may import its parser when called.
        split: Finds the records of a file of many articles; None if the whole file is one article.
        max_bytes: Largest file of the format; None if it is read piece by piece and has no limit.
        magic: First bytes that only this format has, whatever the file is called.
        zip_member: Name of a file inside a zip archive that only this format has, whatever the archive is called.
        looks_like: Recognises the format by the beginning of a file whose name says nothing.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes, str], ExtractedText]
    split: Callable[[io.BufferedReader, str], Iterator[RawRecord]] | None = None
    max_bytes: int | None = MAX_TEXT
    magic: bytes = b""
    zip_member: str = ""
    looks_like: Callable[[bytes], bool] | None = None

    @property
    def is_text(self) -> bool:
        """Whether files of the format are plain text, which begins with anything."""
        return not self.magic and not self.zip_member


def _looks_like_html(head: bytes) -> bool:
    start = _text_start(head)
    is_xhtml = start.startswith(b"<?xml") and b"<html" in start
    return is_xhtml or start.startswith((b"<!doctype html", b"<html"))


def _looks_like_jsonl(head: bytes) -> bool:
    return head.startswith(ZSTD_MAGIC) or _text_start(head).startswith((b'{"', b"{ "))


def _text_start(head: bytes) -> bytes:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()


FORMATS = (
    FormatSpec("text", (".txt", ".text"), read_text),
    FormatSpec("markdown", (".md", ".markdown"), read_markdown),
    FormatSpec("html", (".html", ".htm", ".xhtml"), read_html, looks_like=_looks_like_html),
    FormatSpec("pdf", (".pdf",), read_pdf, max_bytes=MAX_DOCUMENT_BYTES, magic=b"%PDF-"),
    FormatSpec("docx", (".docx",), read_docx, max_bytes=MAX_DOCUMENT_BYTES, zip_member="word/document.xml"),
    FormatSpec(
        "jsonl",
        (".jsonl", ".ndjson", ".jsonl.zst"),
        read_fields,
        split=split_jsonl,
        max_bytes=None,
        looks_like=_looks_like_jsonl,
    ),
    FormatSpec("csv", (".csv", ".tsv"), read_fields, split=split_csv, max_bytes=None),
)

_ZIP_MAGIC = b"PK\x03\x04"

_UNREADABLE = (
    (b"\x89PNG", "is a PNG image, not text"),
    (b"\xff\xd8\xff", "is a JPEG image, not text"),
    (b"GIF8", "is a GIF image, not text"),
    (b"RIFF", "is an audio file, a film or a WebP image, not text"),
    (b"ID3", "is an audio file, not text"),
    (b"\x1f\x8b", "is a gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "is a 7z archive; unpack it first"),
    (b"Rar!", "is a RAR archive; unpack it first"),
    (_ZIP_MAGIC, "is a zip archive, but not a document that can be read; unpack it first"),
    (b"\xd0\xcf\x11\xe0", "is an old Office file, or has a password; save it as .docx without one"),
    (b"\x7fELF", "is a program, not text"),
    (b"MZ\x90", "is a program, not text"),
    (b"SQLite format 3", "is a database, not text"),
)
"""First bytes of files that are not read, and the reason that is reported."""


def format_named(name: str) -> FormatSpec:
    """Return the format of this name."""
    return next(spec for spec in FORMATS if spec.name == name)


def format_of_name(file_name: str) -> FormatSpec | None:
    """Return the format that a file's name says; None if it says nothing."""
    lower = file_name.lower()
    for spec in FORMATS:
        if lower.endswith(spec.suffixes):
            return spec
    return None


def detect_format(name: str, stream: io.BufferedReader) -> FormatSpec:
    """Recognise the format of a file by its content and its name. The stream stays at its beginning.

    Content that only one format has decides; then the suffix; then how the text begins.

    Raises:
        IngestError: It is a file of another kind: an image, an archive, a program.
    """
    head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    by_name = format_of_name(name)
    by_content = [spec for spec in FORMATS if spec.magic and head.startswith(spec.magic)]
    if head.startswith(_ZIP_MAGIC):
        members = _zip_members(stream)
        by_content = [spec for spec in FORMATS if spec.zip_member and spec.zip_member in members]
    if by_content:
        return by_name if by_name in by_content and by_name is not None else by_content[0]
    if by_name is not None and not by_name.is_text:
        return by_name  # its reader says what is wrong with it
    for magic, problem in _UNREADABLE:
        if head.startswith(magic):
            raise IngestError(name, problem)
    if by_name is not None:
        return by_name
    for spec in FORMATS:
        if spec.looks_like is not None and spec.looks_like(head):
            return spec
    return format_named("text")


def _zip_members(stream: io.BufferedReader) -> set[str]:
    """Return the names of the files inside a zip archive; none if it is damaged."""
    import zipfile

    members: set[str] = set()
    with suppress(zipfile.BadZipFile, ValueError, OSError, NotImplementedError), zipfile.ZipFile(stream) as archive:
        members.update(archive.namelist())
    stream.seek(0)
    return members
