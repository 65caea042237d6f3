"""Files of many articles, JSON lines and CSV: where each record begins and ends, and what its fields say.

``split_jsonl`` and ``split_csv`` only find the records, so they are quick; ``read_fields`` interprets one record, and
may do so in another process. A record that cannot be used is reported with its line, and the others are read.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from ..errors import IngestError
from ..text import clean
from ..types import Article
from .article import MAX_TEXT, ExtractedText
from .dates import parse_date
from .encoding import Undecodable, decode, is_utf16, line_decoder
from .head import FIELDS, as_url, field_name, first_field
from .lines import numbered_lines, peek, too_long

__all__ = [
    "ErrorBuffer",
    "ParsedRecord",
    "RawRecord",
    "RecordKeys",
    "Report",
    "read_fields",
    "split_csv",
    "split_jsonl",
]

Report = Callable[[IngestError], None]

MAX_ERRORS_BEFORE_FIRST_ARTICLE = 100
"""A file whose first lines are all unusable is given up after this many."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One article as it is in its file: the whole file, a JSON line, or a CSV row (as a JSON object).

    Args:
        file: Absolute path with forward slashes, or a name for other input.
        format: Name of the ``FormatSpec``.
        number: 1-based line in the file; 0 if the whole file is the record.
        encoding: Encoding of the file, where the content was converted already.
        position: Share of the file that was read up to here, 0..1; 0 if unknown.
        problem: Why the record cannot be used, as a clause that begins with its line; empty if it can.
    """

    file: str
    format: str
    content: bytes
    number: int = 0
    encoding: str = ""
    position: float = 0.0
    problem: str = ""

    def hash(self, *, with_number: bool = False) -> bytes:
        """Return 8 bytes that identify the content, or the content in this line."""
        salt = b"%x" % self.number if with_number else b""
        return blake2b(self.content, digest_size=8, salt=salt).digest()


@dataclass(frozen=True, slots=True)
class ParsedRecord:
    """The article of a record, and what was noticed while reading it.

    Args:
        key: Id of the record within its file; empty if the whole file is the record.
        encoding: Encoding of the text; empty for formats that do not leave it open (PDF, docx).
        notes: Remarks for the user, one clause each.
    """

    article: Article
    file: str
    key: str = ""
    encoding: str = ""
    notes: tuple[str, ...] = ()

    @property
    def converted_from(self) -> str:
        """The encoding that the text was converted from; empty if it was Unicode in the usual form."""
        return "" if self.encoding in ("", "utf-8", "utf-8-sig", "ascii") else self.encoding


class RecordKeys:
    """Gives every record of one file a key of its own, also where the file uses an id twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def claim(self, key: str, number: int) -> tuple[str, tuple[str, ...]]:
        """Return the key for the record of this id in this line, and notes about it."""
        notes: tuple[str, ...] = ()
        if key in self._taken:
            notes = (f"the id {key} is used more than once",)
            key = f"{key}:{number}"
        unique, count = key, 1
        while unique in self._taken:
            count += 1
            unique = f"{key}~{count}"
        self._taken.add(unique)
        return unique, notes

    def keeps(self, key: str, number: int) -> bool:
        """Whether the record in this line, which had ``key`` in an earlier version of the file, still gets it."""
        own_id = key.removesuffix(f":{number}")
        if key in self._taken:
            return False
        return own_id == key or own_id in self._taken

    def rename(self, parsed: ParsedRecord, number: int) -> ParsedRecord:
        """Return the record with the key that it gets in its file."""
        key, notes = self.claim(parsed.key, number)
        if key == parsed.key:
            return parsed
        article = replace(parsed.article, sources=(f"{parsed.file}#{key}",))
        return replace(parsed, article=article, key=key, notes=parsed.notes + notes)


class ErrorBuffer:
    """Holds back the errors of a file until one of its records was good: a file without any is one error."""

    def __init__(self, file: str, report: Report) -> None:
        self._file = file
        self._report = report
        self._any_good = False
        self._held: list[IngestError] = []

    def add(self, error: IngestError) -> None:
        """Report or hold an error.

        Raises:
            IngestError: None of the first records can be used.
        """
        if self._any_good:
            self._report(error)
            return
        self._held.append(error)
        if len(self._held) == MAX_ERRORS_BEFORE_FIRST_ARTICLE:
            self.finish()

    def good(self) -> None:
        """Note that a record was good; report what was held."""
        self._any_good = True
        for error in self._held:
            self._report(error)
        self._held.clear()

    def finish(self) -> None:
        """End the file.

        Raises:
            IngestError: Records were broken and none was good.
        """
        if self._held:
            lines = "its one line" if len(self._held) == 1 else f"its first {len(self._held)} lines"
            raise IngestError(self._file, f"holds no article in {lines}; {self._held[0].reason}")


# One record ------------------------------------------------------------------------------------


def read_fields(content: bytes, file: str) -> ExtractedText:
    """Read a record that is a JSON object with the fields of an article.

    Raises:
        IngestError: It is not one, or has no text.
    """
    try:
        text, encoding = content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        try:
            text, encoding = decode(content)
        except Undecodable as error:
            raise IngestError(file, str(error)) from None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise IngestError(file, f"is not valid JSON ({str(error)[:80]})") from None
    if not isinstance(values, dict):
        raise IngestError(file, "is not a JSON object")
    # Where a name occurs twice, the first counts.
    fields = {field_name(str(name)): value for name, value in reversed(values.items())}
    extracted = _extract(fields)
    if extracted is None:
        raise IngestError(file, f"has no text: no field is named {', '.join(FIELDS['text'][:4])} or similar")
    extracted.encoding = encoding
    return extracted


