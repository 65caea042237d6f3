"""Rows of the database, and the checksums that show whether they are as they were written."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from .. import text as words
from ..types import Article, Span

__all__ = [
    "Metadata",
    "Segment",
    "Source",
    "article_checksum",
    "body_hash",
    "compress_text",
    "content_hash",
    "decompress_text",
    "pack_spans",
    "pack_with_checksum",
    "token_checksum",
    "unpack_spans",
]

_MIN_DEFLATED_BYTES = 1000
"""A shorter text gains little, and any SQLite client can read it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The vectors of passages between ``first`` and ``last``: files that are written once."""

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
    """Return 16 bytes that change with anything in the article except its id and its sources."""
    date = article.date.isoformat() if article.date else ""
    parts = (article.text, article.title, date, article.author, article.url)
    digest = hashlib.blake2b(pack_spans(article.blocks), digest_size=16)
    for part in parts:
        data = part.encode()
        digest.update(b"%d:" % len(data) + data)
    return digest.digest()


def body_hash(article: Article) -> bytes:
    """Return 16 bytes that are equal for equal texts, whatever their title, spacing and placement of tone marks."""
    blocks = [" ".join(words.canonical(block.of(article.text)).split()) for block in article.blocks]
    title = " ".join(words.canonical(article.title).split())
    body = "\n".join(block for block in blocks if block != title) or f"{title}\0{article.text}"
    return hashlib.blake2b(body.encode(), digest_size=16).digest()


def compress_text(text: str) -> str | bytes:
    """Return a text as its row holds it: a long one as UTF-8, deflated (RFC 1950); a short one as it is."""
    data = text.encode()
    return text if len(data) < _MIN_DEFLATED_BYTES else zlib.compress(data)


def decompress_text(stored: str | bytes) -> str:
    """Return the text that ``compress_text`` was given.

    Raises:
        zlib.error: It is not complete, or was changed.
        ValueError: It is not UTF-8.
    """
    return stored if isinstance(stored, str) else zlib.decompress(stored).decode()


def pack_spans(spans: Sequence[Span]) -> bytes:
    """Return spans as bytes: start and end of each, uint32, little endian."""
    offsets = []
    for span in spans:
        offsets += [span.start, span.end]
    return struct.pack(f"<{len(offsets)}I", *offsets)


def unpack_spans(packed: bytes) -> tuple[Span, ...]:
    """Return the spans that ``pack_spans`` was given. Raises struct.error or ValueError if it was something else."""
    numbers = struct.unpack(f"<{len(packed) // 4}I", packed)
    return tuple(Span(start, end) for start, end in zip(numbers[::2], numbers[1::2], strict=True))


def pack_with_checksum(id_: int, article: int, position: int, sentences: Sequence[Span]) -> bytes:
    """Return the packed spans of a passage's sentences, and a CRC-32 of them and of the numbers of their row."""
    packed = pack_spans(sentences)
    checksum = zlib.crc32(struct.pack("<3q", id_, article, position))
    return packed + struct.pack("<I", zlib.crc32(packed, checksum))


def token_checksum(fingerprint: str, passage: int = 0, content: bytes = b"") -> bytes:
    """Return a CRC-32, 4 bytes, of an encoder's fingerprint, of a passage's id and of its packed token ids."""
    checksum = zlib.crc32(struct.pack("<q", passage), zlib.crc32(fingerprint.encode()))
    return struct.pack("<I", zlib.crc32(content, checksum))


def article_checksum(article: Article) -> bytes:
    """Return 8 bytes that change with anything in the article except its sources."""
    return hashlib.blake2b(struct.pack("<q", article.id) + content_hash(article), digest_size=8).digest()
