"""Files of many articles: JSON lines and CSV, read line by line, so that their size does not matter.

``raw_jsonl`` and ``raw_csv`` only find where each record lies; ``interpret`` makes an article of one, and may do so in
another process; ``Records`` puts together what needs them all. A line that cannot be used is reported with its
number, and the rest goes on.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, cast

from ..errors import IngestError
from ..text import clean
from ..types import Article
from .article import MAX_TEXT, Draft, Record, finish
from .dates import parse_date
from .encoding import Undecodable, decode, is_binary, is_utf16, line_decoder
from .head import FIELDS, as_url, field_name, first_field

__all__ = [
    "Made",
    "Make",
    "Raw",
    "Records",
    "Report",
    "interpret",
    "numbered_lines",
    "raw_csv",
    "raw_jsonl",
    "unpacked",
]

Report = Callable[[IngestError], None]


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it stands in its file: a line of JSON, or the fields of a row by name.

    A text is the reason why it is none, told after "line N" (or as it is where ``number`` is 0).
    """

    number: int  # of its line
    content: bytes | dict[str, str] | str
    encoding: str = "utf-8"
    at: float = 0.0  # the share of the file that was read up to here; 0 if nobody knows
    known: str = ""  # the key of its article, if that is known already: then nothing is made of it

    def mark(self, numbered: bool = False) -> bytes:
        """Eight bytes that are another record's only if that says the same, ``numbered`` in the same line."""
        content = self.content if isinstance(self.content, bytes) else repr(self.content).encode("utf-8", "replace")
        return blake2b(content, digest_size=8, salt=b"%x" % self.number if numbered else b"").digest()


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a record: an article under its key, or the reason why there is none.

    Neither of them where the article is known already.
    """

    number: int
    key: str = ""
    article: Article | None = None
    encoding: str = ""
    reason: str = ""
    more: Any = None  # whatever else a ``Make`` made of the article
    raw: Raw | None = field(default=None, repr=False)  # of which it was made


Make = Callable[[str, Iterable[Raw]], Iterator[Made]]
"""From the records of a file to what becomes of each, in their order; ``interpret`` for each of them does."""

MAX_LINE = 4 * MAX_TEXT
"""The longest line, in bytes: JSON may spend six of them on one letter."""
_SNIFFED = 262_144  # bytes of a CSV file from which its encoding is told
_MANY = 100  # broken lines before a file without one good line is given up
_ZSTD = b"\x28\xb5\x2f\xfd"


class _Zstd(io.RawIOBase):
    """What a zstd-compressed stream holds; EOFError where it ends in the middle of a frame.

    (zstandard's own reader takes a cut file for a short one.)
    """

    def __init__(self, packed: io.BufferedReader) -> None:
        import zstandard

        self._new = zstandard.ZstdDecompressor().decompressobj
        self._frame = self._new()
        self._packed, self._rest, self._out = packed, b"", memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._out:
            # Few at a time: a frame may hold thirty thousand times its size.
            chunk = self._rest or self._packed.read(4096)
            if not chunk:
                if not self._frame.eof:
                    raise EOFError
                return 0
            if self._frame.eof:
                self._frame = self._new()
            self._out = memoryview(self._frame.decompress(chunk))
            self._rest = self._frame.unused_data
        given = min(len(buffer), len(self._out))
        buffer[:given], self._out = self._out[:given], self._out[given:]
        return given


def unpacked(stream: io.BufferedReader) -> io.BufferedReader:
    """The stream with room to peek into; if it is zstd-compressed, what is in it."""
    raw = _Zstd(stream) if stream.peek(4).startswith(_ZSTD) else cast(io.RawIOBase, stream)
    return io.BufferedReader(raw, _SNIFFED)


def _is_zstd_error(error: Exception) -> bool:
    return isinstance(error, EOFError) or type(error).__name__ == "ZstdError"  # its module may not be imported


def _peeked(stream: io.BufferedReader, source: str) -> bytes:
    """The first bytes, still there to be read. Raises IngestError where compressed bytes are damaged."""
    try:
        return stream.peek(_SNIFFED)
    except Exception as error:
        if not _is_zstd_error(error):
            raise
        raise IngestError(source, "is cut short or damaged from its first byte; fetch it again") from error


def numbered_lines(stream: io.BufferedReader, source: str, report: Report) -> Iterator[tuple[int, bytes]]:
    """Lines in UTF-8 (if they were in UTF-16) with 1-based numbers, without a byte order mark.

    A line longer than MAX_LINE is reported and skipped. Raises IngestError where reading fails or
    compressed bytes end too early.
    """
    number, wide = 0, None
    try:
        head = _peeked(stream, source)
        if is_binary(head):
            raise IngestError(source, "looks like a binary file, not text")
        if codec := is_utf16(head):
            wide = io.TextIOWrapper(stream, codec, errors="replace", newline="\n")
            lines: Iterator[bytes] = (line.encode() for line in iter(lambda: wide.readline(MAX_LINE + 1), ""))
        else:
            stream.read(len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0)
            lines = iter(lambda: stream.readline(MAX_LINE + 1), b"")
        too_long = False
        for line in lines:
            started = too_long
            too_long = not line.endswith(b"\n") and len(line) > MAX_LINE
            number += not started
            if too_long and not started:
                report(
                    IngestError(
                        source, f"line {number} is longer than {MAX_LINE // 10**6} MB; split it into smaller articles"
                    )
                )
            if not too_long and not started:
                yield number, line
    except OSError as error:
        raise IngestError(source, f"cannot be read after line {number}: {error.strerror or error}") from error
    except Exception as error:
        if not _is_zstd_error(error):
            raise
        raise IngestError(source, f"is cut short or damaged after line {number}; fetch it again") from error
    finally:
        if wide:
            with suppress(ValueError):  # the file was closed before the last line was asked for
                wide.detach()  # it would close the stream, whose place is still asked for


class Records:
    """What needs all records of a file: a source of its own for each, and what is told of those that are broken.

    Broken lines are told once there is a good one: a file without any is one error, not thousands.
    """

    def __init__(self, file: str, report: Report) -> None:
        self.file = file
        self.report = report
        self.keys: set[str] = set()
        self.held: list[IngestError] = []

    def fail(self, number: int, reason: str) -> None:
        error = IngestError(self.file, f"line {number} {reason}")
        if self.keys:
            self.report(error)
            return
        self.held.append(error)
        if len(self.held) == _MANY:
            self.finish()

    def finish(self) -> None:
        """Raises IngestError if lines were broken and none was good."""
        if self.held:
            count = "its one line" if len(self.held) == 1 else f"its first {len(self.held)} lines"
            raise IngestError(self.file, f"holds no article in {count}; {self.held[0].reason}")

    def take(self, made: Made) -> Record | None:
        if made.raw and made.raw.known and self._renamed(made.key, made.number):
            made = interpret(self.file, replace(made.raw, known=""))
        article, key = made.article, made.key
        if made.raw and made.raw.known:
            article = Article("", (f"{self.file}#{key}",), ())
        if article is None:
            if made.number:
                self.fail(made.number, made.reason)
            else:
                self.report(IngestError(self.file, made.reason))
            return None
        notes: tuple[str, ...] = ()
        if key in self.keys:
            notes = (f"the id {key} is used more than once",)
            key = f"{key}:{made.number}"
            article = replace(article, sources=(f"{self.file}#{key}",))
        self.keys.add(key)
        while self.held:
            self.report(self.held.pop(0))
        return Record(article, self.file, made.encoding, notes, made.more, made.raw)

    def _renamed(self, key: str, number: int) -> bool:
        """Whether a record that is known as ``key`` has another name now: what came before it in the file changed."""
        base = key.removesuffix(f":{number}")
        return key in self.keys or (base != key and base not in self.keys)


def interpret(file: str, raw: Raw) -> Made:
    """The article of one record, ``file#id`` its source (the line's number where it has no id)."""
    number, values, encoding = raw.number, raw.content, raw.encoding
    if raw.known:
        return Made(number, raw.known, raw=raw)
    if isinstance(values, str):
        return Made(number, reason=values)
    if isinstance(values, bytes):
        try:
            values, encoding = _json(values)
        except ValueError as error:
            return Made(number, reason=str(error))
    draft = _draft(values)
    if draft is None:
        return Made(number, reason=f"has no text: no field is named {', '.join(FIELDS['text'][:4])} or the like")
    given = first_field(values, "id")
    key = " ".join(clean(str(number if given is None else given)).split())
    try:
        return Made(number, key, finish(draft, f"{file}#{key}"), encoding, raw=raw)
    except IngestError as error:
        return Made(number, reason=error.reason)


def _json(line: bytes) -> tuple[dict[str, Any], str]:
    """The fields of a line and its encoding. Raises ValueError with the reason."""
    try:
        text, encoding = line.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = decode(line)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no valid JSON ({str(error)[:80]})") from None
    if not isinstance(values, dict):
        raise ValueError("is no JSON object")
    return {field_name(str(name)): value for name, value in reversed(values.items())}, encoding


def _written(value: object) -> str:
    """A field as text: a list is one paragraph for each item."""
    if isinstance(value, list):
        return "\n\n".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""


def _draft(values: Mapping[str, object]) -> Draft | None:
    """The draft of a record's fields (named as in FIELDS); None if there is no text among them."""
    text, abstract = _written(first_field(values, "text")), _written(first_field(values, "abstract"))
    if abstract.strip() and not text.lstrip().startswith(abstract.strip()):
        text = f"{abstract}\n\n{text}" if text.strip() else abstract
    if not text.strip():
        return None
    author = first_field(values, "author")
    names = author if isinstance(author, list) else [author]
    return Draft(
        text,
        title=str(first_field(values, "title") or "") if any(name in values for name in FIELDS["title"]) else None,
        date=parse_date(first_field(values, "date") or ""),
        author=", ".join(name for name in names if isinstance(name, str)),
        url=next((url for name in FIELDS["url"] if (url := as_url(values.get(name)))), ""),
    )


def raw_jsonl(stream: io.BufferedReader, file: str) -> Iterator[Raw]:
    """The lines that are not empty."""
    seen_any = False
    told: list[IngestError] = []
    for number, line in numbered_lines(stream, file, told.append):
        yield from _told(told)
        if line.strip():
            seen_any = True
            yield Raw(number, line)
    yield from _told(told)
    if not seen_any:
        raise IngestError(file, "is empty: it holds no text")


def _told(errors: list[IngestError]) -> Iterator[Raw]:
    """Errors in their place among the records."""
    while errors:
        yield Raw(0, errors.pop(0).reason)


def raw_csv(stream: io.BufferedReader, file: str) -> Iterator[Raw]:
    """The rows of a table with a header; separated by comma, semicolon, tab or bar."""
    decoder, encoding = _told_from(_peeked(stream, file), file)
    told: list[IngestError] = []
    at = 0  # the number of the line last given to the parser

    def lines() -> Iterator[str]:
        nonlocal at
        for number, line in numbered_lines(stream, file, told.append):
            at = number
            yield from io.StringIO(decoder(line), newline=None)  # a lone \r ends a line too

    source = lines()
    header = next((line for line in source if line.strip()), "")
    if not header:
        raise IngestError(file, "is empty: it holds no text")
    delimiter, names = _header(header, file)
    # The parser's own limit (128 KB for a field) is below the length of long articles.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_TEXT))
    rows = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        number = at + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            upto = f" up to line {at}" if at > number else ""
            yield Raw(number, f"is no valid CSV{upto} ({error}); is a quote opened and not closed?")
            continue
        yield from _told(told)
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(names):
            yield Raw(
                number, f"has {len(row)} columns, its header {len(names)}; put quotes around text with a “{delimiter}”"
            )
            continue
        yield Raw(number, dict(reversed(list(zip(names, row, strict=False)))), encoding)


def _told_from(sample: bytes, file: str) -> tuple[Callable[[bytes], str], str]:
    """What decodes the lines of a file (as ``numbered_lines`` gives them), and the name of its encoding."""
    if codec := is_utf16(sample):
        return (lambda line: line.decode("utf-8")), codec
    try:
        return line_decoder(sample[: sample.rfind(b"\n") + 1] or sample)
    except Undecodable as error:
        raise IngestError(file, str(error)) from None


def _header(line: str, file: str) -> tuple[str, list[str]]:
    """The separator and the columns' names. Raises IngestError if no column is known to hold text."""
    known = FIELDS["text"] + FIELDS["abstract"]
    best: tuple[str, list[str]] = ("", [])
    for delimiter in ",;\t|":
        try:
            cells = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            continue
        names = [field_name(cell) for cell in cells]
        if len(names) > len(best[1]) and any(name in known for name in names):
            best = (delimiter, names)
    if len(best[1]) == 1:
        return "\x1f", best[1]  # one column: no sign in its text separates anything
    if not best[0]:
        raise IngestError(
            file, f"has no header with a text column: name one of its columns {' or '.join(FIELDS['text'])}"
        )
    return best
