"""Files and bytes to articles: ``read_records`` finds the records of a file, ``parse`` makes an article of each."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import IngestError
from .article import build_article
from .discover import discover, open_file, source_of, unreadable
from .formats import FormatSpec, detect_format, format_named
from .lines import decompressed
from .records import ErrorBuffer, ParsedRecord, RawRecord, RecordKeys, Report

__all__ = ["parse", "read_bytes", "read_file", "read_paths", "read_records"]


def read_records(path: str | Path) -> Iterator[RawRecord]:
    """Yield the records of a file without parsing them.

    A file of one article is one record. Records that cannot be used say so (``RawRecord.problem``).

    Raises:
        IngestError: The file cannot be read, or not to its end.
    """
    file = source_of(path)
    try:
        with open_file(path) as stream:
            yield from _split(stream, file, file, os.fstat(stream.fileno()).st_size)
    except OSError as error:
        raise unreadable(path, error) from error


def _split(stream: io.BufferedReader, file: str, name: str, size: int) -> Iterator[RawRecord]:
    """Yield the records of a stream of ``size`` bytes; the suffix of ``name`` may give its format."""
    spec = detect_format(name, stream)
    _check_size(spec, size, file)
    if spec.split is None:
        yield RawRecord(file, spec.name, stream.read())
        return
    for record in spec.split(decompressed(stream), file):
        yield replace(record, position=stream.tell() / size)


def _check_size(spec: FormatSpec, size: int, file: str) -> None:
    if spec.max_bytes is None or size <= spec.max_bytes:
        return
    limit = f"{spec.max_bytes // 10**6} MB"
    raise IngestError(file, f"has {size / 10**6:.0f} MB, but one article may have at most {limit}; split the file")


def parse(record: RawRecord) -> ParsedRecord:
    """Make an article of a record.

    Its source is the file, followed by ``#`` and the record's id if the file holds many articles; a record without an
    id is named by its line.

    Raises:
        IngestError: The record cannot be used.
    """
    if record.problem:
        raise IngestError(record.file, record.problem)
    if not record.content.strip():
        raise IngestError(record.file, "is empty")
    try:
        extracted = format_named(record.format).read(record.content, record.file)
        key = ""
        source = record.file
        if record.number:
            key = str(record.number) if extracted.record_id is None else extracted.record_id
            source = f"{record.file}#{key}"
        article = build_article(extracted, source)
    except IngestError as error:
        if record.number:
            raise IngestError(record.file, f"line {record.number} {error.reason}") from error
        raise
    encoding = record.encoding or extracted.encoding
    return ParsedRecord(article, record.file, key, encoding, tuple(extracted.notes))


def read_file(path: str | Path, on_error: Report | None = None) -> Iterator[ParsedRecord]:
    """Yield the articles of one file.

    Args:
        on_error: Called for every broken record of a file of many articles. None raises the first error.

    Raises:
        IngestError: The file cannot be read.
    """
    yield from _parse_all(read_records(path), source_of(path), on_error)


def read_paths(paths: Iterable[str | Path], on_error: Report | None = None) -> Iterator[ParsedRecord]:
    """Yield the articles of all files that ``discover`` finds.

    Args:
        on_error: Called for everything that cannot be read, while the rest is. None raises the first error.

    Raises:
        UsageError: A path or pattern matches nothing.
    """
    found = discover(paths)
    for error in found.errors:
        _report(error, on_error)
    for path in found.files:
        try:
            yield from read_file(path, on_error)
        except IngestError as error:
            _report(error, on_error)


def read_bytes(data: bytes, name: str = "stdin", on_error: Report | None = None) -> Iterator[ParsedRecord]:
    """Yield the articles in bytes from standard input.

    Args:
        name: Begins the source, which is ``name#`` and twelve hex digits of the content's SHA-256. A suffix
            ("stdin.csv") gives the format; without one it is recognised by the content.
        on_error: As for ``read_file``.

    Raises:
        IngestError: The bytes cannot be read.
    """
    source = f"{name}#{hashlib.sha256(data).hexdigest()[:12]}"
    yield from _parse_all(_split(io.BufferedReader(io.BytesIO(data)), source, name, len(data)), source, on_error)


def _parse_all(records: Iterable[RawRecord], file: str, on_error: Report | None) -> Iterator[ParsedRecord]:
    keys = RecordKeys()
    errors = ErrorBuffer(file, lambda error: _report(error, on_error))
    for record in records:
        try:
            parsed = parse(record)
        except IngestError as error:
            if not record.number:
                raise
            errors.add(error)
            continue
        errors.good()
        yield keys.rename(parsed, record.number) if record.number else parsed
    errors.finish()


def _report(error: IngestError, on_error: Report | None) -> None:
    if on_error is None:
        raise error
    on_error(error)