def _extract(fields: Mapping[str, object]) -> ExtractedText | None:
    """Return the text and metadata of fields named as in FIELDS; None if none of them holds text."""
    text = _text_of(first_field(fields, "text"))
    abstract = _text_of(first_field(fields, "abstract"))
    if abstract.strip() and not text.lstrip().startswith(abstract.strip()):
        text = f"{abstract}\n\n{text}" if text.strip() else abstract
    if not text.strip():
        return None

    title = None
    if any(name in fields for name in FIELDS["title"]):
        title = str(first_field(fields, "title") or "")
    author = first_field(fields, "author")
    authors = author if isinstance(author, list) else [author]
    url = ""
    for name in FIELDS["url"]:
        url = url or as_url(fields.get(name))
    record_id = first_field(fields, "id")
    return ExtractedText(
        text,
        title=title,
        date=parse_date(first_field(fields, "date") or ""),
        author=", ".join(name for name in authors if isinstance(name, str)),
        url=url,
        record_id=None if record_id is None else " ".join(clean(str(record_id)).split()),
    )


def _text_of(value: object) -> str:
    """Return a field as text: a list is one paragraph for each item."""
    if isinstance(value, list):
        return "\n\n".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""


# JSON lines ------------------------------------------------------------------------------------


def split_jsonl(stream: io.BufferedReader, file: str) -> Iterator[RawRecord]:
    """Yield the lines of a file that are not blank.

    Raises:
        IngestError: The file cannot be read, or has no such line.
    """
    is_empty = True
    for number, line in numbered_lines(stream, file):
        if line is None:
            is_empty = False
            yield RawRecord(file, "jsonl", b"", number, problem=too_long(number))
        elif line.strip():
            is_empty = False
            yield RawRecord(file, "jsonl", line, number)
    if is_empty:
        raise IngestError(file, "is empty: it holds no text")


# CSV -------------------------------------------------------------------------------------------


def split_csv(stream: io.BufferedReader, file: str) -> Iterator[RawRecord]:
    """Yield the rows of a table with a header, separated by comma, semicolon, tab or bar, as JSON objects.

    Raises:
        IngestError: The file cannot be read, is empty, or has no column for the text.
    """
    decode_line, encoding = _csv_decoder(peek(stream, file), file)
    line_number = 0  # of the line that the parser got last
    long_lines: list[int] = []

    def decoded_lines() -> Iterator[str]:
        nonlocal line_number
        for number, line in numbered_lines(stream, file):
            line_number = number
            if line is None:
                long_lines.append(number)
            else:
                yield from io.StringIO(decode_line(line), newline=None)  # a lone \r ends a line too

    lines = decoded_lines()
    header = next((line for line in lines if line.strip()), "")
    if not header:
        raise IngestError(file, "is empty: it holds no text")
    delimiter, names = _csv_header(header, file)
    # The parser's own limit, 128 KB for a field, is below the length of long articles.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_TEXT))
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = line_number + 1
        problem = ""
        row: list[str] | None = []
        try:
            row = next(rows, None)
        except csv.Error as error:
            lines_read = f"line {number}" if line_number <= number else f"line {number} up to line {line_number}"
            problem = f"{lines_read} is not valid CSV ({error}); is a quote opened and not closed?"
        for long_line in long_lines:
            yield RawRecord(file, "csv", b"", long_line, problem=too_long(long_line))
        long_lines.clear()
        if row is None:
            return
        if len(row) > len(names):
            problem = (
                f"line {number} has {len(row)} columns, but the header has {len(names)}; "
                f"put quotes around text that contains “{delimiter}”"
            )
        if problem:
            yield RawRecord(file, "csv", b"", number, problem=problem)
        elif any(cell.strip() for cell in row):
            yield RawRecord(file, "csv", _row_as_json(names, row), number, encoding)


def _row_as_json(names: Sequence[str], row: Sequence[str]) -> bytes:
    fields: dict[str, Any] = {}
    for name, cell in zip(names, row, strict=False):
        fields.setdefault(name, cell)
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")


def _csv_decoder(sample: bytes, file: str) -> tuple[Callable[[bytes], str], str]:
    """Return a function that decodes the lines of ``numbered_lines``, and the name of the file's encoding."""
    codec = is_utf16(sample)
    if codec:
        return (lambda line: line.decode("utf-8")), codec
    try:
        return line_decoder(sample[: sample.rfind(b"\n") + 1] or sample)
    except Undecodable as error:
        raise IngestError(file, str(error)) from None


def _csv_header(line: str, file: str) -> tuple[str, list[str]]:
    """Return the separator and the columns' names.

    Raises:
        IngestError: No column is known to hold text.
    """
    text_names = FIELDS["text"] + FIELDS["abstract"]
    best_delimiter = ""
    best_names: list[str] = []
    for delimiter in ",;\t|":
        try:
            cells = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            continue
        names = [field_name(cell) for cell in cells]
        if len(names) > len(best_names) and any(name in text_names for name in names):
            best_delimiter, best_names = delimiter, names
    if not best_names:
        raise IngestError(
            file, f"has no header with a text column: name one of its columns {' or '.join(FIELDS['text'])}"
        )
    if len(best_names) == 1:
        best_delimiter = "\x1f"  # one column: no character of its text is a separator
    return best_delimiter, best_names
