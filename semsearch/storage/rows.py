"""What stands in the rows of the database, and the checksums that tell if it is as it was written."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

from .. import text as words
from ..errors import StorageError
from ..types import Article, Span

__all__ = [
    "PHRASES",
    "Metadata",
    "Segment",
    "Source",
    "body_hash",
    "checksum",
    "content_hash",
    "deflated",
    "inflated",
    "pack",
    "sealed",
    "stamp",
    "unpack",
]

PHRASES = Path(__file__).with_name("phrases.txt")
"""Words, and pairs of words, that are frequent in Vietnamese: texts are deflated as if they followed these."""

_PHRASES_CRC32 = 0x2DAE6B8E
"""Of the words as they are used: with others no text could be read, and all would seem damaged."""

_LONG = 1000
"""Bytes from which on a text is deflated: to less than half of them as a rule."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The vectors of passages ``first..last``: a file that is written once."""

    number: int
    fingerprint: str  # of the encoder
    first: int
    last: int
    passages: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a source says about its article beside the text."""

    title: str
    date: dt.date | None
    author: str
    url: str

    @classmethod
    def of(cls, article: Article) -> Self:
        """Return the metadata of an article."""
        return cls(article.title, article.date, article.author, article.url)

    def of_article(self, article: Article) -> Article:
        """Return the article with this metadata."""
        return replace(article, title=self.title, date=self.date, author=self.author, url=self.url)

    def dump(self) -> str:
        """Return the metadata as JSON."""
        date = self.date.isoformat() if self.date is not None else None
        return json.dumps([self.title, date, self.author, self.url], ensure_ascii=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``dump`` returned. Raises ValueError or TypeError if it is something else."""
        title, date, author, url = json.loads(text)
        return cls(str(title), None if date is None else dt.date.fromisoformat(date), str(author), str(url))


@dataclass(frozen=True, slots=True)
class Source:
    """A place where an article was found.

    Args:
        source: Its name: a file, a record of a file, or what a program called it.
        article: Id of the article.
        file: File that it was read from; empty if a program handed it over.
        content_hash: ``content_hash`` of the article as it was found here.
        record_hash: Hash of the record that it was read from, in a file of many articles.
        metadata: What it says about the article; None if that is what the stored article says.
    """

    source: str
    article: int
    file: str
    content_hash: bytes
    record_hash: bytes = b""
    metadata: Metadata | None = None


def content_hash(article: Article) -> bytes:
    """16 bytes that change with anything in the article except its id and sources."""
    date = article.date.isoformat() if article.date else ""
    parts = (article.text, article.title, date, article.author, article.url)
    digest = hashlib.blake2b(pack(article.blocks), digest_size=16)
    for part in parts:
        data = part.encode()
        digest.update(b"%d:" % len(data) + data)
    return digest.digest()


def body_hash(article: Article) -> bytes:
    """16 bytes that are the same for the same text met elsewhere: title, spacing and tone placement aside."""
    blocks = [" ".join(words.canonical(block.of(article.text)).split()) for block in article.blocks]
    title = " ".join(words.canonical(article.title).split())
    body = "\n".join(block for block in blocks if block != title) or f"{title}\0{article.text}"
    return hashlib.blake2b(body.encode(), digest_size=16).digest()


def deflated(text: str) -> str | bytes:
    """A text as its row holds it: a long one compressed, in UTF-8; a short one as it is."""
    data = text.encode()
    if len(data) < _LONG:
        return text
    writer = zlib.compressobj(zdict=_dictionary())
    return writer.compress(data) + writer.flush()


def inflated(held: str | bytes) -> str:
    """Raises zlib.error, ValueError if it is not as it was written; StorageError without the words for it."""
    if isinstance(held, str):
        return held
    reader = zlib.decompressobj(zdict=_dictionary())  # taken only by what was written with it
    data = reader.decompress(held)
    if not reader.eof or reader.unused_data:
        raise ValueError("it does not end where it was written to")
    return data.decode()


@lru_cache(maxsize=1)
def _dictionary() -> bytes:
    try:
        data = PHRASES.read_bytes()
    except OSError as error:
        raise StorageError(f"{PHRASES} cannot be read ({error.strerror}); install semsearch again.") from error
    data = data.replace(b"\r\n", b"\n").replace(b"\n", b" ")  # git may have changed the ends of lines
    if zlib.crc32(data) != _PHRASES_CRC32:
        raise StorageError(f"{PHRASES} is not as it was made, and texts cannot be read; install semsearch again.")
    return data


def pack(spans: Sequence[Span]) -> bytes:
    return struct.pack(f"<{2 * len(spans)}I", *(offset for span in spans for offset in (span.start, span.end)))


def unpack(blob: bytes) -> tuple[Span, ...]:
    numbers = struct.unpack(f"<{len(blob) // 4}I", blob)
    return tuple(Span(start, end) for start, end in zip(numbers[::2], numbers[1::2], strict=True))


def sealed(id_: int, article: int, position: int, sentences: Sequence[Span]) -> bytes:
    """The spans and a checksum over them and over the numbers of their row."""
    blob = pack(sentences)
    return blob + struct.pack("<I", zlib.crc32(blob, zlib.crc32(struct.pack("<3q", id_, article, position))))


def stamp(fingerprint: str, passage: int = 0, content: bytes = b"") -> bytes:
    """Four bytes that tell an encoder, and what it keeps of a passage, from others."""
    mark = zlib.crc32(struct.pack("<q", passage), zlib.crc32(fingerprint.encode()))
    return struct.pack("<I", zlib.crc32(content, mark))


def checksum(article: Article) -> bytes:
    return hashlib.blake2b(struct.pack("<q", article.id) + content_hash(article), digest_size=8).digest()
