"""Large text files line by line, compressed or not, so that their size does not matter."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

from ..errors import IngestError
from .article import MAX_TEXT
from .encoding import is_binary, is_utf16

__all__ = ["MAX_LINE_BYTES", "ZSTD_MAGIC", "decompressed", "numbered_lines", "peek", "too_long"]

MAX_LINE_BYTES = 4 * MAX_TEXT
"""The longest line that is read: JSON may use six bytes for one letter."""

PEEKED_BYTES = 262_144
"""Size of the beginning of a file from which its encoding is detected."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class _ZstdStream(io.RawIOBase):
    """The decompressed content of a zstd stream.

    Raises EOFError if it ends inside a frame, which zstandard's own reader takes for the end of the file.
    """

    def __init__(self, compressed: io.BufferedReader) -> None:
        import zstandard

        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._frame = self._new_frame()
        self._compressed = compressed
        self._rest_of_chunk = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._output:
            # Small chunks: a frame may decompress to thirty thousand times its size.
            chunk = self._rest_of_chunk or self._compressed.read(4096)
            if not chunk:
                if not self._frame.eof:
                    raise EOFError
                return 0
            if self._frame.eof:
                self._frame = self._new_frame()
            self._output = memoryview(self._frame.decompress(chunk))
            self._rest_of_chunk = self._frame.unused_data
        size = min(len(buffer), len(self._output))
        buffer[:size] = self._output[:size]
        self._output = self._output[size:]
        return size


def decompressed(stream: io.BufferedReader) -> io.BufferedReader:
    """Return a stream that can be peeked into; if ``stream`` is zstd-compressed, of its decompressed content."""
    is_zstd = stream.peek(len(ZSTD_MAGIC)).startswith(ZSTD_MAGIC)
    raw = _ZstdStream(stream) if is_zstd else cast(io.RawIOBase, stream)
    return io.BufferedReader(raw, PEEKED_BYTES)


def _is_zstd_error(error: Exception) -> bool:
    # By name: without a compressed file the library is not imported.
    return isinstance(error, EOFError) or type(error).__name__ == "ZstdError"


def peek(stream: io.BufferedReader, file: str) -> bytes:
    """Return the beginning of a stream without consuming it.

    Raises:
        IngestError: The compressed data is damaged.
    """
    try:
        return stream.peek(PEEKED_BYTES)
    except Exception as error:
        if not _is_zstd_error(error):
            raise
        raise IngestError(file, "is damaged from its first byte; download it again") from error


def too_long(number: int) -> str:
    """Say that a line was skipped for its length."""
    return f"line {number} is longer than {MAX_LINE_BYTES // 10**6} MB; split it into smaller articles"


def numbered_lines(stream: io.BufferedReader, file: str) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines of a stream with their 1-based numbers.

    Lines keep their line break. UTF-16 is converted to UTF-8, a byte order mark is left out. A line longer than
    ``MAX_LINE_BYTES`` comes as None.

    Raises:
        IngestError: The file cannot be read, is binary, or its compressed data ends too early.
    """
    number = 0
    utf16_reader: io.TextIOWrapper | None = None
    try:
        head = peek(stream, file)
        if is_binary(head):
            raise IngestError(file, "looks like a binary file, not text")
        codec = is_utf16(head)
        if codec:
            utf16_reader = io.TextIOWrapper(stream, codec, errors="replace", newline="\n")
            lines = _utf16_lines(utf16_reader)
        else:
            if head.startswith(codecs.BOM_UTF8):
                stream.read(len(codecs.BOM_UTF8))
            lines = iter(lambda: stream.readline(MAX_LINE_BYTES + 1), b"")

        inside_long_line = False
        for line in lines:
            continues = inside_long_line
            inside_long_line = not line.endswith(b"\n") and len(line) > MAX_LINE_BYTES
            if continues:
                continue
            number += 1
            yield number, None if inside_long_line else line
    except OSError as error:
        raise IngestError(file, f"cannot be read after line {number}: {error.strerror or error}") from error
    except Exception as error:
        if not _is_zstd_error(error):
            raise
        raise IngestError(file, f"is cut short or damaged after line {number}; download it again") from error
    finally:
        if utf16_reader is not None:
            with suppress(ValueError):  # the file was closed before its last line was read
                utf16_reader.detach()  # else it would close the stream, which is still asked for its position


def _utf16_lines(reader: io.TextIOWrapper) -> Iterator[bytes]:
    while line := reader.readline(MAX_LINE_BYTES + 1):
        yield line.encode()
